"""What no engine can compute, known from the graph alone."""

from __future__ import annotations

from radstore.engines.groups import transform_of
from radstore.graph import Feature
from radstore.texture.names import FEATURES


def refusal(feature: Feature) -> str:
    """Why a feature cannot be computed by any engine, and what to do; empty if nothing stands against it."""
    known = FEATURES.get(feature.family, {}).get(feature.feature)
    if known is None or known.status == "withdrawn":
        return f"there is no feature {feature.family}_{feature.feature}; leave it out"
    settings = feature.node.chain()
    if feature.family == "shape2D" and not settings.get("force2D"):
        return "2-D shape features need a plane: set force2D to true, or use the class shape"
    if transform_of(feature.filtered).op == "lbp3d" and settings.get("maskedKernel") is False:
        # outside the region PyRadiomics leaves its array uninitialised
        return "LBP3D has values in the region only: set maskedKernel to true"
    return ""
