"""Intensities are augmented in the CT alone: a map in units of the cohort has no brightness of its own."""

from __future__ import annotations

from typing import Any

from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform, ImageOnlyTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.random import RandomTransform

CT = slice(0, 1)
"""The CT among the channels: the first."""


class CtOnly(BasicTransform):  # type: ignore[misc]
    """A transform of intensities that sees the CT, and leaves maps and region alone.

    Parameters
    ----------
    transform
        Of images (channel, z, y, x).
    """

    def __init__(self, transform: ImageOnlyTransform) -> None:
        super().__init__()
        self.transform = transform

    def __call__(self, **sample: Any) -> dict[str, Any]:
        """The sample, its ``image`` (channel, z, y, x) changed in the first channel."""
        image = sample["image"]
        image[CT] = self.transform(image=image[CT])["image"]
        return sample


def intensities_of_ct(transforms: ComposeTransforms) -> ComposeTransforms:
    """nnU-Net's transforms, those of intensities confined to the CT; those of space act on all channels."""
    for step in transforms.transforms:
        if isinstance(step, RandomTransform) and isinstance(step.transform, ImageOnlyTransform):
            step.transform = CtOnly(step.transform)
    return transforms
