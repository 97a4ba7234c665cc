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


def resampled_grid(geometry: Geometry, spacing: Sequence[float], mask_box_size: Index3) -> Geometry:
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
    old = np.asarray(geometry.spacing)
    new = np.where(np.asarray(spacing, dtype=float) == 0, old, spacing)
    new = np.where(np.asarray(mask_box_size) != 1, new, old)
    if np.allclose(old, new):
        return geometry
    x, y, z = (int(n) for n in np.ceil(np.asarray(geometry.size) * (old / new)))
    first = 0.5 * (new - old) / old
    dx, dy, dz = new.tolist()
    origin = geometry.point((float(first[0]), float(first[1]), float(first[2])))
    return replace(geometry, size=(x, y, z), spacing=(dx, dy, dz), origin=origin)


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


def centred_part(
    geometry: Geometry, spacing: Sequence[float], first: Index3, size: Index3, reach: Index3 | None
) -> tuple[Geometry, Index3]:
    """The part of `centred_grid` that holds a box of the old grid and what filters read around it.

    Parameters
    ----------
    geometry, spacing
        As for `centred_grid`.
    first, size
        The box in voxels of the old grid, x, y, z.
    reach
        New voxels more on each side (x, y, z), as far as the grid has them; None: the whole grid.

    Returns
    -------
    part, offset
        The part, and the index (x, y, z) of its first voxel in the whole grid.
    """
    grid = centred_grid(geometry, spacing)
    if reach is None:
        return grid, (0, 0, 0)
    # linear interpolation carries a mask up to one old voxel outwards
    corners = [geometry.point((x, y, z)) for x, y, z in (np.subtract(first, 1), np.add(first, size))]
    low, high = np.sort([grid.index(corner) for corner in corners], axis=0)
    start = np.maximum(np.floor(low).astype(int) - reach, 0)
    stop = np.minimum(np.ceil(high).astype(int) + 1 + reach, grid.size)
    (x, y, z), (nx, ny, nz) = start.tolist(), (stop - start).tolist()
    return grid.crop((x, y, z), (nx, ny, nz)), (x, y, z)


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
