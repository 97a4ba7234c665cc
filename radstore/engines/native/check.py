"""When a region cannot be used: the rules of ``radiomics.imageoperations.checkMask``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from radstore.engines.unusable import Unusable, region_error
from radstore.errors import RegionError
from radstore.images.box import Box, bounding_box, sides
from radstore.images.volume import Geometry


@dataclass(frozen=True)
class Rules:
    """What is asked of a region.

    Parameters
    ----------
    source
        The mask's file or case, for messages.
    minimumROIDimensions
        In how many dimensions it must extend.
    minimumROISize
        How many voxels it must exceed; None: any number will do.
    """

    source: str
    minimumROIDimensions: int
    minimumROISize: int | None

    def refuse(self, why: str, rule: Unusable) -> RegionError:
        """The error to raise."""
        return region_error(self.source, why, rule)

    def some(self, mask: Any) -> Box:
        """The box of a mask that has voxels.

        Raises
        ------
        RegionError
            If it has none.
        """
        box = bounding_box(mask)
        if box is None:
            raise self.refuse("it has no voxel", Unusable.EMPTY)
        return box

    def same_size(self, image: Geometry, mask: Geometry) -> None:
        """Raise `RegionError` if image and mask have different sizes."""
        if image.size != mask.size:
            raise self.refuse(
                f"Input mask of {mask.size} voxels does not match its image of {image.size}", Unusable.OTHER
            )

    def box(self, mask: Any, left: str = "on the grid of the features") -> Box:
        """The box of a region that may be used.

        Parameters
        ----------
        mask
            bool [z, y, x].
        left
            Where it was looked for, for messages.

        Raises
        ------
        RegionError
            If it is empty, too flat or too small.
        """
        box = bounding_box(mask)
        if box is None:
            raise self.refuse(f"no voxel of it is left {left}", Unusable.LOST)
        dimensions = sum(side > 1 for side in sides(box))
        if dimensions == 0:
            raise self.refuse("it has only 1 segmented voxel", Unusable.SINGLE)
        if dimensions < self.minimumROIDimensions:
            raise self.refuse(
                f"too few dimensions: it extends in {dimensions}, minimumROIDimensions is "
                f"{self.minimumROIDimensions}",
                Unusable.FLAT,
            )
        if self.minimumROISize is not None:
            voxels = int(mask[box].sum())
            if voxels <= self.minimumROISize:
                raise self.refuse(
                    f"too small: it has {voxels} voxels, minimumROISize is {self.minimumROISize}",
                    Unusable.SMALL,
                )
        return box
