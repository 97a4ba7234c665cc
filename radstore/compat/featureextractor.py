"""`radiomics.featureextractor` with our feature classes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from radiomics import imageoperations
from radiomics.featureextractor import RadiomicsFeatureExtractor as _Reference
from radiomics.featureextractor import logger

from radstore.compat.classes import getFeatureClasses

__all__ = ["RadiomicsFeatureExtractor"]


class RadiomicsFeatureExtractor(_Reference):  # type: ignore[misc]  # the library has no types
    """`radiomics.featureextractor.RadiomicsFeatureExtractor`, its features computed by our classes.

    Constructor, attributes and methods are PyRadiomics'.
    """

    def _applyParams(self, paramsFile: str | Path | None = None, paramsDict: dict | None = None) -> None:
        super()._applyParams(None if paramsFile is None else str(paramsFile), paramsDict)

    def computeFeatures(
        self, image: sitk.Image, mask: sitk.Image, imageTypeName: str, **kwargs: Any
    ) -> OrderedDict[str, Any]:
        """The features of one filtered image: arrays of no dimensions, or in voxel mode images."""
        found: OrderedDict[str, Any] = OrderedDict()
        for family in self.enabledFeatures:
            if family in getFeatureClasses() and not family.startswith("shape"):
                found.update(self._execute(family, image, mask, imageTypeName, kwargs))
        return found

    def computeShape(
        self, image: sitk.Image, mask: sitk.Image, boundingBox: np.ndarray, **kwargs: Any
    ) -> OrderedDict[str, Any]:
        """The enabled shape features, of the region's box."""
        found: OrderedDict[str, Any] = OrderedDict()
        image, mask = imageoperations.cropToTumorMask(image, mask, boundingBox)
        for family in ("shape", "shape2D"):
            if family not in self.enabledFeatures:
                continue
            if refusal := _no_shape(family, mask.GetDimension(), boundingBox, kwargs):
                logger.warning(refusal)
            else:
                found.update(self._execute(family, image, mask, "original", kwargs))
        return found

    def _execute(
        self, family: str, image: sitk.Image, mask: sitk.Image, image_type: str, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        logger.info("Computing %s", family)
        calculator = getFeatureClasses()[family](image, mask, **settings)
        for name in self.enabledFeatures[family] or ():
            calculator.enableFeatureByName(name)
        return {f"{image_type}_{family}_{name}": value for name, value in calculator.execute().items()}


def _no_shape(family: str, dimensions: int, box: np.ndarray, settings: Mapping[str, Any]) -> str:
    """Why PyRadiomics leaves out a shape class; nothing where it does not."""
    if family == "shape":
        return "" if dimensions == 3 else f"shape needs a 3-D image, this one has {dimensions} dimensions"
    if dimensions == 2:
        return ""
    if dimensions != 3 or not settings.get("force2D", False):
        return "shape2D needs force2D (and a region in one slice), or a 2-D image"
    axis = settings.get("force2Ddimension", 0)
    if (box[1::2] - box[0::2] + 1)[axis] <= 1:  # x first, though the setting counts from z: as the library
        return f"shape2D needs more than one voxel along axis {axis} of the region's box"
    return ""
