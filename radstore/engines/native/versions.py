"""The algorithm version of every operation: part of the key of every number below it."""

from __future__ import annotations

from collections.abc import Mapping

FAMILY = "native/1"

# Raise an operation's version when a value of it changes.
VERSIONS: Mapping[str, int] = {
    "window": 1,
    "normalise": 1,
    "resample": 1,
    "resample-mask": 1,
    "crop": 1,
    "crop-mask": 1,
    "roi": 1,
    "resegment": 1,
    "box": 1,
    "log": 1,
    "wavelet": 1,
    "square": 1,
    "squareroot": 1,
    "logarithm": 1,
    "exponential": 1,
    "gradient": 1,
    "lbp2d": 1,
    "lbp3d": 1,
    "band": 1,
    "discretise": 1,
    "firstorder": 1,
    "glcm": 1,
    "glrlm": 1,
    "glszm": 1,
    "gldm": 1,
    "ngtdm": 1,
    "shape": 1,
    "shape2D": 1,
    "feature": 1,
}


def version(op: str) -> str:
    """``native/<op>/<version>``."""
    return f"native/{op}/{VERSIONS[op]}"
