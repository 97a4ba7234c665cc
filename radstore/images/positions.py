"""Where the voxels of one grid lie in another, by ITK's operations in its order.

Positions decide between neighbours where they fall half-way, and their last bit between two values of an
integer image. On grids along the patient's axes they are ITK's bit for bit; on oblique ones ITK inverts a
matrix by singular values, and some positions differ by 1e-15 of themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radstore.images.volume import Geometry


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


def aligned(geometry: Geometry, target: Geometry, axis: int) -> Axis:
    """Along x (0), y (1) or z (2), for grids whose axes run alike: there the other indices do not matter."""
    count, size = target.size[axis], geometry.size[axis]
    index = np.zeros((count, 3))
    index[:, axis] = np.arange(count)
    if axis == 0:
        position = scan_lines(geometry, target, np.zeros((1, 3)))[0, :, 0]
    else:
        position = _map(geometry, target, index)[:, axis]
    inside = np.flatnonzero((position >= -0.5) & (position < size - 0.5))
    if not len(inside):
        return Axis(slice(0, 0), np.empty(0), size)
    part = slice(int(inside[0]), int(inside[-1]) + 1)
    return Axis(part, position[part], size)


def _map(geometry: Geometry, target: Geometry, index: np.ndarray) -> np.ndarray:
    """Continuous indices in `geometry` of indices in `target`, [n, 3], x y z: ITK's sums, term by term."""
    forth = target.axes * np.asarray(target.spacing)
    back = np.linalg.inv(geometry.axes * np.asarray(geometry.spacing))
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
