"""Where the voxels of one grid lie in another, by ITK's operations in its order.

Positions decide between neighbours where they fall half-way, and their last bit between two values of an
integer image. Resampled to twice the voxel size, every position is half-way: on an oblique grid a mask
would be another one by a tenth of its voxels.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from radstore.images.volume import Geometry

logger = logging.getLogger(__name__)

ROUNDING = 1e-6  # voxels: far more than a position on an oblique grid is off by


@dataclass(frozen=True, eq=False)
class Axis:
    """One array axis: the target's voxels inside the image, and their positions there.

    Parameters
    ----------
    inside
        Which of the target's voxels.
    position
        Their continuous indices in the image.
    size
        Of the image.
    """

    inside: slice
    position: np.ndarray
    size: int


def half_way(axis: Axis) -> bool:
    """Whether a position lies between two voxels or on the image's edge, where rounding decides."""
    return bool((np.abs(axis.position - np.floor(axis.position) - 0.5) < ROUNDING).any())


def aligned(geometry: Geometry, target: Geometry, axis: int) -> Axis:
    """Along x (0), y (1) or z (2), for grids whose axes run alike: there the other indices do not matter.

    But on oblique grids they do by rounding: what lies on the image's very edge counts as inside here, and
    `planes` tells whether it does.
    """
    count, size = target.size[axis], geometry.size[axis]
    index = np.zeros((count, 3))
    index[:, axis] = np.arange(count)
    if axis == 0:
        position = scan_lines(geometry, target, np.zeros((1, 3)))[0, :, 0]
    else:
        position = _map(geometry, target, index)[:, axis]
    edge = 0.0 if straight(geometry) else ROUNDING
    inside = np.flatnonzero((position >= -0.5 - edge) & (position < size - 0.5 + edge))
    if not len(inside):
        return Axis(slice(0, 0), np.empty(0), size)
    part = slice(int(inside[0]), int(inside[-1]) + 1)
    return Axis(part, position[part], size)


def planes(geometry: Geometry, target: Geometry) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Voxel by voxel, for grids whose axes run otherwise, or are oblique: plane after plane of `target`.

    Yields
    ------
    z
        The plane.
    inside
        Which of its voxels (bool [y, x]) lie in `geometry`.
    position
        Where these do: continuous indices z, y, x, [n, 3].
    """
    size = np.asarray(geometry.size)
    for z in range(target.size[2]):
        starts = np.array([(0.0, y, z) for y in range(target.size[1])])
        position = scan_lines(geometry, target, starts)
        inside = np.all((position >= -0.5) & (position < size - 0.5), axis=2)
        yield z, inside, position[inside][:, ::-1]


def covered(geometry: Geometry, target: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last voxel (z, y, x) of `geometry` between which the voxels of `target` lie."""
    corners = np.array(list(product(*((0, n - 1) for n in target.size))), float)
    position = _map(geometry, target, corners)[:, ::-1]
    last = np.asarray(geometry.shape) - 1
    low, high = np.floor(position.min(axis=0)) - 2, np.ceil(position.max(axis=0)) + 2
    return low.clip(0, last).astype(int), high.clip(0, last).astype(int)


def straight(geometry: Geometry) -> bool:
    """Whether every axis of a grid is one of the patient's, so that positions along it depend on it alone.

    Where axes are exchanged, ITK's inverse may leave 1e-17 of the others: such a grid is as good as oblique.
    """
    return np.count_nonzero(_inverse(geometry)) == 3


@lru_cache(maxsize=8)
def _inverse(geometry: Geometry) -> np.ndarray:
    """From mm to voxels (3, 3), as ITK has it: it inverts by singular values, which shows unless the axes
    are x, y and z.
    """
    forth = geometry.axes * np.asarray(geometry.spacing)
    if np.count_nonzero(forth) == np.count_nonzero(np.diagonal(forth)):
        return np.diag(1 / np.diagonal(forth))
    try:
        import SimpleITK as sitk
    except ImportError:
        logger.warning("SimpleITK is not installed: positions on a turned grid may differ in the last digit")
        return np.linalg.inv(forth)
    grid = sitk.Image(1, 1, 1, sitk.sitkUInt8)
    grid.SetSpacing(geometry.spacing)
    grid.SetDirection(geometry.direction)
    return np.transpose([grid.TransformPhysicalPointToContinuousIndex(unit) for unit in np.eye(3).tolist()])


def _map(geometry: Geometry, target: Geometry, index: np.ndarray) -> np.ndarray:
    """Continuous indices in `geometry` of indices in `target`, [n, 3], x y z: ITK's sums, term by term."""
    forth = target.axes * np.asarray(target.spacing)
    back = _inverse(geometry)
    point = np.repeat(np.asarray(target.origin, float)[None], len(index), 0)
    for j in range(3):
        point += forth[:, j] * index[:, j, None]
    offset = point - np.asarray(geometry.origin)
    return back[:, 0] * offset[:, 0, None] + back[:, 1] * offset[:, 1, None] + back[:, 2] * offset[:, 2, None]


def scan_lines(geometry: Geometry, target: Geometry, starts: np.ndarray) -> np.ndarray:
    """Positions along lines of x that start at indices of `target`: [line, x, 3].

    ITK maps the first voxel and the one behind the last, and divides the way between them.
    """
    count = target.size[0]
    first = _map(geometry, target, starts)
    way = _map(geometry, target, starts + np.array([count, 0, 0])) - first
    return first[:, None] + (np.arange(count) / count)[:, None] * way[:, None]
