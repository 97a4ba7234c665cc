"""Laplacian of Gaussian, bit for bit ITK's ``LaplacianRecursiveGaussianImageFilter``.

Each of three terms is a second derivative along one axis, smoothed along the other two, all by recursive
filters of fourth order; see ``kernels/recursive.hpp`` for the recursion and its ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, log

import numpy as np

from radstore.images import _native
from radstore.images.arrays import Array, array_module, on_device
from radstore.images.filters.deriche import SLOWEST, coefficients
from radstore.images.launch import KERNELS, Lines, along_lines, threads_for

SHORTEST = 4  # voxels an axis must have, for the recursion's four steps
SCRATCH = 1 << 25  # samples whose runs are held at once on a device: 16 bytes each

LineFilter = Callable[[Array, int, np.ndarray], Array]
"""Float image, axis, coefficients → float32 image."""


def laplacian_of_gaussian(image: Array, spacing: Sequence[float], sigma: float, threads: int = 1) -> Array:
    """σ² times the Laplacian of the image smoothed by a Gaussian, float32 [z, y, x].

    Parameters
    ----------
    image
        [z, y, x], NumPy or CuPy, any real dtype.
    spacing
        Voxel size along x, y, z in mm.
    sigma
        Standard deviation of the Gaussian in mm.
    threads
        How many threads share the work on the CPU; the result is the same.

    Raises
    ------
    ValueError
        Where PyRadiomics leaves this filter out: an axis of fewer than four voxels or fewer than
        ⌈sigma / spacing⌉ + 1, or a sigma that is not above 0.
    """
    _check(image.shape, spacing, sigma)
    image = _readable(image)
    if on_device(image):
        return by_terms(image, spacing, sigma, _lines_on_device)
    smooth, second = (np.array([coefficients(sigma, d, order) for d in spacing]) for order in (0, 2))
    out, scratch = (np.empty(image.shape, np.float32) for _ in range(2))
    x, y, z = map(float, spacing)
    _native.laplacian(np.ascontiguousarray(image), smooth, second, (x, y, z), out, scratch, threads)
    return out


def reach(spacing: Sequence[float], sigma: float) -> tuple[int, int, int]:
    """How many voxels away (z, y, x) a value still shows in double precision."""
    decay = log(np.finfo(np.float64).eps) / SLOWEST  # in standard deviations, about 26
    z, y, x = (max(SHORTEST, ceil(decay * sigma / d)) for d in reversed(spacing))
    return z, y, x


def by_terms(image: Array, spacing: Sequence[float], sigma: float, line_filter: LineFilter) -> Array:
    """The three terms one after the other, each line filter through the whole volume.

    Between two line filters the image is float32, as in ITK, and so is the sum after each term.
    """
    xp = array_module(image)
    total = xp.zeros(image.shape, np.float32)
    for axis in (2, 1, 0):  # ITK's order: x, y, z
        term = line_filter(image, axis, coefficients(sigma, spacing[2 - axis], 2))
        for other in (2, 1, 0):
            if other != axis:
                term = line_filter(term, other, coefficients(sigma, spacing[2 - other], 0))
        weight = 1.0 / (spacing[2 - axis] * spacing[2 - axis])
        total = (total + term.astype(np.float64) * weight).astype(np.float32)
    return total


def _check(shape: Sequence[int], spacing: Sequence[float], sigma: float) -> None:
    size = tuple(int(n) for n in reversed(shape))
    if not sigma > 0:
        raise ValueError(f"LoG with sigma {sigma:g}: it must be above 0 mm")
    if min(size) < SHORTEST:
        raise ValueError(
            f"LoG of an image of {size} voxels: every axis needs at least {SHORTEST}; leave LoG out"
        )
    if any(n < np.ceil(sigma / d) + 1 for n, d in zip(size, spacing, strict=True)):
        raise ValueError(
            f"LoG with sigma {sigma:g} mm on {size} voxels of {tuple(spacing)} mm: every axis must be longer "
            "than sigma; choose a smaller one, or a larger padDistance where the image was resampled"
        )


def _readable(image: Array) -> Array:
    """As one of the types that the kernels read, without losing a bit that float64 can hold."""
    if image.dtype in (np.float32, np.float64) or (image.dtype == np.int16 and not on_device(image)):
        return image
    exact = (image.dtype.kind in "biu" and image.dtype.itemsize <= 2) or image.dtype == np.float16
    return image.astype(np.float32 if exact else np.float64)


def _lines_on_device(image: Array, axis: int, c: np.ndarray) -> Array:
    """Filter along an axis with ``filters.cu``, as many lines at once as `SCRATCH` holds."""
    from radstore.cuda import function

    xp = array_module(image)
    kernel = function(KERNELS / "filters.cu", f"recursive_{image.dtype}")
    factors = xp.asarray(c)

    def run(lines: Lines) -> Array:
        batch = max(1, min(lines.count, SCRATCH // lines.length))
        out = xp.empty(lines.image.shape, np.float32)
        runs = xp.empty(2 * batch * lines.length, np.float64)
        for first in range(0, lines.count, batch):
            count = min(batch, lines.count - first)
            sizes = np.int64(first), np.int64(count), np.int64(lines.inner), np.int32(lines.length)
            kernel(*threads_for(count), (lines.image, out, runs, factors, *sizes))
        return out

    return along_lines(image, axis, run)
