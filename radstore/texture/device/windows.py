"""Voxel mode: how windows are spread over blocks, warps and memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from radstore import cuda
from radstore.images.arrays import Array
from radstore.texture.device.launch import FEATURES, Call, columns
from radstore.texture.device.placement import Part, place

WARP = 32
SMALL_WINDOW = 400  # voxels; up to here one warp has enough to do
SMALL_BLOCK = 8 << 10  # bytes of a block's memory; … and little enough for many blocks of one warp
LISTED = 48 << 10  # bytes of a matrix; larger ones keep a list of the cells that are not zero


def run_windows(
    call: Call,
    name: str,
    parts: Sequence[Part],
    extra: Sequence[Any] = (),
    *,
    own_up_to: int = 0,
    source: str | None = None,
) -> list[Array]:
    """Voxel mode: an array [window] a wanted feature, float64.

    Parameters
    ----------
    name, source
        The kernel, and the file it is in (default: the family's).
    parts
        The memory of a block, in the order of the kernel's ``Part``.
    extra
        The kernel's arguments after the first one.
    own_up_to
        Up to how many bytes of memory a team each warp of a block takes directions of its own.
    """
    import cupy

    device, budget = cuda.current(), cuda.budget()
    threads, lanes = shape_of_block(call, parts, own_up_to)
    placement = place(parts, threads // lanes, min(device.shared_all // 3, device.shared))
    blocks = min(placement.blocks(device, threads), len(call.centres))
    if placement.scratch_bytes:
        blocks = max(1, min(blocks, budget // 2 // placement.scratch_bytes))
    scratch = cupy.zeros(blocks * placement.scratch_bytes, np.uint8)
    kernel = call.kernel(name, source)
    if placement.shared_bytes > 48 << 10:  # more than a kernel may have without being told
        kernel.max_dynamic_shared_size_bytes = placement.shared_bytes
    batch = max(blocks, budget // 4 // (8 * len(FEATURES[call.family])))
    found = []
    for first in range(0, len(call.centres), batch):
        rows = call.row(min(batch, len(call.centres) - first))
        job = call.launch(placement, lanes, rows, scratch)
        job["centres"] += np.uint64(12 * first)
        job["windows"] = len(rows)
        kernel((blocks,), (threads,), (job, *extra), shared_mem=placement.shared_bytes)
        # one batch gives views; of several only what is wanted is kept
        found.append([c.copy() if batch < len(call.centres) else c for c in columns(call, rows)])
    if len(found) == 1:
        return found[0]
    return [cupy.concatenate(column) for column in zip(*found, strict=True)]


def shape_of_block(call: Call, parts: Sequence[Part], own_up_to: int) -> tuple[int, int]:
    """Threads of a block, and lanes of a team.

    1. Small matrices, many directions: a warp a direction, two warps sharing the window.
    2. A small window: one warp.
    3. Else the more threads the more memory a window takes, since fewer blocks fit on a multiprocessor.
    """
    own = sum(part.bytes for part in parts if part.each)
    if not call.merged and own <= own_up_to:
        return (WARP if call.places <= SMALL_WINDOW or len(call.offsets) < 2 else 2 * WARP), WARP
    if call.places <= SMALL_WINDOW and own + sum(part.bytes for part in parts) <= SMALL_BLOCK:
        return WARP, WARP
    threads = 128 if sum(part.bytes for part in parts) <= 48 << 10 else 256
    return threads, threads
