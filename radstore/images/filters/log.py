"""Laplacian of Gaussian, bit for bit ITK's ``LaplacianRecursiveGaussianImageFilter``.

Each of three terms is a second derivative along one axis, smoothed along the other two, all by recursive
filters of fourth order; see ``kernels/recursive.hpp`` for the recursion and its ends.

References
----------
R. Deriche, *Recursively implementing the Gaussian and its derivatives*, INRIA research report 1893, 1993;
G. Farnebäck and C.-F. Westin, *Improving Deriche-style recursive Gaussian filters*, JMIV 26, 2006: what
normalises the coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import ceil, cos, exp, log, sin
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from radstore.images import _native
from radstore.images.arrays import Array, array_module, on_device

SHORTEST = 4  # voxels an axis must have, for the recursion's four steps
KERNELS = Path(__file__).parents[1] / "kernels"
BLOCK = 128  # CUDA threads a block
SCRATCH = 1 << 25  # samples whose runs are held at once on a device: 16 bytes each

# Deriche's Gaussian: e^(L u) (A cos(W u) + B sin(W u)) twice, u in standard deviations.
W1, L1, W2, L2 = 0.6681, -1.3932, 2.0787, -1.3732


class Wave(NamedTuple):
    """Amplitudes of Deriche's two waves for one derivative."""

    a1: float
    b1: float
    a2: float
    b2: float


GAUSSIAN = Wave(1.3530, 1.8151, -0.3531, 0.0902)
SECOND = Wave(-1.3563, 5.2318, 0.3446, -2.2355)

Lines = Callable[[Array, int, np.ndarray], Array]
"""A line filter: float image, axis, coefficients → float32 image."""


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
    return _native.laplacian(
        image=np.ascontiguousarray(image),
        smooth=smooth,
        second=second,
        spacing=tuple(map(float, spacing)),
        threads=threads,
    )


def reach(spacing: Sequence[float], sigma: float) -> tuple[int, int, int]:
    """How many voxels away (z, y, x) a value still shows in double precision."""
    decay = -log(np.finfo(np.float64).eps) / -max(L1, L2)  # in standard deviations, about 26
    z, y, x = (max(SHORTEST, ceil(decay * sigma / d)) for d in reversed(spacing))
    return z, y, x


def by_terms(image: Array, spacing: Sequence[float], sigma: float, lines: Lines) -> Array:
    """The three terms one after the other, each line filter through the whole volume.

    Between two line filters the image is float32, as in ITK, and so is the sum after each term.
    """
    xp = array_module(image)
    total = xp.zeros(image.shape, np.float32)
    for axis in (2, 1, 0):  # ITK's order: x, y, z
        term = lines(image, axis, coefficients(sigma, spacing[2 - axis], 2))
        for other in (2, 1, 0):
            if other != axis:
                term = lines(term, other, coefficients(sigma, spacing[2 - other], 0))
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


@cache
def coefficients(sigma: float, spacing: float, order: int) -> np.ndarray:
    """The twenty coefficients of the line filter, float64, in the order of ``kernels/recursive.hpp``.

    Parameters
    ----------
    sigma, spacing
        In mm.
    order
        0: smooths; 2: second derivative, times sigma² (normalised across scale).

    Notes
    -----
    ``itk::RecursiveGaussianImageFilter::SetUp``; operations in its order, so that rounding is the same too.
    """
    d = _denominator(sigma / spacing)
    sd = 1.0 + d[0] + d[1] + d[2] + d[3]
    n = _smoothing(sigma / spacing, sd) if order == 0 else _second_derivative(sigma, spacing, d, sd)
    m = (n[1] - d[0] * n[0], n[2] - d[1] * n[0], n[3] - d[2] * n[0], -d[3] * n[0])
    sn, sm = n[0] + n[1] + n[2] + n[3], m[0] + m[1] + m[2] + m[3]
    ends = (*(v * sn / sd for v in d), *(v * sm / sd for v in d))
    made = np.array([*n, *m, *d, *ends])
    made.flags.writeable = False  # it is cached
    return made


def _smoothing(sigma: float, sd: float) -> list[float]:
    n = _numerator(sigma, GAUSSIAN)
    scale = 1.0 / (2 * _moments(n)[0] / sd - n[0])
    return [v * scale for v in n]


