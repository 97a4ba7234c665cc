"""IBSI's interpolation: of an image onto a grid with its own centre, and of a mask with partial volume.

IBSI reference manual, section "Interpolation". What differs from PyRadiomics: the grids' centres are aligned
(there: the corners), masks are interpolated linearly and keep voxels that are half inside (there: the nearest
voxel), and a CT's whole numbers are rounded to whole numbers again (there: only those of an integer type).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from radstore.images.volume import Geometry

ORDERS: Mapping[str, int] = {"sitkNearestNeighbor": 0, "sitkLinear": 1, "sitkBSpline": 3}
"""Interpolator, by PyRadiomics' name → order of the spline."""

DECAY = 32  # voxels after which a cubic spline has forgotten a value: 0.268³² = 5e-19

HALF = 0.5 - 1e-6  # a voxel that is half inside counts, whatever rounding makes of it


def resample(image: np.ndarray, geometry: Geometry, target: Geometry, interpolator: str) -> np.ndarray:
    """An image on another grid with the same axes.

    Parameters
    ----------
    image
        [z, y, x].
    geometry
        The grid it lies on.
    target
        The grid wanted: `radstore.images.grid.centred_part`.
    interpolator
        One of `ORDERS`.

    Returns
    -------
    array
        Floating point (float32 for 8- and 16-bit images); whole numbers where the image has only such.
    """
    values = spline(image, geometry, target, ORDERS[interpolator])
    values = np.rint(values) if _whole(image) else values
    return values.astype(np.result_type(image.dtype, np.float32))


def resample_mask(mask: np.ndarray, geometry: Geometry, target: Geometry) -> np.ndarray:
    """A mask (0 or 1) on another grid with the same axes, bool: the voxels that lie at least half inside."""
    return spline(mask, geometry, target, ORDERS["sitkLinear"]) >= HALF


def spline(array: np.ndarray, source: Geometry, target: Geometry, order: int) -> np.ndarray:
    """Values of an array at the voxels of another grid, float64: axis by axis, as grids are separable.

    Beyond the outermost voxels' centres the outermost values hold.
    """
    first = source.index(target.origin)
    at = []
    for axis in range(3):
        along = 2 - axis  # x is the last axis of the array
        steps = np.arange(target.size[along]) * (target.spacing[along] / source.spacing[along])
        at.append(np.clip(first[along] + steps, 0, array.shape[axis] - 1))
    starts = [max(int(where[0]) - DECAY, 0) for where in at]
    read = tuple(slice(start, int(where[-1]) + DECAY) for start, where in zip(starts, at, strict=True))
    values = array[read].astype(np.float64)
    for axis in range(3):
        values = _along(values, axis, at[axis] - starts[axis], order)
    return values


def _along(values: np.ndarray, axis: int, at: np.ndarray, order: int) -> np.ndarray:
    """Interpolate along one axis at continuous indices, each of which lies between the first and the last."""
    if order == 0:
        return values.take(np.floor(at + 0.5).astype(int), axis)
    last = values.shape[axis] - 1
    if order == 3 and last > 0:
        values = ndimage.spline_filter1d(values, 3, axis, mode="mirror")
    low = np.floor(at).astype(int)
    shape = [-1 if a == axis else 1 for a in range(3)]
    total = np.zeros(1)
    for tap, weight in _weights(at - low, order).items():
        index = np.abs(low + tap)  # mirrored at the first and the last voxel, as the coefficients are
        index = np.clip(np.where(index > last, 2 * last - index, index), 0, last)
        total = total + weight.reshape(shape) * values.take(index, axis)
    return total


def _weights(t: np.ndarray, order: int) -> dict[int, np.ndarray]:
    """Offset of a voxel from the one below → what it contributes `t` (0 to 1) voxels above that one."""
    if order == 1:
        return {0: 1 - t, 1: t}
    return {  # the cubic B-spline
        -1: (1 - t) ** 3 / 6,
        0: (4 - 6 * t**2 + 3 * t**3) / 6,
        1: (1 + 3 * t + 3 * t**2 - 3 * t**3) / 6,
        2: t**3 / 6,
    }


def _whole(array: np.ndarray) -> bool:
    return array.dtype.kind in "iu" or bool((array == np.rint(array)).all())
