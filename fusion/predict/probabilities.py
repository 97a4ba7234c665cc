"""`Probabilities`: of every structure, in a box of the CT's grid; averaged over chains, pasted on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from radstore.images.volume import Geometry, Volume

if TYPE_CHECKING:
    import torch

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Probabilities:
    """What a network says of each voxel of a box; outside it all is background.

    Only the box is kept: seven structures of a whole CT would take gigabytes.

    Parameters
    ----------
    array
        float32 (class, z, y, x); class 0 is background, they add up to 1.
    box
        Where in the CT's grid (z, y, x).
    geometry
        The CT's full grid.
    source
        The case, for messages.
    """

    array: np.ndarray
    box: Box
    geometry: Geometry
    source: str = ""

    def of(self, label: int) -> Volume:
        """The probability of one structure in the CT's full grid, float32."""
        full = np.zeros(self.geometry.shape, np.float32)
        full[self.box] = self.array[label]
        return Volume(full, self.geometry, self.source)

    def labels(self) -> Volume:
        """The most probable structure in the CT's full grid, uint8."""
        full = np.zeros(self.geometry.shape, np.uint8)
        full[self.box] = self.array.argmax(axis=0)
        return Volume(full, self.geometry, self.source)


def average(several: Sequence[Probabilities]) -> Probabilities:
    """The mean over chains, in the box that holds all of theirs.

    Where a chain's own box does not reach, it says background, as nnU-Net does outside its crop.
    """
    first = several[0]
    if len(several) == 1:
        return first
    box = _around([one.box for one in several])
    total = np.zeros((len(first.array), *(side.stop - side.start for side in box)), np.float32)
    total[0] = len(several)
    for one in several:
        here = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(one.box, box, strict=True))
        part = total[:, *here]  # a view
        part[0] -= 1
        part += one.array
    total /= len(several)
    return Probabilities(total, box, first.geometry, first.source)


def in_ct(
    logits: torch.Tensor, properties: Mapping[str, Any], plans: Any, configuration: Any, labels: Any
) -> Probabilities:
    """A sample's logits as probabilities in the CT's grid, through nnU-Net's own export.

    Parameters
    ----------
    logits
        (class, z, y, x) on the network's grid.
    properties
        nnU-Net's, of the sample.
    plans, configuration, labels
        nnU-Net's managers of the model.
    """
    import fusion.nnunet  # noqa: F401, I001  before nnunetv2
    from nnunetv2.inference.export_prediction import (
        convert_predicted_logits_to_segmentation_with_correct_shape as export,
    )
    import torch

    crop = properties["shape_after_cropping_and_before_resampling"]
    only_the_crop = {
        **properties,
        "shape_before_cropping": tuple(crop),
        "bbox_used_for_cropping": [[0, int(n)] for n in crop],
    }
    _, array = export(
        logits,
        plans,
        configuration,
        labels,
        only_the_crop,
        return_probabilities=True,
        num_threads_torch=torch.get_num_threads(),
    )
    back = plans.transpose_backward
    bounds = [properties["bbox_used_for_cropping"][axis] for axis in back]
    z, y, x = (slice(int(low), int(high)) for low, high in bounds)
    return Probabilities(np.asarray(array, np.float32), (z, y, x), full_grid(properties, back))


def full_grid(properties: Mapping[str, Any], transpose_backward: Sequence[int]) -> Geometry:
    """The CT's grid as nnU-Net's properties have it."""
    z, y, x = (int(properties["shape_before_cropping"][axis]) for axis in transpose_backward)
    itk = properties["sitk_stuff"]
    sx, sy, sz = map(float, itk["spacing"])
    ox, oy, oz = map(float, itk["origin"])
    return Geometry((x, y, z), (sx, sy, sz), (ox, oy, oz), tuple(map(float, itk["direction"])))


def _around(boxes: Sequence[Box]) -> Box:
    z, y, x = (slice(min(box[k].start for box in boxes), max(box[k].stop for box in boxes)) for k in range(3))
    return z, y, x