def _second_derivative(sigma: float, spacing: float, d: Sequence[float], sd: float) -> list[float]:
    """A wave of the second derivative and as much Gaussian as makes a constant vanish, scaled by the response to x²."""
    n0, n2 = (_numerator(sigma / spacing, wave) for wave in (GAUSSIAN, SECOND))
    m0, m2 = _moments(n0), _moments(n2)
    beta = -(2 * m2[0] - sd * n2[0]) / (2 * m0[0] - sd * n0[0])
    n = [b + beta * a for a, b in zip(n0, n2, strict=True)]
    sn, dn, en = (b + beta * a for a, b in zip(m0, m2, strict=True))
    dd = d[0] + 2 * d[1] + 3 * d[2] + 4 * d[3]
    ed = d[0] + 4 * d[1] + 9 * d[2] + 16 * d[3]
    alpha = en * sd * sd - ed * sn * sd - 2 * dn * dd * sd + 2 * dd * dd * sn
    alpha /= sd * sd * sd
    return [v * (sigma * sigma / alpha) for v in n]


def _waves(sigma: float) -> tuple[float, float, float, float, float, float]:
    s1, s2, c1, c2 = sin(W1 / sigma), sin(W2 / sigma), cos(W1 / sigma), cos(W2 / sigma)
    return s1, s2, c1, c2, exp(L1 / sigma), exp(L2 / sigma)


def _numerator(sigma: float, wave: Wave) -> tuple[float, float, float, float]:
    """n0 … n3 before they are normalised; sigma in voxels."""
    s1, s2, c1, c2, e1, e2 = _waves(sigma)
    a1, b1, a2, b2 = wave
    n1 = e2 * (b2 * s2 - (a2 + 2 * a1) * c2)
    n1 += e1 * (b1 * s1 - (a1 + 2 * a2) * c1)
    n2 = (a1 + a2) * c2 * c1
    n2 -= b1 * c2 * s1 + b2 * c1 * s2
    n2 *= 2 * e1 * e2
    n2 += a2 * e1 * e1 + a1 * e2 * e2
    n3 = e2 * e1 * e1 * (b2 * s2 - a2 * c2)
    n3 += e1 * e2 * e2 * (b1 * s1 - a1 * c1)
    return a1 + a2, n1, n2, n3


def _denominator(sigma: float) -> tuple[float, float, float, float]:
    """d1 … d4; sigma in voxels."""
    _, _, c1, c2, e1, e2 = _waves(sigma)
    d3 = -2 * c1 * e1 * e2 * e2
    d3 += -2 * c2 * e2 * e1 * e1
    d2 = 4 * c2 * c1 * e1 * e2
    d2 += e1 * e1 + e2 * e2
    return -2 * (e2 * c2 + e1 * c1), d2, d3, e1 * e1 * e2 * e2


def _moments(n: Sequence[float]) -> tuple[float, float, float]:
    """Σ n_k, Σ k n_k and Σ k² n_k."""
    return n[0] + n[1] + n[2] + n[3], n[1] + 2 * n[2] + 3 * n[3], n[1] + 4 * n[2] + 9 * n[3]


def _lines_on_device(image: Array, axis: int, c: np.ndarray) -> Array:
    """One thread a line. Threads side by side shall read side by side, so lines along x are turned first."""
    xp = array_module(image)
    if axis == 2:
        turned = xp.ascontiguousarray(image.swapaxes(1, 2))
        return xp.ascontiguousarray(_lines_on_device(turned, 1, c).swapaxes(1, 2))
    image = xp.ascontiguousarray(image)
    length, inner = image.shape[axis], image[0].size if axis == 0 else image.shape[2]
    return _launch(image, length, inner, c)


def _launch(image: Array, length: int, inner: int, c: np.ndarray) -> Array:
    """Run ``recursive_<dtype>`` of ``filters.cu`` over all lines, as many at once as `SCRATCH` holds."""
    from radstore.cuda import function

    xp: Any = array_module(image)
    lines = image.size // length
    batch = max(BLOCK, min(lines, SCRATCH // length))
    kernel = function(KERNELS / "filters.cu", f"recursive_{image.dtype}")
    out = xp.empty(image.shape, np.float32)
    runs = xp.empty(2 * batch * length, np.float64)
    factors = xp.asarray(c)
    for first in range(0, lines, batch):
        count = min(batch, lines - first)
        sizes = (np.int64(first), np.int64(count), np.int64(inner), np.int32(length))
        kernel(((count + BLOCK - 1) // BLOCK,), (BLOCK,), (image, out, runs, factors, *sizes))
    return out
