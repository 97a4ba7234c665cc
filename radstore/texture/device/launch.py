"""What every kernel is told: the arguments of a call, and the structures that hand them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from radstore import cuda
from radstore.images.arrays import Array
from radstore.texture import _native
from radstore.texture.device.grid import Grid
from radstore.texture.device.placement import Part, Placement
from radstore.texture.device.tables import Tables
from radstore.texture.order import LISTS

KERNELS = Path(__file__).parents[1] / "kernels"
MERGED = ("RS_MERGED",)  # directions merged with weights: counts are double
VARIANTS = (
    *((path, ()) for path in sorted(KERNELS.glob("*.cu"))),
    *((KERNELS / f"{name}.cu", MERGED) for name in ("glcm", "glrlm")),
)
"""Every source and the defines that it is compiled with."""

CPU_ONLY = ("threads", "rolling")  # arguments that say how the CPU shall go about it
MAX_LOGS = 1 << 15  # entries; more would fall out of the cache
MAX_PARTS = 16

# `Launch` and `Voxels` in kernels/windows.cuh: the same fields in the same order.
LAUNCH = np.dtype(
    [
        *(
            (name, np.uint64)
            for name in ("level", "value", "tone", "centres", "offset", "weight", "log", "out")
        ),
        ("scratch", np.uint64),
        *((name, np.int64) for name in ("windows", "scratch_bytes")),
        *((name, np.int64, MAX_PARTS) for name in ("part", "stride")),
        *((name, np.int32) for name in ("nz", "ny", "nx", "levels", "highest", "logs", "rz", "ry", "rx")),
        *((name, np.int32) for name in ("directions", "reach", "lanes", "shared_bytes")),
        ("wanted", np.uint32),
    ],
    align=True,
)
VOXELS = np.dtype(
    [
        *((name, np.uint64) for name in ("patch", "list")),
        *((name, np.int32) for name in ("n", "nz", "ny", "nx", "reach")),
    ],
    align=True,
)

FEATURES = {
    family: tuple(name for name, _, _ in _native.FEATURES[listed]) for family, listed in LISTS.items()
}
"""Family → its features in the order of the kernels' enum: columns of what a kernel writes."""


@dataclass(frozen=True, eq=False)
class Call:
    """One call's arguments, as every family has them, and what follows from them."""

    family: str
    level: Grid
    values: np.ndarray
    highest: int
    centres: Array
    radius: tuple[int, int, int]
    offsets: np.ndarray
    weights: np.ndarray
    wanted: Sequence[int]

    @classmethod
    def of(cls, family: str, common: Mapping[str, Any]) -> Call:
        """From the arguments that all functions of `_native` take."""
        return cls(family, **{name: value for name, value in common.items() if name not in CPU_ONLY})

    @property
    def levels(self) -> int:
        """How many grey levels occur."""
        return len(self.values)

    @property
    def region(self) -> bool:
        """ROI mode: one window that is the whole grid."""
        return len(self.centres) == 0

    @property
    def merged(self) -> bool:
        """All directions in one weighted matrix."""
        return len(self.weights) > 0

    @property
    def columns(self) -> int:
        """How many neighbours a voxel may have, and none."""
        return 2 * len(self.offsets) + 1

    @property
    def bits(self) -> int:
        """`wanted`, a bit a feature."""
        return sum(1 << feature for feature in set(self.wanted))

    def needs(self, section: str) -> bool:
        """Whether a wanted feature needs a section of its header, e.g. ``ORDER``."""
        listed = _native.FEATURES[LISTS[self.family]]
        return any(section in listed[feature][1].split(" | ") for feature in self.wanted)

    @property
    def reach(self) -> int:
        """How far the longest offset reaches."""
        return int(np.abs(self.offsets).max(initial=0))

    @property
    def sides(self) -> tuple[int, ...]:
        """The most voxels a window has along each axis."""
        shape = [int(n) for n in self.level.array.shape]
        return tuple(
            shape if self.region else (min(n, 2 * r + 1) for n, r in zip(shape, self.radius, strict=True))
        )

    @property
    def places(self) -> int:
        """The most voxels a window has."""
        return int(np.prod(self.sides, dtype=np.int64))

    @property
    def patch(self) -> tuple[Part, Part]:
        """The window with its border, and its voxels; ROI mode has them in global memory."""
        padded = int(np.prod([side + 2 * self.reach for side in self.sides], dtype=np.int64))
        return (
            (Part("patch", 0), Part("list", 0))
            if self.region
            else (Part("patch", 2 * padded), Part("list", 4 * self.places))
        )

    @cached_property
    def tables(self) -> Tables:
        """The small arrays that kernels look things up in, on the device."""
        logs = 0 if self.region else min(2 * self.places + 1, MAX_LOGS)
        counts = np.arange(logs, dtype=np.float64)
        return Tables.upload(
            value=self.values.astype(np.float64),
            tone=np.concatenate([[0], self.values]).astype(np.int32),
            offset=self.offsets.astype(np.int32),
            weight=self.weights.astype(np.float64),
            log=counts * np.log2(np.maximum(counts, 1)),
        )

    def launch(self, placement: Placement, lanes: int, out: Array, scratch: Array) -> np.ndarray:
        """`Launch`, to be handed to a kernel by value."""
        job = np.zeros((), LAUNCH)
        for name, array in (
            ("level", self.level.array),
            ("centres", self.centres),
            ("out", out),
            ("scratch", scratch),
        ):
            job[name] = array.data.ptr if array.size else 0
        for name, at in self.tables.at.items():
            job[name] = at
        job["windows"] = len(self.centres)
        job["nz"], job["ny"], job["nx"] = self.level.array.shape
        job["rz"], job["ry"], job["rx"] = self.radius
        job["levels"], job["highest"], job["logs"] = self.levels, self.highest, self.tables.lengths["log"]
        job["directions"], job["reach"], job["lanes"] = len(self.offsets), self.reach, lanes
        job["wanted"] = self.bits
        placement.fill(job)
        return job

    def row(self, rows: int = 1) -> Array:
        """Room for features: NaN, as those stay that no kernel writes."""
        import cupy

        return cupy.full((rows, len(FEATURES[self.family])), np.nan)

    def kernel(self, name: str, source: str | None = None) -> Any:
        """A kernel of this family."""
        defines = MERGED if self.merged else ()
        return cuda.function(KERNELS / f"{source or self.family}.cu", name, defines)


def columns(call: Call, rows: Array) -> Array:
    """Of rows [window, feature] the wanted features, [wanted feature, window]; a view if all are."""
    wanted = list(call.wanted)
    first, last = wanted[0], wanted[-1] + 1
    if wanted == list(range(first, last)):
        return rows[:, first:last].T
    import cupy

    return rows.T[cupy.asarray(wanted)]
