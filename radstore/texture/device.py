"""The texture kernels on a CUDA device: the sibling of the compiled module `_native`, for CuPy arrays.

The functions at the end have the names, arguments and results of `_native`'s; `threads` has no meaning here. This
module only decides how a call is spread over blocks and memory: see ``kernels/windows.cuh`` for what a block does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from radstore import cuda
from radstore.images.arrays import Array
from radstore.texture.placement import Part, Placement, place

KERNELS = Path(__file__).parent / "kernels"
MERGED = ("RS_MERGED",)  # directions merged with weights: counts are double
VARIANTS = (
    *((KERNELS / f"{name}.cu", ()) for name in ("firstorder", "glcm", "glrlm", "glszm", "neighbours", "means")),
    *((KERNELS / f"{name}.cu", MERGED) for name in ("glcm", "glrlm")),
)
"""Every source and the defines that it is compiled with."""

WARP = 32
REGION_THREADS = 512  # of the one block (a direction) that describes a region
COUNT_THREADS = 256  # of the blocks that count in a region
SMALL_WINDOW = 400  # voxels; up to here one warp has enough to do
MAX_LOGS = 1 << 15
MAX_PARTS = 16

# `Launch` and `Voxels` in kernels/windows.cuh: the same fields in the same order.
LAUNCH = np.dtype(
    [
        *((name, np.uint64) for name in ("level", "value", "tone", "centres", "offset", "weight", "log", "out")),
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

FEATURES = {"glcm": 24, "glrlm": 16, "glszm": 16, "gldm": 16, "ngtdm": 5, "firstorder": 19}
MCC = 19  # its place among the GLCM features
ORDERED = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 9 | 1 << 12  # first order features that need sorted values


@dataclass(frozen=True, eq=False)
class Call:
    """One call's arguments, as every family has them, and what follows from them."""

    family: str
    level: Array
    values: np.ndarray
    highest: int
    centres: Array
    radius: tuple[int, int, int]
    offsets: np.ndarray
    weights: np.ndarray
    wanted: Sequence[int]

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

    @property
    def reach(self) -> int:
        """How far the longest offset reaches."""
        return int(np.abs(self.offsets).max(initial=0))

    @property
    def sides(self) -> tuple[int, ...]:
        """The most voxels a window has along each axis."""
        shape = [int(n) for n in self.level.shape]
        return tuple(shape if self.region else (min(n, 2 * r + 1) for n, r in zip(shape, self.radius, strict=True)))

    @property
    def places(self) -> int:
        """The most voxels a window has."""
        return int(np.prod(self.sides, dtype=np.int64))

    @property
    def patch(self) -> tuple[Part, Part]:
        """The window with its border, and its voxels; ROI mode has them in global memory."""
        padded = int(np.prod([side + 2 * self.reach for side in self.sides], dtype=np.int64))
        return (Part("patch", 0), Part("list", 0)) if self.region else (Part("patch", 2 * padded), Part("list", 4 * self.places))

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
        for name, array in (("level", self.level), ("centres", self.centres), ("out", out), ("scratch", scratch)):
            job[name] = array.data.ptr if array.size else 0
        for name, at in self.tables.at.items():
            job[name] = at
        job["windows"] = len(self.centres)
        job["nz"], job["ny"], job["nx"] = self.level.shape
        job["rz"], job["ry"], job["rx"] = self.radius
        job["levels"], job["highest"], job["logs"] = self.levels, self.highest, self.tables.lengths["log"]
        job["directions"], job["reach"], job["lanes"] = len(self.offsets), self.reach, lanes
        job["wanted"] = self.bits
        placement.fill(job)
        return job

    def kernel(self, name: str, source: str | None = None) -> Any:
        """A kernel of this family."""
        defines = MERGED if self.merged else ()
        return cuda.function(KERNELS / f"{source or self.family}.cu", name, defines)


