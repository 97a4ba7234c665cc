"""From a case's image and mask to what filters and features read, in PyRadiomics' order of work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from radstore.engines.groups import steps
from radstore.engines.pyradiomics.library import imageoperations, one_thread
from radstore.engines.unusable import Unusable, region_error
from radstore.graph import Graph
from radstore.images.intensity import window
from radstore.images.itk import to_itk
from radstore.images.volume import Volume

LABEL = 1  # of the region in every mask we pass

# What PyRadiomics says of a mask it will not use, and which rule that is.
_RULES = (
    ("No labels found", Unusable.EMPTY),
    ("not present", Unusable.LOST),
    ("1 segmented voxel", Unusable.SINGLE),
    ("too few dimensions", Unusable.FLAT),
    ("too small", Unusable.SMALL),
    ("Resegmentation", Unusable.RESEGMENTED),
    ("larger than image", Unusable.OUTSIDE),
)


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
    """

    image: sitk.Image
    mask: sitk.Image
    shape_mask: sitk.Image
    box: np.ndarray


def prepare(image: Volume, mask: Volume, graph: Graph) -> Prepared:
    """Do what the graph's nodes above the filters say.

    Raises
    ------
    RegionError
        With PyRadiomics' own message, when it will not use the mask.
    """
    settings = steps(graph)
    if "window" in settings:
        image = replace(image, array=window(image.array, **settings["window"]))
    with _region_errors(mask.source or image.source):
        return _prepare(to_itk(image), to_itk(mask), settings)


def _prepare(image: sitk.Image, mask: sitk.Image, settings: dict[str, dict[str, Any]]) -> Prepared:
    check = {**settings["roi"], "label": LABEL}
    mask = imageoperations.getMask(mask, label=LABEL)
    if "normalise" in settings:
        with one_thread():  # its mean and deviation change in the last digit with the number of threads
            image = imageoperations.normalizeImage(image, **settings["normalise"])
    if "resample" in settings:
        image, mask = imageoperations.resampleImage(image, mask, **settings["resample"], label=LABEL)
    elif "crop" in settings:
        box = _checked_box(image, mask, check)
        image, mask = imageoperations.cropToTumorMask(image, mask, box, **settings["crop"])
    box = _checked_box(image, mask, check)
    if "resegment" not in settings:
        return Prepared(image, mask, mask, box)
    kept = imageoperations.resegmentMask(image, mask, **settings["resegment"], label=LABEL)
    box = _checked_box(image, kept, check)
    return Prepared(image, kept, mask if "box" in settings else kept, box)


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


@contextmanager
def _region_errors(source: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError, AssertionError) as error:
        said = " ".join(str(error).split()).rsplit("ERROR: ", 1)[-1]  # without ITK's file and line
        rule = next((rule for hint, rule in _RULES if hint in said), Unusable.OTHER)
        raise region_error(source, said, rule) from error
