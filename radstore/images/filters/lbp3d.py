"""Local binary patterns in 3-D: spheres of bits, described by spherical harmonics.

The points of a sphere around a voxel have the bit 1 where the image is at least the voxel's value. The bits'
part of degree n has an L2 norm, which does not change when the sphere is turned: map ``m<n+1>``. The kurtosis of
the (grey) values on the sphere is map ``k``.

References
----------
J. Banerjee, A. Moelker, W. Niessen and T. van Walsum, *3D LBP-based rotationally invariant region description*,
ACCV workshops 2012.
"""

from __future__ import annotations

import logging
import warnings
from functools import cache
from math import ceil, factorial, pi, sqrt

import numpy as np

from radstore.images.arrays import Array, like, ndimage, on_device, to_host
from radstore.images.filters.icosphere import icosphere

logger = logging.getLogger(__name__)

SPLINE_REACH = 30  # voxels after which a cubic spline's coefficients forget a value, in double precision
CHUNK = 1 << 22  # samples held at once


def local_binary_pattern_3d(
    image: Array, mask: Array, levels: int = 2, radius: float = 1.0, subdivision: int = 1
) -> dict[str, Array]:
    """``m1`` … ``m<levels>`` and ``k``: float64 [z, y, x], 0 outside the mask.

    Parameters
    ----------
    image
        [z, y, x]. From a device it is copied to the host, where all is computed: neither spherical harmonics
        nor the region's sparse samples are worth a kernel. A message to this module's logger says so.
    mask
        The region, non-zero inside; other voxels are not computed.
    levels
        How many degrees of spherical harmonics, from 0.
    radius, subdivision
        The sphere's radius in voxels and how often its icosahedron is divided.

    Notes
    -----
    ``radiomics.imageoperations.getLBP3DImage``, with its quirks: sampled values have the image's dtype (integers
    are rounded), the harmonics' polar and azimuthal angles are exchanged, outside the image everything is 0, and a
    sphere of one value has the kurtosis NaN.
    """
    if on_device(image):
        logger.info("LBP3D is computed on the CPU: its image and mask are copied from the GPU")
    values, inside = to_host(image), to_host(mask) != 0
    voxels = np.argwhere(inside)
    sphere = icosphere(subdivision, float(radius))
    smooth = ndimage(values).spline_filter(values, order=3, output=np.float64)
    rows = np.empty((len(voxels), levels + 1))
    step = max(1, CHUNK // len(sphere))
    for first in range(0, len(voxels), step):
        part = slice(first, first + step)
        rows[part] = _describe(values, smooth, voxels[part], sphere, levels, float(radius))
    maps = {}
    for column, name in enumerate([*(f"m{n + 1}" for n in range(levels)), "k"]):
        grid = np.zeros(values.shape)
        grid[inside] = rows[:, column]
        maps[name] = like(grid, image)
    return maps


def reach(radius: float) -> tuple[int, int, int]:
    """How many voxels away (z, y, x) the filter reads, as far as double precision shows."""
    n = ceil(radius) + 2 + SPLINE_REACH
    return n, n, n


def _describe(
    values: np.ndarray, smooth: np.ndarray, voxels: np.ndarray, sphere: np.ndarray, levels: int, radius: float
) -> np.ndarray:
    """[voxel, levels + 1]: the norm of each degree, then the kurtosis."""
    from scipy.ndimage import map_coordinates

    places = voxels[None] + sphere[:, None]  # [vertex, voxel, axis]
    samples = map_coordinates(smooth, places.T, output=values.dtype, order=3, prefilter=False)
    bits = (samples >= values[tuple(voxels.T)][:, None]).astype(np.float64)  # [voxel, vertex]
    columns = [
        _norm(bits, _harmonics(len(sphere), degree, radius, sphere.tobytes())) for degree in range(levels)
    ]
    return np.stack([*columns, _kurtosis(samples)], axis=1)


def _norm(bits: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """√(Σ_vertices (Σ_m c_m Y_m)²) with c_m = Σ_vertices bit · Y_m, its real part."""
    c = bits @ Y
    # Σ_v (Σ_m c_m Y_m(v))² = cᵀ (Yᵀ Y) c: small enough to hold for every voxel
    return np.sqrt(((c @ (Y.T @ Y)) * c).sum(axis=1)).real


@cache
def _harmonics(vertices: int, degree: int, radius: float, sphere: bytes) -> np.ndarray:
    """Y of one degree and all its orders at each vertex, complex [vertex, 2 degree + 1].

    PyRadiomics passes the angle from z as the azimuth and the angle around z as the polar one.
    """
    from scipy.special import lpmv

    points = np.frombuffer(sphere).reshape(vertices, 3)
    with np.errstate(invalid="ignore"):  # an undivided icosahedron larger than its radius says
        azimuth = np.arccos(points[:, 2] / radius)
    x = np.cos(np.arctan2(points[:, 1], points[:, 0]))
    columns = []
    for m in range(-degree, degree + 1):
        k = abs(m)
        scale = sqrt((2 * degree + 1) / (4 * pi) * factorial(degree - k) / factorial(degree + k))
        sign = (-1) ** k if m < 0 else 1
        columns.append(sign * scale * lpmv(k, degree, x) * np.exp(1j * m * azimuth))
    return np.stack(columns, axis=1)


def _kurtosis(samples: np.ndarray) -> np.ndarray:
    """Of each row, less 3; NaN where a row has one value."""
    from scipy.stats import kurtosis

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # it says that rows of one value have no kurtosis
        return kurtosis(samples, axis=1)
