"""The families with a matrix a direction: co-occurrence and run lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from radstore.images.arrays import Array
from radstore.texture.device.launch import FEATURES, Call
from radstore.texture.device.placement import Part
from radstore.texture.device.region import Region, per_direction
from radstore.texture.device.windows import LISTED, run_windows

OWN_MATRIX = 10 << 10  # bytes up to which each warp has a direction of its own
OWN_MATRIX_MCC = 24 << 10  # with MCC: in its small steps more warps than one wait for each other


def glcm(*, symmetric: bool, **common: Any) -> Array:
    """Grey level co-occurrence."""
    call = Call.of("glcm", common)
    K, item = call.levels, 8 if call.merged else 4
    matrix = 8 * K * K if call.needs("EIGENVALUE") else 0
    cells = K * K
    flag = np.int32(symmetric)
    listed = not call.region and item * cells > LISTED
    parts = [
        *call.patch,
        Part("means", 16 * len(FEATURES["glcm"]), each=True),
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
        return run_windows(
            call, "glcm_windows", parts, (flag,), own_up_to=OWN_MATRIX_MCC if matrix else OWN_MATRIX
        )

    def count(region: Region, some: slice, joint: Array, merged: Array) -> None:
        job = region.job(some, cells)
        region.spread(
            call.kernel("glcm_count"), (job, flag, region.voxels, joint), len(joint), int(job["shared_bytes"])
        )
        if call.merged:
            region.spread(call.kernel("glcm_merge"), (job, joint, merged))

    def describe(region: Region, some: slice, joint: Array, rows: Array) -> None:
        del some
        region.describe("glcm_region", parts, (flag, joint), rows)

    return per_direction(call, cells, matrix, count, describe)


def glrlm(**common: Any) -> Array:
    """Grey level run lengths."""
    import cupy

    call = Call.of("glrlm", common)
    K, item, longest = call.levels, 8 if call.merged else 4, max(call.sides)
    cells, length = K * longest, np.int32(longest)
    listed = not call.region and item * cells > LISTED
    parts = [
        *call.patch,
        Part("means", 16 * len(FEATURES["glrlm"]), each=True),
        Part("counter", 4, each=True),
        Part("by_level", item * K, each=True),
        Part("by_size", item * longest, each=True),
        Part("runs", 0 if call.region else item * cells, each=True),
        Part("touched", 4 * cells if listed else 0, each=True),
    ]
    if not call.region:
        return run_windows(call, "glrlm_windows", parts, (length,), own_up_to=OWN_MATRIX)
    pair = cupy.zeros(max(1, len(call.offsets)), np.int32)

    def count(region: Region, some: slice, runs: Array, merged: Array) -> None:
        job, pairs = region.job(some, cells), pair[some]
        region.spread(
            call.kernel("glrlm_count"),
            (job, length, region.voxels, runs, pairs),
            len(runs),
            int(job["shared_bytes"]),
        )
        region.spread(call.kernel("glrlm_pairs"), (job, region.voxels, pairs), len(runs))
        if call.merged:
            region.spread(call.kernel("glrlm_merge"), (job, length, runs, pairs, merged))

    def describe(region: Region, some: slice, runs: Array, rows: Array) -> None:
        region.describe("glrlm_region", parts, (length, runs, pair[some] if not call.merged else pair), rows)

    return per_direction(call, cells, 0, count, describe)
