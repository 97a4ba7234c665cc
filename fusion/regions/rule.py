"""`RegionRule`: how labels that Stage 1 predicted become the region that maps and vector are computed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fusion.recipe import PANCREAS
from fusion.regions.fallback import Fallback
from radstore.errors import BadInput
from radstore.images.box import Box, bounding_box, grown
from radstore.images.volume import Vector3, Volume

OK, FALLBACK = "ok", "fallback"


@dataclass(frozen=True)
class RegionRule:
    """How predicted labels become a region. Travels in the recipe of a Stage-1 model.

    Parameters
    ----------
    values
        The labels that make it up.
    dilate_mm
        By how much it is dilated along the image's x, y, z, on either side. Published: one voxel of a grid of
        4.5 × 4.5 × 9 mm.
    least
        Parts smaller than this share of the largest one, after dilation, are dropped: islands far away would
        stretch the ROI. 0 keeps all, 1 the largest alone, which loses a tail that the prediction cut off.
    fallback
        The region of a case without any such label.
    """

    values: tuple[int, ...] = PANCREAS
    dilate_mm: Vector3 = (4.5, 4.5, 9.0)
    least: float = 0.1
    fallback: Fallback = field(default_factory=Fallback)

    def __post_init__(self) -> None:
        if not self.values or min(self.values) < 1:
            raise BadInput(f"a region of the labels {self.values}", "Give labels from 1 on, as 1 4 5.")
        if min(self.dilate_mm) < 0 or not all(np.isfinite(self.dilate_mm)):
            raise BadInput(f"a dilation of {self.dilate_mm} mm", "Give three lengths from 0 on: x, y, z.")
        if not 0 <= self.least <= 1:
            raise BadInput(f"parts of at least {self.least} of the largest", "Give a share from 0 to 1.")

    def to_json(self) -> dict[str, Any]:
        """As it stands in the recipe, and in the provenance of every region."""
        return {
            "values": list(self.values),
            "dilate_mm": list(self.dilate_mm),
            "least": self.least,
            "fallback": self.fallback.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RegionRule:
        """The inverse of `to_json`; an empty mapping is the default rule."""
        if not value:
            return cls()
        x, y, z = value["dilate_mm"]
        fallback = Fallback.from_json(value["fallback"])
        return cls(tuple(value["values"]), (x, y, z), value["least"], fallback)


def region_from_labels(labels: Volume, image: Volume, rule: RegionRule | None = None) -> tuple[Volume, str]:
    """The region of a case.

    Parameters
    ----------
    labels
        Predicted labels (0–6) on the CT's whole grid.
    image
        The CT, HU; looked at only if there is nothing of the region in `labels`.
    rule
        Default: `RegionRule()`.

    Returns
    -------
    mask, status
        uint8, 0 or 1, never empty, on the same grid; ``ok``, or ``fallback`` if it is the rule's fallback.

    Raises
    ------
    BadInput
        If labels and image do not lie on one grid.
    """
    rule = rule or RegionRule()
    differs = image.geometry.mismatch(labels.geometry, tolerance=1e-6)
    if differs is not None:
        raise BadInput(f"{image.source}: labels on another grid: {differs}", "Give labels of this CT.")
    found = np.isin(labels.array, rule.values)
    box = bounding_box(found)
    if box is None:
        return rule.fallback.mask(image), FALLBACK
    reach = [round(mm / step) for mm, step in zip(rule.dilate_mm, image.geometry.spacing, strict=True)][::-1]
    outer = grown(box, reach, found.shape)
    array = np.zeros(found.shape, np.uint8)
    array[outer] = _large_parts(_dilated(found, outer, reach), rule.least)
    return Volume(array, image.geometry, image.source), OK


def _dilated(found: np.ndarray, outer: Box, reach: list[int]) -> np.ndarray:
    """The part of a mask in a box, dilated by a box of ± `reach` voxels (z, y, x): one pass an axis."""
    from scipy import ndimage

    part = found[outer].astype(np.uint8)
    for axis, voxels in enumerate(reach):
        if voxels:
            part = ndimage.maximum_filter1d(part, 2 * voxels + 1, axis=axis, mode="constant", cval=0)
    return part


def _large_parts(mask: np.ndarray, least: float) -> np.ndarray:
    """The connected parts (faces, edges, corners) that are not much smaller than the largest."""
    from scipy import ndimage

    parts, count = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    keep = sizes >= least * sizes.max()
    keep[0] = False
    if least == 1:  # of two that are equal the first
        keep = np.arange(len(sizes)) == sizes.argmax()
    return keep[parts].astype(np.uint8)
