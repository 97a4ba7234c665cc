"""The device's memory: a pool that knows what is taken, and may run out."""

from __future__ import annotations

import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np

FREE = 1 << 30


class OutOfMemoryError(MemoryError):
    """``cupy.cuda.memory.OutOfMemoryError``."""


class Pool:
    """``cupy.cuda.MemoryPool``."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As a new one; arrays that live on are forgotten."""
        self.limit = self.freed = self.peak = 0
        self._taken: dict[int, int] = {}

    def hold(self, array: np.ndarray) -> None:
        """Count the memory that an array lies in as taken, as long as that lives."""
        while isinstance(array.base, np.ndarray):
            array = array.base
        if id(array) in self._taken:
            return
        if self.limit and self.used_bytes() + array.nbytes > self.limit:
            raise OutOfMemoryError(
                f"Out of memory allocating {array.nbytes:,} bytes (allocated so far: {self.used_bytes():,} "
                f"bytes, limit set to: {self.limit:,} bytes)."
            )
        self._taken[id(array)] = array.nbytes
        weakref.finalize(array, self._taken.pop, id(array), None)
        self.peak = max(self.peak, self.used_bytes())

    def get_limit(self) -> int:
        return self.limit

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        self.limit = int(fraction * FREE) if size is None and fraction is not None else int(size or 0)

    def used_bytes(self) -> int:
        return sum(self._taken.values())

    def total_bytes(self) -> int:
        return self.used_bytes()

    def free_bytes(self) -> int:
        return 0

    def free_all_blocks(self, stream: Any = None) -> None:
        self.freed += 1


pool = Pool()
memory = SimpleNamespace(OutOfMemoryError=OutOfMemoryError, MemoryPool=Pool)
