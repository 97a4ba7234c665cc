"""From a case's files, or images in memory, to the image and the mask that features are computed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import SimpleITK as sitk

from radstore.errors import ReadError
from radstore.images.arrays import Array, on_device, to_host
from radstore.images.itk import from_itk
from radstore.images.read import read_image, read_labels, whole_numbers
from radstore.images.region import region_mask
from radstore.images.volume import Geometry, Vector3, Volume
from radstore.spec import Settings
from radstore.store.kept import load_mask

if TYPE_CHECKING:
    from radstore.catalog import Case

Placed: TypeAlias = str | Path | sitk.Image | Volume
ImageLike: TypeAlias = Placed | Array
"""A file, or an image in memory; an array [z, y, x] (NumPy or CuPy) has voxels of 1 mm unless `placed` says
otherwise. What is on a device stays there for the engine ``cuda``."""


def prepare(
    image: ImageLike, labels: ImageLike, values: Sequence[int], settings: Settings, *, name: str
) -> tuple[Volume, Volume]:
    """Read an image and the mask of a region in it, as the spec's settings say.

    Parameters
    ----------
    image, labels
        The image, and the label image that the region is part of.
    values
        The label values that make up the region.
    settings
        Of the spec: ``label_channel``, ``geometryTolerance`` and ``correctMask`` act here.
    name
        The region's name, for messages.

    Returns
    -------
    image, mask
        The image with its own pixel type; the mask uint8, 0 or 1.

    Raises
    ------
    ReadError, RegionError
        If either cannot be used, or they do not fit.
    """
    volume = _image(image)
    mask = region_mask(
        _labels(labels, settings.label_channel),
        values,
        volume.geometry,
        tolerance=settings.geometryTolerance,
        correct=settings.correctMask,
        name=name,
        resamples=settings.resamples and not settings.ibsi,  # whose grid is the image's
    )
    return volume, mask


def prepare_case(case: Case, region: str, settings: Settings) -> tuple[Volume, Volume]:
    """The same for a case of a catalog and one of its regions, or one that the store keeps for it."""
    if region in case.kept:
        volume = read_image(case.image)
        mask = load_mask(case.kept[region], case.id, volume.geometry, settings.geometryTolerance)
        return volume, mask
    where = case.region(region)
    return prepare(case.image, case.label_path(where), where.values, settings, name=region)


def placed(image: ImageLike, spacing: Vector3 | None) -> Placed:
    """An array with its voxel size (x, y, z in mm) as a volume; anything else as it is."""
    if isinstance(image, str | Path | Volume) or not (isinstance(image, np.ndarray) or on_device(image)):
        return image
    if image.ndim != 3:
        raise ReadError(f"An array of {image.ndim} dimensions is no image.", "Give a 3-D array [z, y, x].")
    z, y, x = image.shape
    return Volume(image, Geometry((x, y, z), spacing or (1.0, 1.0, 1.0)))


def _image(image: ImageLike) -> Volume:
    where = placed(image, None)
    if isinstance(where, str | Path):
        return read_image(where)
    volume = where if isinstance(where, Volume) else from_itk(_three_d(where))
    if volume.array.dtype.kind == "f" and not np.isfinite(volume.array).all():
        raise ReadError(
            f"{volume.source or 'the image'} has NaN or infinite voxels", "Replace them, for instance by air."
        )
    return volume


def _labels(labels: ImageLike, channel: int) -> Volume:
    where = placed(labels, None)
    if isinstance(where, str | Path):
        return read_labels(where, channel)
    if isinstance(where, Volume):  # regions are picked out on the processor
        volume = replace(where, array=to_host(where.array))
    else:
        several = where.GetNumberOfComponentsPerPixel() > 1
        volume = from_itk(_three_d(sitk.VectorIndexSelectionCast(where, channel) if several else where))
    if volume.array.dtype.kind != "f":
        return volume
    return replace(volume, array=whole_numbers(volume.source or "the mask", volume.array))


def _three_d(image: sitk.Image) -> sitk.Image:
    if image.GetDimension() != 3:
        raise ReadError(f"an image of {image.GetDimension()} dimensions", "Give a 3-D image.")
    return image
