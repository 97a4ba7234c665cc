"""`Overrides`: what of the plans the user fixes instead of the planner."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from radstore.errors import BadInput
from radstore.suggest import suggest

PLANNERS = {"plain": "ExperimentPlanner", "residual": "nnUNetPlannerResEncM"}
"""Architecture → nnU-Net's planner for it. Both aim at the same memory; the published network is plain."""


@dataclass(frozen=True)
class Overrides:
    """What of the plans the user fixes instead of the planner. None: as the planner has it.

    Parameters
    ----------
    architecture
        ``plain`` (PlainConvUNet, nnU-Net's default and the published one) or ``residual``
        (ResidualEncoderUNet of the preset M).
    spacing
        Of the network's grid, mm (z, y, x).
    patch
        Voxels (z, y, x).
    batch
        Patches a batch.
    stages
        Resolutions of the network, the bottleneck's included; at most as many as the patch allows.
    base_features, max_features
        Features of the first stage, which double from stage to stage, and the most there may be.
    memory
        What a training step may take on the GPU, GB.
    """

    architecture: str = "plain"
    spacing: tuple[float, float, float] | None = None
    patch: tuple[int, int, int] | None = None
    batch: int | None = None
    stages: int | None = None
    base_features: int | None = None
    max_features: int | None = None
    memory: float = 8.0

    def __post_init__(self) -> None:
        if self.architecture not in PLANNERS:
            raise BadInput(
                f"--architecture {self.architecture!r} is not known",
                suggest(self.architecture, PLANNERS, "There are"),
            )
        for name in ("batch", "stages", "base_features", "max_features", "memory"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise BadInput(f"--{name.replace('_', '-')} {value}", "Give a number above 0.")
        for name in ("spacing", "patch"):
            value = getattr(self, name)
            if value is not None and (len(value) != 3 or min(value) <= 0):
                raise BadInput(f"--{name} {value}", "Give three numbers above 0, along z, y, x.")
        sizes = [size for size in (self.base_features, self.max_features) if size is not None]
        if any(low > high for low, high in pairwise(sizes)):
            raise BadInput(
                f"--base-features {self.base_features} are more than --max-features {self.max_features}",
                "Give at least as many as most.",
            )
