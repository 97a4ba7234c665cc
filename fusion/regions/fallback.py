"""Where to look if Stage 1 finds no pancreas: a box in the body, placed as training cases' regions are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from radstore.errors import BadInput
from radstore.images.box import Box, bounding_box, whole
from radstore.images.volume import Geometry, Volume

AIR = -300.0  # HU; above it is body
STEP = 4.0  # mm between the voxels that the body is looked for in


@dataclass(frozen=True)
class Fallback:
    """A box in the body. Its axes are the patient's: x to the left, y posterior, z superior.

    Parameters
    ----------
    centre
        Its centre along x, y, z, as a fraction of the body's bounding box.
    size_mm
        Its size along x, y, z.
    cases
        How many cases it was fitted on; 0: the default, about where the pancreas lies in a CT of the abdomen.
    """

    centre: tuple[float, float, float] = (0.5, 0.4, 0.5)
    size_mm: tuple[float, float, float] = (140.0, 80.0, 90.0)
    cases: int = 0

    @classmethod
    def of(cls, image: Volume, region: Volume) -> Fallback | None:
        """Where the region of one case lies in its body; None if it is empty.

        Parameters
        ----------
        image, region
            HU, and 0 or 1 on the same grid.
        """
        box = bounding_box(region.array)
        if box is None:
            return None
        body = body_box(image)
        order, signs = patient_axes(image.geometry)
        centre, size = [0.0] * 3, [0.0] * 3
        for axis in range(3):  # of the index: x, y, z
            span, frame = box[2 - axis], body[2 - axis]
            share = ((span.start + span.stop) / 2 - frame.start) / (frame.stop - frame.start)
            centre[order[axis]] = share if signs[axis] > 0 else 1 - share
            size[order[axis]] = (span.stop - span.start) * image.geometry.spacing[axis]
        return cls((centre[0], centre[1], centre[2]), (size[0], size[1], size[2]), 1)

    @classmethod
    def mean(cls, cases: Sequence[Fallback]) -> Fallback:
        """The mean centre and the mean size of those of training cases.

        Raises
        ------
        BadInput
            If there is none.
        """
        if not cases:
            raise BadInput("no training case has a region", "Give cases with labels to place a fallback by.")
        cx, cy, cz = np.mean([one.centre for one in cases], axis=0).round(4).tolist()
        x, y, z = np.mean([one.size_mm for one in cases], axis=0).round(1).tolist()
        return cls((cx, cy, cz), (x, y, z), sum(one.cases for one in cases))

    def mask(self, image: Volume) -> Volume:
        """The box in an image, uint8, 0 or 1; cut off where the body ends, with at least one voxel."""
        geometry, body = image.geometry, body_box(image)
        order, signs = patient_axes(geometry)
        array = np.zeros(geometry.shape, np.uint8)
        spans = []
        for axis in (2, 1, 0):  # of the index: z, y, x
            along = order[axis]
            span, spacing = body[2 - axis], geometry.spacing[axis]
            share = self.centre[along] if signs[axis] > 0 else 1 - self.centre[along]
            centre = span.start + share * (span.stop - span.start)
            half = self.size_mm[along] / spacing / 2
            start = int(np.clip(round(centre - half), span.start, span.stop - 1))
            spans.append(slice(start, max(start + 1, min(round(centre + half), span.stop))))
        array[tuple(spans)] = 1
        return Volume(array, geometry, image.source)

    def note(self) -> str:
        """What is said of a region that is this box: that nothing was found, and how the box was placed."""
        size = " × ".join(f"{mm:g}" for mm in self.size_mm)
        by = f"the regions of {self.cases} training cases" if self.cases else "a rule of thumb"
        return f"Stage 1 found nothing here; a box of {size} mm, placed in the body by {by}, stands in"

    def to_json(self) -> dict[str, Any]:
        """As it stands in the plans, and in the provenance of every region that fell back."""
        return asdict(self) | {"centre": list(self.centre), "size_mm": list(self.size_mm)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Fallback:
        """The inverse of `to_json`."""
        (cx, cy, cz), (x, y, z) = value["centre"], value["size_mm"]
        return cls((cx, cy, cz), (x, y, z), value["cases"])


def body_box(image: Volume) -> Box:
    """The box (z, y, x) of the largest connected part of a CT above `AIR`; all of it where there is none."""
    from scipy import ndimage

    steps = [max(1, round(STEP / spacing)) for spacing in image.geometry.spacing[::-1]]
    coarse = image.array[tuple(slice(None, None, step) for step in steps)] > AIR
    parts, count = ndimage.label(coarse)
    if not count:
        return whole(image.array.shape)
    largest = int(np.bincount(parts.ravel())[1:].argmax()) + 1
    box = bounding_box(parts == largest) or whole(coarse.shape)
    z, y, x = (
        slice(span.start * step, min(span.stop * step, size))
        for span, step, size in zip(box, steps, image.array.shape, strict=True)
    )
    return z, y, x


def patient_axes(geometry: Geometry) -> tuple[list[int], list[int]]:
    """For each index axis (x, y, z) the patient's axis nearest to it, and 1 along it, −1 against it.

    Each of the patient's axes is taken once, however oblique the grid.
    """
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-np.abs(geometry.axes))  # rows: patient; columns: index
    order = [int(rows[columns.tolist().index(axis)]) for axis in range(3)]
    return order, [1 if geometry.axes[order[axis], axis] >= 0 else -1 for axis in range(3)]
