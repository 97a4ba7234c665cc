"""Cubic B-spline interpolation onto a grid along the image's axes, bit for bit ITK's.

See ``kernels/spline.hpp`` for the sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from radstore.images import _native
from radstore.images.arrays import Array, array_module, like, on_device
from radstore.images.launch import KERNELS, Lines, along_lines, threads_for
from radstore.images.lazy import Lazy
from radstore.images.positions import Axis

POLE = 3**0.5 - 2  # what a coefficient keeps of its neighbour
REACH = 40  # voxels after which |POLE|^n, and the rounding it leaves, are gone from a double


def interpolate(image: Array | Lazy, along: Sequence[Axis], threads: int) -> Array:
    """The image at every combination of the positions along z, y and x, float64 [z, y, x].

    Only the part of the image is read that the positions need: their neighbours, and `REACH` voxels around
    for the coefficients.
    """
    taps = [spline_taps(axis.position, axis.size) for axis in along]
    starts = [max(0, int(place.min()) - REACH) for place, _ in taps]
    stops = [min(a.size, int(p.max()) + 1 + REACH) for (p, _), a in zip(taps, along, strict=True)]
    z, y, x = (slice(a, b) for a, b in zip(starts, stops, strict=True))
    around = image[z, y, x]
    coefficients = array_module(around).array(around, dtype=np.float64, order="C")
    places = tuple(np.ascontiguousarray(p - a, np.int32) for (p, _), a in zip(taps, starts, strict=True))
    weights = tuple(weight for _, weight in taps)
    pz, py, px = (POLE ** (n - 1.0) for n in coefficients.shape)
    if on_device(coefficients):
        return _on_device(coefficients, (pz, py, px), places, weights)
    _native.decompose(coefficients, (pz, py, px), threads)
    out = np.empty(tuple(place.shape[1] for place in places))
    _native.interpolate(coefficients, places, weights, out, threads)
    return out


def spline_taps(position: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The four coefficients that each position takes and their weights, both [4, position].

    Places beyond the image are mirrored at its first and last voxel. ITK finds the first place in single
    precision, and so do we.
    """
    base = np.floor(position.astype(np.float32)).astype(np.int64)
    w = position - base
    w3 = (1.0 / 6.0) * w * w * w
    w0 = (1.0 / 6.0) + 0.5 * w * (w - 1.0) - w3
    w2 = w + w0 - 2.0 * w3
    place = np.abs(base + np.arange(-1, 3)[:, None])
    place = np.abs(np.where(place >= size - 1, 2 * (size - 1) - place, place))
    return place if size > 1 else np.zeros_like(place), np.stack([w0, 1.0 - w0 - w2 - w3, w2, w3])


def _on_device(
    coefficients: Array, powers: Sequence[float], places: Sequence[np.ndarray], weights: Sequence[np.ndarray]
) -> Array:
    """A thread a line for the coefficients, a thread a voxel for the values."""
    from radstore.cuda import function

    decompose = function(KERNELS / "resample.cu", "decompose_lines")
    for axis in (2, 1, 0):

        def run(lines: Lines, last: float = powers[axis]) -> Array:
            sizes = np.int64(lines.count), np.int64(lines.inner), np.int32(lines.length), np.float64(last)
            decompose(*threads_for(lines.count), (lines.image, *sizes))  # in place
            return lines.image

        coefficients = along_lines(coefficients, axis, run)
    out = array_module(coefficients).empty(tuple(place.shape[1] for place in places))
    taps: list[Any] = [like(part, out) for pair in zip(places, weights, strict=True) for part in pair]
    sizes = [np.int64(n) for n in (*coefficients.shape[1:], *out.shape)]
    kernel = function(KERNELS / "resample.cu", "interpolate_voxels")
    kernel(*threads_for(out.size), (coefficients, out, *taps, *sizes))
    return out
