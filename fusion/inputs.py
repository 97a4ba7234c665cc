"""`Inputs`: the rows of the ablation and their controls, and what each gives the network."""

from __future__ import annotations

from dataclasses import dataclass

from radstore.errors import BadInput
from radstore.suggest import suggest

ROWS = ("ct", "ct+global", "ct+maps", "ct+maps+global")
"""The four rows of the ablation."""
CONTROLS = ("ct+region", "ct+permuted")
"""Is it the region's outline, or merely having a vector, that helps?"""


@dataclass(frozen=True)
class Inputs:
    """What a network is given: a row of the ablation, or a control.

    Parameters
    ----------
    name
        One of `ROWS` or `CONTROLS`.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in (*ROWS, *CONTROLS):
            raise BadInput(
                f"--inputs {self.name!r} is no row of the ablation",
                suggest(self.name, [*ROWS, *CONTROLS], "The rows are"),
            )

    @property
    def maps(self) -> bool:
        """Whether parametric maps are channels."""
        return "maps" in self.name.split("+")

    @property
    def region(self) -> bool:
        """Whether the region's mask is a channel."""
        return "region" in self.name.split("+")

    @property
    def vector(self) -> bool:
        """Whether the network has a global vector (its own, or in the control another case's)."""
        return bool({"global", "permuted"} & set(self.name.split("+")))

    @property
    def permuted(self) -> bool:
        """Whether each case is given the vector of another."""
        return "permuted" in self.name.split("+")
