"""What the installed PyRadiomics cannot do, known before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from radstore.engines.pyradiomics.filters import transform_of
from radstore.engines.pyradiomics.library import FEATURE_CLASSES, VERSION, library
from radstore.graph import Feature, Graph


def refusals(graph: Graph) -> dict[str, str]:
    """Feature name → why it cannot be computed here, and what to do."""
    refused = {feature.name: _refusal(feature) for feature in graph}
    return {name: reason for name, reason in refused.items() if reason}


def unknown_definitions(graph: Graph) -> dict[str, str]:
    """Feature name → the advice to take another engine, where IBSI's definitions stand anywhere above it."""
    advice = "ibsi: true asks for IBSI's definitions, which PyRadiomics has not; use the engine cpu or cuda"
    return {feature.name: advice for feature in graph if feature.node.chain().get("ibsi")}


def _refusal(feature: Feature) -> str:
    known = FEATURE_CLASSES.get(feature.family)
    if known is None or feature.feature not in known.getFeatureNames():
        return f"PyRadiomics {VERSION} has no feature {feature.family}_{feature.feature}; leave it out"
    if feature.family == "shape2D" and not feature.node.chain().get("force2D"):
        return "2-D shape features need a plane: set force2D to true, or use the class shape"
    filtered = transform_of(feature.filtered).op
    if filtered == "lbp3d" and feature.node.chain().get("maskedKernel") is False:
        # outside the region the library leaves its array uninitialised
        return "LBP3D has values in the region only: set maskedKernel to true"
    missing = FILTER_NEEDS.get(filtered)
    return missing() if missing else ""


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
