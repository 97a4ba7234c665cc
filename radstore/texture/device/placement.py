"""Where the parts of a block's memory lie: in fast shared memory as far as it goes, else in scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radstore.cuda import Device

STATIC = 1280  # bytes of shared memory that a block has besides: the partial sums, and what the driver keeps
REGISTERS = 65536  # of a multiprocessor
REGISTERS_A_THREAD = 80  # at most: see `RS_WINDOWS` in kernels/windows.cuh
THREADS = 1024  # of a multiprocessor, on the smallest


@dataclass(frozen=True)
class Part:
    """One array: how many bytes it has; `each`: every team of the block has its own."""

    name: str
    bytes: int
    each: bool = False

    @property
    def stride(self) -> int:
        """Bytes from one team's to the next, so that doubles stay aligned."""
        return -(-self.bytes // 8) * 8


@dataclass(frozen=True)
class Placement:
    """Where each part begins: in shared memory, or (as ``~place``) in a block's scratch."""

    at: tuple[int, ...]
    strides: tuple[int, ...]
    shared_bytes: int
    scratch_bytes: int

    @classmethod
    def none(cls) -> Placement:
        """For kernels whose blocks have no memory of their own."""
        return cls((), (), 0, 0)

    def fill(self, job: np.ndarray) -> None:
        """Write it into a kernel's `Launch`."""
        job["part"][: len(self.at)] = self.at
        job["stride"][: len(self.strides)] = self.strides
        job["shared_bytes"], job["scratch_bytes"] = self.shared_bytes, self.scratch_bytes

    def blocks(self, device: Device, threads: int) -> int:
        """How many blocks of so many threads the device holds at once."""
        by_memory = device.shared_all // (self.shared_bytes + STATIC)
        by_threads = min(THREADS, REGISTERS // REGISTERS_A_THREAD) // threads
        return device.processors * max(1, min(by_memory, by_threads, 32))


def place(parts: Sequence[Part], teams: int, limit: int) -> Placement:
    """The smaller parts into shared memory, as many as fit below `limit` bytes; the others into scratch."""
    at = [0] * len(parts)
    shared = scratch = 0
    for k in sorted(range(len(parts)), key=lambda k: parts[k].stride):
        size = parts[k].stride * (teams if parts[k].each else 1)
        if shared + size + STATIC <= limit:
            at[k], shared = shared, shared + size
        else:
            at[k], scratch = ~scratch, scratch + size
    return Placement(tuple(at), tuple(part.stride for part in parts), shared, scratch)
