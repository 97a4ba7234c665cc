"""`CandidateRule`: which blobs of a probability of lesion are candidates; as published, or otherwise."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from radstore.errors import BadInput
from radstore.suggest import suggest

DYNAMIC = ("dynamic", "dynamic-fast", "dynamic-v2")
"""Thresholds that follow the probabilities: the factor-th part of a lesion's own highest probability, or of
the case's (``dynamic-fast``). ``dynamic-v2`` goes on where ``dynamic`` stops at the first blob that is too
small."""


@dataclass(frozen=True)
class CandidateRule:
    """The settings of the extraction; the defaults are the published ones.

    Parameters
    ----------
    threshold
        One of `DYNAMIC`, or a fixed probability. The published baseline has ``dynamic-fast``.
    factor
        Ratio of a candidate's highest probability and the lowest in it; larger gives larger candidates. The
        published baseline has 2.5. A fixed threshold has no use for it.
    most
        Candidates a case at most; ``dynamic-fast`` and fixed thresholds keep all they find.
    voxels
        A candidate has more voxels than this.
    near
        Side, in voxels of the CT, of the cube that the predicted pancreas is dilated with; the probability
        counts only there.

    Raises
    ------
    BadInput
        If a setting cannot be one.
    """

    threshold: str | float = "dynamic-v2"
    factor: float = 15.0
    most: int = 5
    voxels: int = 10
    near: int = 5

    def __post_init__(self) -> None:
        if isinstance(self.threshold, str) and self.threshold not in DYNAMIC:
            raise BadInput(
                f"{self.threshold!r} is no threshold for lesion candidates",
                suggest(self.threshold, list(DYNAMIC), "Give a probability, or one of"),
            )
        if not isinstance(self.threshold, str) and not 0 < self.threshold <= 1:
            raise BadInput(
                f"a threshold of {self.threshold} for lesion candidates", "Give a probability, such as 0.1."
            )
        if not self.factor > 1 or self.most < 1 or self.voxels < 0 or self.near < 1 or self.near % 2 == 0:
            raise BadInput(
                f"lesion candidates with factor {self.factor:g}, at most {self.most}, more than "
                f"{self.voxels} voxels, within a cube of {self.near} voxels",
                "The factor is above 1, there is at least one candidate, and the cube's side is odd.",
            )

    @classmethod
    def of(cls, threshold: str, factor: float, **others: int) -> CandidateRule:
        """The rule for a threshold as typed: a name, or a number."""
        try:
            return cls(float(threshold), factor, **others)
        except ValueError:
            return cls(threshold, factor, **others)

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``predictions.json``."""
        return asdict(self)
