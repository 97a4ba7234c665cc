"""Our classes in PyRadiomics' own places, for programs that say ``import radiomics``."""

from __future__ import annotations

import sys

import radiomics
from radiomics import featureextractor

# Imported here so that the engine `pyradiomics`, the reference, keeps the library's own classes.
import radstore.engines.pyradiomics.library  # noqa: F401
from radstore.compat import classes
from radstore.compat.featureextractor import RadiomicsFeatureExtractor


def install() -> None:
    """Let PyRadiomics use our classes in this process from now on, as ``python -m radstore.compat`` does.

    Extractors look their classes up each time they run, so those that were made before compute with ours too.
    """
    radiomics._featureClasses = classes.getFeatureClasses()
    featureextractor.RadiomicsFeatureExtractor = RadiomicsFeatureExtractor
    # Whole modules, not the names in them: the library's classes look themselves up there.
    for module in classes.CLASSES:
        setattr(radiomics, module, classes)
        sys.modules[f"radiomics.{module}"] = classes
