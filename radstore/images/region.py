"""Regions: a set of values of a label image becomes a mask that fits its image, as in PyRadiomics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from radstore.errors import RegionError
from radstore.images.box import bounding_box, first_and_size
from radstore.images.grid import outside
from radstore.images.itk import from_itk, to_itk
from radstore.images.volume import Geometry, Index3, Volume

# ITK's own tolerance for two images in one physical space (relative to the spacing).
DEFAULT_TOLERANCE = 1e-6


def region_mask(
    labels: Volume,
    values: Sequence[int],
    image: Geometry,
    *,
    tolerance: float | None,
    correct: bool,
    name: str,
    resamples: bool = False,
) -> Volume:
    """The mask of a region.

    Parameters
    ----------
    labels
        Integer label image.
    values
        The label values that make up the region; those that are not there add nothing.
    image
        The grid of the image the region is for.
    tolerance
        ``geometryTolerance``: how far the two grids may differ; None for ITK's 1e-6. A mask within it keeps
        its own geometry, as in PyRadiomics.
    correct
        ``correctMask``: move a mask that differs more onto the image's grid (nearest neighbour).
    name
        The region's name, for messages.
    resamples
        Whether the spec resamples. Then `correct` leaves the mask on its own grid: resampling reads it from
        there, once, as in PyRadiomics.

    Returns
    -------
    Volume
        uint8, 0 or 1, with at least one voxel.

    Raises
    ------
    RegionError
        If none of `values` is there, the grids differ, or the region lies outside the image.
    """
    mask = _select(labels, values, name)
    if not correct:
        require_same_grid(image, mask.geometry, tolerance, f"region {name!r}: {labels.source or 'the mask'}")
        return mask
    if mismatch(image, mask.geometry, tolerance) is None:
        return mask
    _check_inside(mask, image, name)
    return mask if resamples else _onto(mask, image, name)


def mismatch(image: Geometry, mask: Geometry, tolerance: float | None) -> str | None:
    """What differs between two grids beyond `tolerance` (None: ITK's 1e-6), or None."""
    return image.mismatch(mask, DEFAULT_TOLERANCE if tolerance is None else tolerance)


def require_same_grid(image: Geometry, mask: Geometry, tolerance: float | None, what: str) -> None:
    """Make sure that a mask lies on its image's grid.

    Raises
    ------
    RegionError
        Naming `what` and how the grids differ.
    """
    differs = mismatch(image, mask, tolerance)
    if differs is not None:
        raise RegionError(
            f"{what} is not on its image's grid: {differs} (image against mask)",
            "Set geometryTolerance if that is only rounding, or correctMask: true to resample the mask.",
        )


def crop_box(mask: Volume) -> tuple[Index3, Index3]:
    """First index and size (both x, y, z) of the smallest box that holds all voxels of a mask.

    Raises
    ------
    RegionError
        If the mask is empty.
    """
    box = bounding_box(mask.array)
    if box is None:
        raise RegionError(f"{mask.source or 'the mask'} is empty", "Choose another region.")
    (x, y, z), (dx, dy, dz) = (part.tolist() for part in first_and_size(box))
    return (x, y, z), (dx, dy, dz)


def _select(labels: Volume, values: Sequence[int], name: str) -> Volume:
    array = np.zeros(labels.array.shape, np.uint8)
    for value in values:
        array |= labels.array == value
    if not array.any():
        source = labels.source or "the mask"
        there = [int(value) for value in np.unique(labels.array) if value != 0]
        wanted = ", ".join(str(value) for value in values)
        found = f"it has {', '.join(map(str, there[:30]))}" if there else "it is empty (all voxels are 0)"
        raise RegionError(
            f"region {name!r}: no voxel of {source} has a label value of {wanted}; {found}",
            "Name a value that it has (in the catalog's regions, or as --label), or leave the case out."
            if there
            else "Draw the mask, or leave the case out.",
        )
    return Volume(array, labels.geometry, labels.source)


def _check_inside(mask: Volume, image: Geometry, name: str) -> None:
    """PyRadiomics' condition for resampling a mask: two opposite corners of the region lie in the image."""
    first, size = (np.asarray(part) for part in crop_box(mask))
    told = outside(image, mask.geometry, first, size)
    if told is not None:
        raise RegionError(
            f"region {name!r}: {mask.source or 'the mask'} {told}",
            "Check that image and mask belong together.",
        )


def _onto(mask: Volume, image: Geometry, name: str) -> Volume:
    resample = sitk.ResampleImageFilter()
    resample.SetSize(image.size)
    resample.SetOutputSpacing(image.spacing)
    resample.SetOutputOrigin(image.origin)
    resample.SetOutputDirection(image.direction)
    resample.SetInterpolator(sitk.sitkNearestNeighbor)
    moved = from_itk(resample.Execute(to_itk(mask)), mask.source)
    if not moved.array.any():
        raise RegionError(
            f"region {name!r}: nothing is left of {mask.source or 'the mask'} on its image's grid",
            "Its voxels are too few.",
        )
    return Volume(moved.array, image, mask.source)
