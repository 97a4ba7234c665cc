"""ROI mode: all blocks count in one region, then a block a row makes features of the counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radstore import cuda
from radstore.images.arrays import Array
from radstore.texture.device.launch import KERNELS, VOXELS, Call, columns
from radstore.texture.device.placement import Part, Placement, place

DESCRIBE_THREADS = 512  # of the one block that makes a row of features
COUNT_THREADS = 256  # of the blocks that count
SHARED = 40 << 10  # bytes of shared memory that such a block may take


@dataclass(frozen=True, eq=False)
class Region:
    """ROI mode: the grid with a border, and the region's voxels in it."""

    call: Call
    patch: Array
    list: Array

    @classmethod
    def of(cls, call: Call) -> Region:
        """The call's."""
        return cls(call, call.level.patch(call.reach), call.level.places.bordered(call.reach))

    @property
    def voxels(self) -> np.ndarray:
        """`Voxels`, to be handed to a kernel by value."""
        given = np.zeros((), VOXELS)
        given["patch"], given["list"], given["n"] = self.patch.data.ptr, self.list.data.ptr, len(self.list)
        given["nz"], given["ny"], given["nx"] = self.call.level.array.shape
        given["reach"] = self.call.reach
        return given

    def job(self, some: slice | None = None, cells: int = 0) -> np.ndarray:
        """`Launch` for counting in some directions; in shared memory where a matrix of `cells` fits."""
        import cupy

        job = self.call.launch(Placement.none(), COUNT_THREADS, cupy.empty(0), cupy.empty(0))
        if some is not None:
            job["offset"] += np.uint64(12 * some.start)
            job["weight"] += np.uint64(8 * some.start if self.call.merged else 0)
            job["directions"] = some.stop - some.start
        job["shared_bytes"] = 4 * cells if 4 * cells <= SHARED else 0
        return job

    def spread(
        self, kernel: Any, arguments: Sequence[Any], directions: int = 1, shared_bytes: int = 0
    ) -> None:
        """Run a kernel with about a thread for every four voxels, once for each direction."""
        most = 8 * cuda.current().processors
        blocks = max(1, min(most, -(-len(self.list) // (4 * COUNT_THREADS))))
        kernel((blocks, directions), (COUNT_THREADS,), tuple(arguments), shared_mem=shared_bytes)

    def describe(
        self, name: str, parts: Sequence[Part], extra: Sequence[Any], rows: Array, source: str | None = None
    ) -> None:
        """Run the kernel that makes features of counts: a block a row."""
        import cupy

        placement = place(parts, 1, SHARED)
        scratch = cupy.zeros(len(rows) * placement.scratch_bytes, np.uint8)
        job = self.call.launch(placement, DESCRIBE_THREADS, rows, scratch)
        kernel = self.call.kernel(name, source)
        kernel((len(rows),), (DESCRIBE_THREADS,), (job, *extra), shared_mem=placement.shared_bytes)

    def mean(self, rows: Array) -> Array:
        """The mean over directions, of those that are defined: [wanted feature, 1]."""
        out = self.call.row()
        features = np.int32(rows.shape[1])
        kernel = cuda.function(KERNELS / "means.cu", "direction_means")
        kernel((1,), (32,), (rows, np.int32(len(rows)), features, out))
        return columns(self.call, out)


def per_direction(
    call: Call,
    cells: int,
    scratch_bytes: int,
    count: Callable[[Region, slice, Array, Array], None],
    describe: Callable[[Region, slice, Array, Array], None],
) -> Array:
    """ROI mode of the families with a matrix a direction: [wanted feature, 1].

    As many directions at a time as memory has room for.

    Parameters
    ----------
    cells, scratch_bytes
        Of one direction's matrix, and what is needed besides to describe it.
    count
        ``(region, some, matrices, merged)``: fill the matrices of `some` directions, and add them to the
        merged one where directions are merged.
    describe
        ``(region, some, matrices, rows)``: a row of features of each matrix.
    """
    import cupy

    region, directions = Region.of(call), len(call.offsets)
    rows = call.row(1 if call.merged else max(1, directions))
    merged = cupy.zeros(cells if call.merged else 0)
    chunk = int(max(1, min(directions, cuda.budget() // 2 // (4 * cells + scratch_bytes + 1))))
    for first in range(0, directions, chunk):
        some = slice(first, min(first + chunk, directions))
        matrices = cupy.zeros((some.stop - some.start, cells), np.uint32)
        count(region, some, matrices, merged)
        if not call.merged:
            describe(region, some, matrices, rows[some])
    if call.merged and directions:
        describe(region, slice(0, 1), merged, rows)
    return region.mean(rows)
