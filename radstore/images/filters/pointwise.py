"""Filters that map one intensity to one value: square, square root, logarithm and exponential.

PyRadiomics rescales each so that the image's largest absolute value M stays what it was. M is that of the whole
image: who filters only a part of it passes `largest`. Computed in float64 whatever the image's dtype. In an
image of zeros Square, Logarithm and Exponential are NaN, as in PyRadiomics.
"""

from __future__ import annotations

import numpy as np

from radstore.images.arrays import Array, array_module


def largest_of(image: Array) -> float:
    """Max |x| over the image, as float64."""
    xp = array_module(image)
    low, high = (
        xp.stack([image.min(), image.max()]).astype(np.float64).tolist()
    )  # synchronises: a number on the host
    return max(abs(low), abs(high))


def square(image: Array, largest: float | None = None) -> Array:
    """(x / √M)²"""
    M = _largest(image, largest)
    with np.errstate(all="ignore"):
        scaled = image.astype(np.float64) * float(1 / np.sqrt(M))
    return scaled * scaled


def squareroot(image: Array, largest: float | None = None) -> Array:
    """√(M |x|), with the sign of x"""
    xp = array_module(image)
    x = image.astype(np.float64)
    return xp.copysign(xp.sqrt(xp.abs(x) * float(_largest(image, largest))), x)


def logarithm(image: Array, largest: float | None = None) -> Array:
    """ln(|x| + 1) · M / ln(M + 1), with the sign of x"""
    xp = array_module(image)
    x = image.astype(np.float64)
    M = _largest(image, largest)
    with np.errstate(all="ignore"):
        return xp.copysign(xp.log(xp.abs(x) + 1), x) * float(M / np.log(M + 1))


def exponential(image: Array, largest: float | None = None) -> Array:
    """e^(x · ln(M) / M)"""
    xp = array_module(image)
    M = _largest(image, largest)
    with np.errstate(all="ignore"):
        return xp.exp(image.astype(np.float64) * float(np.log(M) / M))


def _largest(image: Array, largest: float | None) -> np.float64:
    return np.float64(largest_of(image) if largest is None else largest)
