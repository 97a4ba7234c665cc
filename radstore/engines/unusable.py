"""Why a region cannot be used, and what to do about it: every engine says it alike."""

from __future__ import annotations

from enum import Enum

from radstore.errors import RegionError


class Unusable(Enum):
    """A rule that a region breaks; its value is the remedy."""

    EMPTY = "The region has no voxel: check the label image and the region's label values."
    LOST = "No voxel of the region is left on the resampled grid: resample less coarsely."
    SINGLE = "One voxel has no texture: check the mask, or leave this case out."
    FLAT = "Lower minimumROIDimensions, or check that the mask is not a single slice or line."
    SMALL = "Lower minimumROISize, or leave this case out."
    RESEGMENTED = "Widen resegmentRange, or check that it suits resegmentMode and the image's units."
    OUTSIDE = "The region must lie inside the image: check that both belong to one study."
    OTHER = "Check that the mask belongs to this image and that the settings suit its size."


def region_error(source: str, why: str, rule: Unusable) -> RegionError:
    """The error for a region that breaks a rule.

    Parameters
    ----------
    source
        The mask's file or case.
    why
        What is wrong, with the values.
    rule
        Which rule, and so which remedy.
    """
    return RegionError(f"{source or 'mask'}: cannot use the region: {why}", rule.value)
