"""The lattice an image is resampled onto.

PyRadiomics resamples only the region's box and its padding, on a lattice anchored at the image's corner.
`resampled_grid` is that lattice over the whole image, of which every such box is a part: maps of several
regions of one image can be laid over each other without interpolation. IBSI's lattice, `centred_grid`, has
the image's centre instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from radstore.images.volume import Geometry, Index3

# How far, in voxels, a crop may be from a grid's voxels to count as a part of it.
_ALIGNED = 1e-3
# By how many voxels a region to be resampled may reach over the image's edge: PyRadiomics' constant.
_OVER_EDGE = 1e-3


def whole_grid(
    image: Geometry, mask: Geometry, spacing: Sequence[float], box_size: Sequence[int]
) -> Geometry:
    """The grid that maps are cropped from where the spec resamples: `resampled_grid` of the mask.

    An image that has the new spacing already stays where it is, and the mask is moved onto it.

    Parameters
    ----------
    image, mask
        The grids of both.
    spacing, box_size
        As for `resampled_grid`.
    """
    grid = resampled_grid(mask, spacing, box_size)
    return image if np.allclose(image.spacing, new_spacing(mask, spacing, box_size)) else grid


def resampled_grid(geometry: Geometry, spacing: Sequence[float], mask_box_size: Sequence[int]) -> Geometry:
    """The whole grid of which ``radiomics.imageoperations.resampleImage`` fills a box.

    Parameters
    ----------
    geometry
        The grid of the image (and of its mask).
    spacing
        ``resampledPixelSpacing``: mm along x, y, z; 0 keeps the axis as it is.
    mask_box_size
        Size of the region's box in voxels of `geometry`, x, y, z: where it is one voxel thick, that axis
        is kept too.

    Returns
    -------
    Geometry
        `geometry` itself if nothing changes. Else the first voxel's corner stays where it was, and the
        size is rounded up, so that the last voxel may reach over the image's edge.
    """
    new = new_spacing(geometry, spacing, mask_box_size)
    if np.allclose(geometry.spacing, new):
        return geometry
    return _part(geometry, new, np.zeros(3), _size(geometry, new))


def resampled_part(
    geometry: Geometry, spacing: np.ndarray, first: np.ndarray, size: np.ndarray, pad: int
) -> tuple[Geometry, Index3]:
    """The part of the resampled grid that holds a box of the old one, as ``resampleImage`` cuts it.

    Parameters
    ----------
    geometry
        The old grid: the mask's.
    spacing
        The new one's, as `new_spacing` gives it.
    first, size
        The box in voxels of the old grid, x, y, z.
    pad
        ``padDistance``: new voxels more on each side, as far as the grid has them.

    Returns
    -------
    part, offset
        The part, and the index (x, y, z) of its first voxel in the whole resampled grid.
    """
    ratio = np.asarray(geometry.spacing) / spacing
    # half a voxel more on each side, so that all of the region's outermost voxels lie inside
    low = np.maximum(np.floor((first - 0.5) * ratio - pad), 0)
    high = np.minimum(np.ceil((first + size - 0.5) * ratio + pad), _size(geometry, spacing) - 1)
    x, y, z = (int(n) for n in low)
    return _part(geometry, spacing, low, high - low + 1), (x, y, z)


def new_spacing(
    geometry: Geometry, spacing: Sequence[float], box_size: Sequence[int] | np.ndarray
) -> np.ndarray:
    """``resampledPixelSpacing`` x, y, z with the axes that stay as they are filled in."""
    old = np.asarray(geometry.spacing)
    new = np.where(np.asarray(spacing, dtype=float) == 0, old, spacing)
    return np.where(np.asarray(box_size) != 1, new, old)


def _size(geometry: Geometry, new: np.ndarray) -> np.ndarray:
    return np.ceil(np.asarray(geometry.size) * (np.asarray(geometry.spacing) / new))


def _part(geometry: Geometry, new: np.ndarray, low: np.ndarray, size: np.ndarray) -> Geometry:
    """`size` voxels of the resampled grid from its voxel `low` on; PyRadiomics' expressions."""
    old = np.asarray(geometry.spacing)
    ix, iy, iz = (0.5 * (new - old) / old + low / (old / new)).tolist()
    x, y, z = (int(n) for n in size)
    dx, dy, dz = new.tolist()
    return replace(geometry, size=(x, y, z), spacing=(dx, dy, dz), origin=geometry.point((ix, iy, iz)))


