"""What the installed PyRadiomics cannot do, known before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from radstore.engines.groups import transform_of
from radstore.engines.pyradiomics.library import FEATURE_CLASSES, VERSION, library
from radstore.engines.refusals import refusal
from radstore.graph import Feature, Graph


def refusals(graph: Graph) -> dict[str, str]:
    """Feature name → why it cannot be computed here, and what to do."""
    refused = {feature.name: _refusal(feature) for feature in graph}
    return {name: reason for name, reason in refused.items() if reason}


def _refusal(feature: Feature) -> str:
    known = FEATURE_CLASSES.get(feature.family)
    if known is None or feature.feature not in known.getFeatureNames():
        return f"PyRadiomics {VERSION} has no feature {feature.family}_{feature.feature}; leave it out"
    if feature.node.chain().get("ibsi"):
        return "ibsi: true asks for IBSI's definitions, which PyRadiomics has not; use the engine cpu or cuda"
    missing = FILTER_NEEDS.get(transform_of(feature.filtered).op)
    return refusal(feature) or (missing() if missing else "")


@cache
def _lbp2d() -> str:
    try:
        with library():
            from skimage.feature import local_binary_pattern  # noqa: F401
    except ImportError as error:
        return f"PyRadiomics' LBP2D needs scikit-image ({error}); pip install scikit-image"
    return ""


@cache
def _lbp3d() -> str:
    try:
        with library():  # the very imports that PyRadiomics tries
            from scipy.ndimage.interpolation import map_coordinates  # noqa: F401
            from scipy.special import sph_harm  # noqa: F401

            import_module("trimesh.creation")
    except ImportError as error:
        return (
            f"PyRadiomics' LBP3D needs trimesh and a scipy below 1.17 ({error}); "
            "pip install trimesh 'scipy<1.17', or leave LBP3D out"
        )
    return ""


# Operation of a filter → what it lacks here, or nothing.
FILTER_NEEDS: dict[str, Callable[[], str]] = {"lbp2d": _lbp2d, "lbp3d": _lbp3d}
