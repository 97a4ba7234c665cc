"""`Roi`: which part of a CT Stage 2 sees, around the region that Stage 1 found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radstore.errors import BadInput
from radstore.images.box import Box, bounding_box, box_of, grown
from radstore.images.volume import Volume


@dataclass(frozen=True)
class Roi:
    """The part of the CT that Stage 2 sees.

    Parameters
    ----------
    rule
        ``margins``: `mm` on each side of the region's box (as the published code does); ``box``: a box of
        `mm` around the centre of the region's box (the paper's words).
    mm
        Along the image's x, y, z.
    """

    rule: str = "margins"
    mm: tuple[float, float, float] = (100.0, 50.0, 15.0)

    def __post_init__(self) -> None:
        if (
            self.rule not in ("margins", "box")
            or min(self.mm) < 0
            or (self.rule == "box" and not all(self.mm))
        ):
            raise BadInput(
                f"an ROI {self.rule!r} of {self.mm} mm",
                "Use `margins` or `box`, with three lengths along x, y, z.",
            )

    def box(self, region: Volume) -> Box:
        """The box (z, y, x) in the region's grid, clipped to it.

        Raises
        ------
        BadInput
            If the region is empty.
        """
        tight = bounding_box(region.array)
        if tight is None:
            raise BadInput(
                f"{region.source or 'the region'} is empty", "Give it a fallback before asking for a ROI."
            )
        spacing = region.geometry.spacing
        reach = [round(mm / step) for mm, step in zip(self.mm, spacing, strict=True)][::-1]  # z, y, x
        if self.rule == "box":
            tight, reach = _centred(tight, reach), [0, 0, 0]
        return grown(tight, reach, region.array.shape)


def _centred(box: Box, size: Sequence[int]) -> Box:
    """The box of `size` voxels (at least 1) with the same centre."""
    wide = [max(1, n) for n in size]
    z, y, x = ((span.start + span.stop - n) // 2 for span, n in zip(box, wide, strict=True))
    return box_of((x, y, z), wide[::-1])