def outside(image: Geometry, mask: Geometry, first: np.ndarray, size: np.ndarray) -> str | None:
    """How a box of the mask's voxels (x, y, z) reaches out of the image, or None: PyRadiomics' condition.

    Two opposite corners of the box must lie in the image, up to a thousandth of a voxel.
    """
    corners = [tuple((np.asarray(corner) - 0.5).tolist()) for corner in (first, first + size)]
    at = np.array([image.index(mask.point(corner)) for corner in corners])
    low, high = at.min(axis=0), at.max(axis=0)
    if (low >= -0.5 - _OVER_EDGE).all() and (high <= np.asarray(image.size) - 0.5 + _OVER_EDGE).all():
        return None
    return f"reaches out of its image of {image.size} voxels: from {_short(low)} to {_short(high)}"


def centred_grid(geometry: Geometry, spacing: Sequence[float]) -> Geometry:
    """The grid that IBSI resamples onto: it covers the image and has the same centre.

    Parameters
    ----------
    geometry
        The grid of the image.
    spacing
        mm along x, y, z; 0 keeps the axis as it is.

    Notes
    -----
    IBSI reference manual, section "Interpolation": n voxels of d mm become ⌈n·d / e⌉ voxels of e mm.
    """
    old = np.asarray(geometry.spacing)
    new = np.where(np.asarray(spacing, dtype=float) == 0, old, spacing)
    extent = np.asarray(geometry.size) * old
    # a length that is a multiple of the spacing must not gain a voxel by rounding
    size = np.ceil(np.round(extent / new, 9)).astype(int)
    first = ((np.asarray(geometry.size) - 1) * old - (size - 1) * new) / (2 * old)
    (x, y, z), (dx, dy, dz) = size.tolist(), new.tolist()
    origin = geometry.point((float(first[0]), float(first[1]), float(first[2])))
    return replace(geometry, size=(x, y, z), spacing=(dx, dy, dz), origin=origin)


def covering(
    grid: Geometry, geometry: Geometry, first: Sequence[int] | np.ndarray, size: Sequence[int] | np.ndarray
) -> tuple[Index3, Index3]:
    """The first voxel and the size (x, y, z) of the part of a grid that holds a box of another.

    Parameters
    ----------
    grid
        The grid to take a part of; its axes run as the other's.
    geometry
        The grid of the box.
    first, size
        The box, x, y, z; with the voxels next to it, into which linear interpolation carries a mask.
    """
    corners = [geometry.point((x, y, z)) for x, y, z in (np.subtract(first, 1), np.add(first, size))]
    low, high = np.sort([grid.index(corner) for corner in corners], axis=0)
    start = np.clip(np.floor(low).astype(int), 0, np.asarray(grid.size) - 1)
    stop = np.clip(np.ceil(high).astype(int) + 1, start + 1, grid.size)
    (x, y, z), (nx, ny, nz) = start.tolist(), (stop - start).tolist()
    return (x, y, z), (nx, ny, nz)


def offset_in(grid: Geometry, crop: Geometry) -> Index3:
    """The index (x, y, z) in `grid` of the first voxel of `crop`.

    Raises
    ------
    ValueError
        If the voxels of `crop` are not voxels of `grid`.
    """
    last = tuple(n - 1 for n in crop.size)
    at = np.asarray(grid.index(crop.origin))
    end = np.asarray(grid.index(crop.point((last[0], last[1], last[2]))))
    x, y, z = (int(n) for n in np.rint(at))
    start = np.asarray((x, y, z))
    if np.abs([at - start, end - start - last]).max() > _ALIGNED:
        raise ValueError(
            f"the crop begins at {at.tolist()} and ends at {end.tolist()} of the grid: not on its voxels"
        )
    if (start < 0).any() or (start + crop.size > grid.size).any():
        raise ValueError(f"the crop, {crop.size} from {(x, y, z)}, reaches out of a grid of {grid.size}")
    return x, y, z


def _short(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{v:.1f}" for v in values) + ")"