@dataclass(frozen=True, eq=False)
class Tables:
    """Small arrays, uploaded as one: where each begins on the device (0: it is empty), and how long it is."""

    memory: Array
    at: Mapping[str, int]
    lengths: Mapping[str, int]

    @classmethod
    def upload(cls, **arrays: np.ndarray) -> Tables:
        """One copy to the device instead of one an array."""
        import cupy

        ends = np.cumsum([0, *(-(-array.nbytes // 8) * 8 for array in arrays.values())])
        packed = np.zeros(max(int(ends[-1]), 8), np.uint8)
        for begin, array in zip(ends, arrays.values(), strict=False):
            packed[begin : begin + array.nbytes] = np.ascontiguousarray(array).view(np.uint8).ravel()
        memory = cupy.asarray(packed)
        base = int(memory.data.ptr)
        at = {name: base + int(begin) if a.size else 0 for (name, a), begin in zip(arrays.items(), ends, strict=False)}
        return cls(memory, at, {name: len(array) for name, array in arrays.items()})


def rows_of(call: Call, rows: Array) -> Array:
    """The wanted features of rows [window, feature], as [feature, window]."""
    import cupy

    return cupy.ascontiguousarray(rows[:, list(call.wanted)].T)


def run_windows(call: Call, name: str, parts: Sequence[Part], extra: Sequence[Any] = (), *, teams: bool = False,
                source: str | None = None) -> Array:
    """Voxel mode: features [wanted, window], float64.

    Parameters
    ----------
    name, source
        The kernel, and the file it is in (default: the family's).
    parts
        The memory of a block, in the order of the kernel's ``Part``.
    extra
        The kernel's arguments after the first one.
    teams
        Whether each warp of a block may take a direction of its own.
    """
    import cupy

    threads, lanes = shape_of_block(call, parts, teams)
    device = cuda.current()
    placement = place(parts, threads // lanes, device.shared_all // 3 if device.shared_all // 3 < device.shared else device.shared)
    budget = cuda.budget()
    blocks = placement.blocks(device, threads)
    if placement.scratch_bytes:
        blocks = max(1, min(blocks, budget // 2 // placement.scratch_bytes))
    windows, features = len(call.centres), FEATURES[call.family]
    batch = max(blocks, min(windows, budget // 4 // (8 * features)))
    scratch = cupy.zeros(min(blocks, windows) * placement.scratch_bytes, np.uint8)
    result = cupy.empty((len(call.wanted), windows))
    kernel = prepared(call.kernel(name, source), placement.shared_bytes)
    for first in range(0, windows, batch):
        part = slice(first, min(first + batch, windows))
        rows = cupy.full((part.stop - part.start, features), np.nan)
        job = call.launch(placement, lanes, rows, scratch)
        job["centres"] += np.uint64(12 * first)
        job["windows"] = len(rows)
        kernel((min(blocks, len(rows)),), (threads,), (job, *extra), shared_mem=placement.shared_bytes)
        result[:, part] = rows_of(call, rows)
    return result


def shape_of_block(call: Call, parts: Sequence[Part], teams: bool) -> tuple[int, int]:
    """Threads of a block, and lanes of a team.

    1. Small matrices, many directions: a warp a direction, two warps sharing the window.
    2. A small window: one warp.
    3. Else the more threads the more memory a window takes, since fewer blocks fit on a multiprocessor.
    """
    own = sum(part.bytes for part in parts if part.each)
    if teams and not call.merged and own <= 8 << 10:
        return (WARP if call.places <= SMALL_WINDOW or len(call.offsets) < 2 else 2 * WARP), WARP
    if call.places <= SMALL_WINDOW and own + sum(part.bytes for part in parts) <= 8 << 10:
        return WARP, WARP
    threads = 128 if sum(part.bytes for part in parts) <= 48 << 10 else 256
    return threads, threads


def prepared(kernel: Any, shared_bytes: int) -> Any:
    """The kernel, allowed the shared memory that it is going to ask for: above 48 KiB it must be told."""
    if shared_bytes > 48 << 10:
        kernel.max_dynamic_shared_size_bytes = shared_bytes
    return kernel


@dataclass(frozen=True, eq=False)
class Region:
    """ROI mode: the grid with a border, and the region's voxels in it."""

    call: Call
    patch: Array
    list: Array

    @classmethod
    def of(cls, call: Call) -> Region:
        """On the device; the number of voxels comes back to the host."""
        import cupy

        patch = cupy.ascontiguousarray(cupy.pad(call.level, call.reach))
        if patch.size >= 1 << 30:
            raise MemoryError(f"a region's box of {patch.size:,} voxels: more than 2³⁰ do not fit the kernels' numbers")
        return cls(call, patch, cupy.flatnonzero(patch).astype(np.uint32))  # synchronises: how many there are

    @property
    def voxels(self) -> np.ndarray:
        """`Voxels`, to be handed to a kernel by value."""
        given = np.zeros((), VOXELS)
        given["patch"], given["list"], given["n"] = self.patch.data.ptr, self.list.data.ptr, len(self.list)
        given["nz"], given["ny"], given["nx"] = self.call.level.shape
        given["reach"] = self.call.reach
        return given

    def spread(self, kernel: Any, arguments: Sequence[Any], directions: int = 1, shared_bytes: int = 0) -> None:
        """Run a kernel with about a thread for every four voxels, once for each direction."""
        most = 8 * cuda.current().processors
        blocks = max(1, min(most, -(-len(self.list) // (4 * COUNT_THREADS))))
        kernel((blocks, directions), (COUNT_THREADS,), tuple(arguments), shared_mem=shared_bytes)

    def describe(self, name: str, parts: Sequence[Part], extra: Sequence[Any], rows: Array, source: str | None = None) -> None:
        """Run the kernel that makes features of counts: a block a row."""
        import cupy

        placement = place(parts, 1, 40 << 10)
        scratch = cupy.zeros(len(rows) * placement.scratch_bytes, np.uint8)
        job = self.call.launch(placement, REGION_THREADS, rows, scratch)
        kernel = self.call.kernel(name, source)
        kernel((len(rows),), (REGION_THREADS,), (job, *extra), shared_mem=placement.shared_bytes)

    def row(self, rows: int = 1) -> Array:
        """Room for features: NaN, as those stay that no kernel writes."""
        import cupy

        return cupy.full((rows, FEATURES[self.call.family]), np.nan)

    def mean(self, rows: Array) -> Array:
        """The mean over directions, of those that are defined, as [wanted, 1]."""
        import cupy

        out = self.row()
        features = np.int32(rows.shape[1])
        kernel = cuda.function(KERNELS / "means.cu", "direction_means")
        kernel((1,), (WARP,), (rows, np.int32(len(rows)), features, out))
        return cupy.ascontiguousarray(rows_of(self.call, out))


def per_direction(call: Call, cells: int, extra_bytes: int, parts: Sequence[Part], count: Any, describe: Any) -> Array:
    """ROI mode of the families with a matrix a direction: [wanted, 1].

    As many directions at a time as memory has room for; `count(region, job, chunk, matrices)` fills their matrices,
    `describe(region, chunk, matrices, rows)` makes a row of features of each.
    """
    import cupy

    region, directions = Region.of(call), len(call.offsets)
    rows = region.row(1 if call.merged else max(1, directions))
    merged = cupy.zeros(cells if call.merged else 0)
    chunk = int(max(1, min(directions, cuda.budget() // 2 // (4 * cells + extra_bytes + 1))))
    for first in range(0, directions, chunk):
        some = slice(first, min(first + chunk, directions))
        matrices = cupy.zeros((some.stop - some.start, cells), np.uint32)
        count(region, some, matrices, merged)
        if not call.merged:
            describe(region, some, matrices, rows[some])
    if call.merged and directions:
        describe(region, slice(0, 1), merged, rows)
    return region.mean(rows)


def chunk_job(region: Region, some: slice, cells: int) -> np.ndarray:
    """`Launch` for counting some of the directions, in shared memory where a matrix fits."""
    import cupy

    job = region.call.launch(Placement.none(), COUNT_THREADS, cupy.empty(0), cupy.empty(0))
    job["offset"] += np.uint64(12 * some.start)
    job["weight"] += np.uint64(8 * some.start if region.call.merged else 0)
    job["directions"] = some.stop - some.start
    job["shared_bytes"] = 4 * cells if 4 * cells <= 40 << 10 else 0
    return job


def glcm(*, symmetric: bool, threads: int, **common: Any) -> Array:
    """Grey level co-occurrence."""
    del threads
    call = Call("glcm", **common)
    K, item = call.levels, 8 if call.merged else 4
    matrix = 8 * K * K if call.bits >> MCC & 1 else 0
    cells = K * K
    flag = np.int32(symmetric)
    listed = not call.region and item * cells > LISTED
    parts = [
        *call.patch,
        Part("means", 16 * FEATURES["glcm"], each=True),
        Part("counter", 4, each=True),
        Part("sum", item * (2 * call.highest + 1), each=True),
        Part("difference", item * (call.highest + 1), each=True),
        Part("x", item * K, each=True),
        Part("y", item * K, each=True),
        Part("present", 4 * K, each=True),
        Part("d", 16 * K if matrix else 0, each=True),
        Part("e", 16 * K if matrix else 0, each=True),
        Part("matrix", matrix, each=True),
        Part("joint", 0 if call.region else item * cells, each=True),
        Part("touched", 4 * cells if listed else 0, each=True),
    ]
    if not call.region:
        return run_windows(call, "glcm_windows", parts, (flag,), teams=True)

    def count(region: Region, some: slice, joint: Array, merged: Array) -> None:
        job = chunk_job(region, some, cells)
        region.spread(call.kernel("glcm_count"), (job, flag, region.voxels, joint), len(joint), int(job["shared_bytes"]))
        if call.merged:
            region.spread(call.kernel("glcm_merge"), (job, joint, merged))

    def describe(region: Region, some: slice, joint: Array, rows: Array) -> None:
        del some
        region.describe("glcm_region", parts, (flag, joint), rows)

    return per_direction(call, cells, matrix, parts, count, describe)


def glrlm(*, threads: int, **common: Any) -> Array:
    """Grey level run lengths."""
    import cupy

    del threads
    call = Call("glrlm", **common)
    K, item, longest = call.levels, 8 if call.merged else 4, max(call.sides)
    cells, length = K * longest, np.int32(longest)
    listed = not call.region and item * cells > LISTED
    parts = [
        *call.patch,
        Part("means", 16 * FEATURES["glrlm"], each=True),
        Part("counter", 4, each=True),
        Part("by_level", item * K, each=True),
        Part("by_size", item * longest, each=True),
        Part("runs", 0 if call.region else item * cells, each=True),
        Part("touched", 4 * cells if listed else 0, each=True),
    ]
    if not call.region:
        return run_windows(call, "glrlm_windows", parts, (length,), teams=True)
    pair = cupy.zeros(max(1, len(call.offsets)), np.int32)

    def count(region: Region, some: slice, runs: Array, merged: Array) -> None:
        job, pairs = chunk_job(region, some, cells), pair[some]
        region.spread(call.kernel("glrlm_count"), (job, length, region.voxels, runs, pairs), len(runs), int(job["shared_bytes"]))
        region.spread(call.kernel("glrlm_pairs"), (job, region.voxels, pairs), len(runs))
        if call.merged:
            region.spread(call.kernel("glrlm_merge"), (job, length, runs, pairs, merged))

    def describe(region: Region, some: slice, runs: Array, rows: Array) -> None:
        region.describe("glrlm_region", parts, (length, runs, pair[some] if not call.merged else pair), rows)

    return per_direction(call, cells, 0, parts, count, describe)


LISTED = 48 << 10  # bytes of a matrix; larger ones keep a list of the cells that are not zero


def glszm(*, threads: int, **common: Any) -> Array:
    """Grey level size zones."""
    import cupy

    del threads
    call = Call("glszm", **common)
    K = call.levels
    columns = max(4, min(36, 4096 // K))  # zones up to this size have a table
    if not call.region:
        padded = call.patch[0].bytes // 2
        parts = [
            *call.patch,
            Part("parent", 4 * padded),
            Part("by_level", 4 * K),
            Part("by_size", 4 * columns),
            Part("table", 4 * K * columns),
            Part("large", 8 * (call.places // (columns + 1) + 1)),
        ]
        return run_windows(call, "glszm_windows", parts, (np.int32(columns),))
    region = Region.of(call)
    job = call.launch(Placement.none(), COUNT_THREADS, cupy.empty(0), cupy.empty(0))
    parent = cupy.empty(region.patch.size, np.int32)
    region.spread(call.kernel("glszm_begin"), (region.voxels, parent))
    region.spread(call.kernel("glszm_merge"), (job, region.voxels, parent))
    for step in ("glszm_flatten", "glszm_mark_roots", "glszm_measure"):
        region.spread(call.kernel(step), (region.voxels, parent))
    zones, sizes = cupy.empty(len(region.list), np.uint64), cupy.empty(len(region.list), np.uint32)
    region.spread(call.kernel("glszm_list"), (region.voxels, parent, zones, sizes))
    row = region.row()
    parts = [Part("", 0), Part("", 0), Part("", 0), Part("by_level", 4 * K)]
    arguments = (np.int32(len(zones)), cupy.sort(zones), cupy.sort(sizes))
    region.describe("glszm_region", parts, arguments, row)
    return rows_of(call, row)


def gldm(*, alpha: int, threads: int, **common: Any) -> Array:
    """Grey level dependence."""
    import cupy

    del threads
    call = Call("gldm", **common)
    cells = call.levels * call.columns
    parts = [
        *call.patch,
        Part("by_level", 4 * call.levels),
        Part("by_size", 4 * call.columns),
        Part("matrix", 0 if call.region else 4 * cells),
    ]
    if not call.region:
        return run_windows(call, "gldm_windows", parts, (np.int32(alpha),), source="neighbours")
    region = Region.of(call)
    job = call.launch(Placement.none(), COUNT_THREADS, cupy.empty(0), cupy.empty(0))
    matrix, row = cupy.zeros(cells, np.uint32), region.row()
    region.spread(call.kernel("gldm_count", "neighbours"), (job, np.int32(alpha), region.voxels, matrix))
    region.describe("gldm_region", parts, (matrix,), row, source="neighbours")
    return rows_of(call, row)


def ngtdm(*, threads: int, **common: Any) -> Array:
    """Neighbouring grey tone difference."""
    import cupy

    del threads
    call = Call("ngtdm", **common)
    K, cells = call.levels, call.levels * call.columns
    wide = call.region or call.highest * call.columns * call.places >= 1 << 32
    parts = [
        *call.patch,
        Part("present", 4 * K),
        Part("n", 8 * K),
        Part("s", 8 * K),
        Part("counts", 0 if call.region else 4 * K),
        Part("away", 0 if call.region else (8 if wide else 4) * cells),
    ]
    if not call.region:
        name = "ngtdm_windows_wide" if wide else "ngtdm_windows"
        return run_windows(call, name, parts, source="neighbours")
    region = Region.of(call)
    job = call.launch(Placement.none(), COUNT_THREADS, cupy.empty(0), cupy.empty(0))
    counts, away, row = cupy.zeros(K, np.uint32), cupy.zeros(cells, np.uint64), region.row()
    region.spread(call.kernel("ngtdm_count", "neighbours"), (job, region.voxels, counts, away))
    region.describe("ngtdm_region", parts, (np.int32(len(region.list)), counts, away), row, source="neighbours")
    return rows_of(call, row)


def firstorder(*, image: Array, shift: float, voxel_volume: float, threads: int, **common: Any) -> Array:
    """First order statistics; image: float64 on the grid."""
    import cupy

    del threads
    call = Call("firstorder", **common)
    numbers = (np.float64(shift), np.float64(voxel_volume))
    parts = [Part("by_level", 4 * call.levels), Part("values", 0 if call.region else 8 * call.places)]
    if not call.region:
        return run_windows(call, "firstorder_windows", parts, (image, *numbers))
    region = Region.of(call)
    inside = call.level != 0
    values, places = image[inside], call.level[inside]  # synchronises: how many there are
    ordered = cupy.sort(values) if call.bits & ORDERED else None
    row = region.row()
    region.describe("firstorder_region", parts, (values, places, ordered, np.int32(len(values)), *numbers), row)
    return rows_of(call, row)
