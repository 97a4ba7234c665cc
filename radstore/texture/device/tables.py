"""Small arrays that kernels look things up in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from radstore.images.arrays import Array


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
        at = {
            name: base + int(begin) if a.size else 0
            for (name, a), begin in zip(arrays.items(), ends, strict=False)
        }
        return cls(memory, at, {name: len(array) for name, array in arrays.items()})
