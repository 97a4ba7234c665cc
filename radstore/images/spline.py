"""Cubic B-spline interpolation onto a grid along the image's axes, bit for bit ITK's.

See ``kernels/spline.hpp`` for the sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
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
    read, start = coefficients(image, [(int(p.min()), int(p.max())) for p, _ in taps], threads)
    places = tuple(np.ascontiguousarray(p - a, np.int32) for (p, _), a in zip(taps, start, strict=True))
    weights = tuple(weight for _, weight in taps)
    if on_device(read):
        return _on_device(read, places, weights)
    out = np.empty(tuple(place.shape[1] for place in places))
    _native.interpolate(read, places, weights, out, threads)
    return out


def coefficients(
    image: Array | Lazy, span: Sequence[tuple[int, int]], threads: int
) -> tuple[Array, tuple[int, ...]]:
    """The spline's coefficients, float64 [z, y, x], from the first to the last voxel that `span` names along
    each axis, and some around; and the index in the image of the first of them.
    """
    start = tuple(max(0, first - REACH) for first, _ in span)
    stop = (min(n, last + 1 + REACH) for (_, last), n in zip(span, image.shape, strict=True))
    around = image[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    values = array_module(around).array(around, dtype=np.float64, order="C")
    powers = tuple(POLE ** (n - 1.0) for n in values.shape)
    if on_device(values):
        return _decomposed_on_device(values, powers), start
    _native.decompose(values, powers, threads)
    return values, start


def at(read: Array, start: Sequence[int], shape: Sequence[int], position: np.ndarray) -> Array:
    """The values at positions [n, 3] (z, y, x) in an image of `shape`, of its `coefficients`; float64 [n].

    For positions that lie on no common grid; the sums are those of `interpolate`.
    """
    taps = [spline_taps(along, size) for along, size in zip(position.T, shape, strict=True)]
    (pz, wz), (py, wy), (px, wx) = (
        (like(place - a, read), like(weight, read)) for (place, weight), a in zip(taps, start, strict=True)
    )
    out = array_module(read).zeros(len(position))
    for k, j, i in product(range(4), repeat=3):
        out += wx[i] * wy[j] * wz[k] * read[pz[k], py[j], px[i]]
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


def _decomposed_on_device(values: Array, powers: Sequence[float]) -> Array:
    """Samples → coefficients, a thread a line."""
    from radstore.cuda import function

    decompose = function(KERNELS / "resample.cu", "decompose_lines")
    for axis in (2, 1, 0):

        def run(lines: Lines, last: float = powers[axis]) -> Array:
            sizes = np.int64(lines.count), np.int64(lines.inner), np.int32(lines.length), np.float64(last)
            decompose(*threads_for(lines.count), (lines.image, *sizes))  # in place
            return lines.image

        values = along_lines(values, axis, run)
    return values


def _on_device(read: Array, places: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> Array:
    """`interpolate`, a thread a voxel."""
    from radstore.cuda import function

    out = array_module(read).empty(tuple(place.shape[1] for place in places))
    taps: list[Any] = [like(part, out) for pair in zip(places, weights, strict=True) for part in pair]
    sizes = [np.int64(n) for n in (*read.shape[1:], *out.shape)]
    kernel = function(KERNELS / "resample.cu", "interpolate_voxels")
    kernel(*threads_for(out.size), (read, out, *taps, *sizes))
    return out
