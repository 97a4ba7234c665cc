"""From a case's image and mask to what filters and features read, in PyRadiomics' order of work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from radstore.engines.pyradiomics.library import imageoperations, one_thread
from radstore.errors import RegionError
from radstore.graph import Graph, Node
from radstore.images.grid import centred_part
from radstore.images.ibsi.resample import resample, resample_mask
from radstore.images.itk import from_itk, to_itk
from radstore.images.region import crop_box
from radstore.images.volume import Volume

LABEL = 1  # of the region in every mask we pass

# What PyRadiomics says of a mask it will not use, and what to do about it.
_REMEDIES = (
    ("No labels found", "The region has no voxel: check the label image and the region's label values."),
    ("not present", "No voxel of the region is left on the resampled grid: resample less coarsely."),
    ("1 segmented voxel", "One voxel has no texture: check the mask, or leave this case out."),
    (
        "too few dimensions",
        "Lower minimumROIDimensions, or check that the mask is not a single slice or line.",
    ),
    ("too small", "Lower minimumROISize, or leave this case out."),
    ("Resegmentation", "Widen resegmentRange, or check that it suits resegmentMode and the image's units."),
    ("larger than image", "The region must lie inside the image: check that both belong to one study."),
)
_REMEDY = "Check that the mask belongs to this image and that the settings suit its size."


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case ready for filters.

    Parameters
    ----------
    image
        Windowed, normalised, resampled or cropped, as the graph says.
    mask
        On the same grid, resegmented if the graph says so; the region has the value `LABEL`.
    shape_mask
        The mask that shape features describe.
    box
        First and last index of `mask`'s region along each axis: x₀ x₁ y₀ y₁ z₀ z₁.
    shape_box
        The same for what shape features see.
    """

    image: sitk.Image
    mask: sitk.Image
    shape_mask: sitk.Image
    box: np.ndarray
    shape_box: np.ndarray


def prepare(image: Volume, mask: Volume, graph: Graph) -> Prepared:
    """Do what the graph's nodes above the filters say.

    Raises
    ------
    RegionError
        With PyRadiomics' own message, when it will not use the mask.
    """
    steps = _steps(graph)
    if "window" in steps:
        image = window(image, **steps["window"])
    with _region_errors(mask.source or image.source):
        return _prepare(to_itk(image), to_itk(mask), graph, steps)


def _prepare(image: sitk.Image, mask: sitk.Image, graph: Graph, steps: dict[str, dict[str, Any]]) -> Prepared:
    check = {**steps["roi"], "label": LABEL}
    mask = imageoperations.getMask(mask, label=LABEL)
    if "normalise" in steps:
        with one_thread():  # its mean and deviation change in the last digit with the number of threads
            image = imageoperations.normalizeImage(image, **steps["normalise"])
    if "ibsi" in steps.get("resample", {}):
        image, mask = _centred(image, mask, graph, steps["resample"])
    elif "resample" in steps:
        image, mask = imageoperations.resampleImage(image, mask, **steps["resample"], label=LABEL)
    elif "crop" in steps:
        box = _checked_box(image, mask, check)
        image, mask = imageoperations.cropToTumorMask(image, mask, box, **steps["crop"])
    box = _checked_box(image, mask, check)
    if "resegment" not in steps:
        return Prepared(image, mask, mask, box, box)
    kept = imageoperations.resegmentMask(image, mask, **steps["resegment"], label=LABEL)
    kept_box = _checked_box(image, kept, check)
    shape_mask = mask if graph.shape_mask != graph.mask else kept
    # IBSI's morphological mask is the region before resegmentation; PyRadiomics' is cut to the box after it
    shape_box = kept_box if "box" in steps or shape_mask is kept else box
    return Prepared(image, kept, shape_mask, kept_box, shape_box)


def _centred(
    image: sitk.Image, mask: sitk.Image, graph: Graph, settings: dict[str, Any]
) -> tuple[sitk.Image, sitk.Image]:
    """Image and mask on IBSI's grid: the region's box, or all of it where a filter reads beyond the box."""
    volume, region = from_itk(image), from_itk(mask)
    filtered = any(feature.filtered not in (graph.image, graph.shape_mask) for feature in graph)
    reach = None if filtered else (0, 0, 0)
    geometry, spacing = region.geometry, settings["resampledPixelSpacing"]
    target, _ = centred_part(geometry, spacing, *crop_box(region), reach)
    values = resample(volume.array, volume.geometry, target, settings["interpolator"])
    inside = resample_mask(region.array, geometry, target).astype(np.uint8)
    return to_itk(Volume(values, target)), to_itk(Volume(inside, target))


def _checked_box(image: sitk.Image, mask: sitk.Image, check: dict[str, Any]) -> np.ndarray:
    """What ``checkMask`` says of the region: its box x₀ x₁ y₀ y₁ z₀ z₁; raises as it does.

    It is asked about the region's surroundings alone: on a whole CT its statistics take seconds.
    """
    inside = sitk.GetArrayViewFromImage(mask) == LABEL
    if image.GetSize() != mask.GetSize() or not inside.any():
        return imageoperations.checkMask(image, mask, **check)[0]
    spans = [np.flatnonzero(inside.any(axis=axes)) for axes in ((0, 1), (0, 2), (1, 2))]  # x, y, z
    part = tuple(slice(int(span[0]), int(span[-1]) + 1) for span in spans)
    box, _ = imageoperations.checkMask(image[part], mask[part], **check)
    return box + np.repeat([span[0] for span in spans], 2)


def window(image: Volume, windowLevel: float, windowWidth: float) -> Volume:
    """Clip an image to level ± width / 2 (HU) and keep its pixel type.

    Of an integer type the bounds are the outermost whole numbers inside the window.
    """
    low, high = windowLevel - windowWidth / 2, windowLevel + windowWidth / 2
    dtype = image.array.dtype
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        low, high = np.clip([np.ceil(low), np.floor(high)], info.min, info.max).astype(dtype)
    return replace(image, array=np.clip(image.array, dtype.type(low), dtype.type(high)))


def _steps(graph: Graph) -> dict[str, dict[str, Any]]:
    """The settings of every node above the filters, by operation (each occurs at most once)."""
    steps: dict[str, dict[str, Any]] = {}
    pending: list[Node] = [graph.image, graph.mask, graph.shape_mask]
    while pending:
        node = pending.pop()
        steps[node.op] = node.settings
        pending += node.inputs
    return steps


@contextmanager
def _region_errors(source: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError, AssertionError) as error:
        said = " ".join(str(error).split()).rsplit("ERROR: ", 1)[-1]  # without ITK's file and line
        remedy = next((text for hint, text in _REMEDIES if hint in said), _REMEDY)
        raise RegionError(f"{source or 'mask'}: PyRadiomics cannot use the region: {said}", remedy) from error
