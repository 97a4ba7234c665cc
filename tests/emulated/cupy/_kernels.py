"""``cupy.RawModule`` and ``cupy.RawKernel``, with the C++ compiler in NVRTC's place."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import emulator
import numpy as np

from cupy._array import ndarray
from cupy._ledger import ledger
from cupy._runtime import FACTS

BUILD = Path()
"""Where compiled kernels are put."""
STATIC = 256  # bytes of shared memory that our kernels declare: they count as well


class RawModule:
    """Compiled when its first kernel is asked for."""

    def __init__(self, *, code: str, options: tuple[str, ...] = ()) -> None:
        folders = [option[2:] for option in options if option.startswith("-I")]
        defines = [o[2:] for o in options if o.startswith("-D") and not o.startswith("-DRADSTORE_SOURCES")]
        self._library = emulator.library(code, folders, defines, BUILD)

    def get_function(self, name: str) -> RawKernel:
        return RawKernel(self._library, name)


class RawKernel:
    """Pointers for arrays, values for NumPy's numbers and one-element arrays."""

    before: list[Callable[[str, tuple[Any, ...]], None]] = []  # noqa: RUF012
    """Called with name and arguments before each launch: what they raise is what the launch raises."""

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.name = name
        self.max_dynamic_shared_size_bytes = (48 << 10) - STATIC
        self._launch = getattr(library, f"launch_{name}")

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...], *, shared_mem: int = 0
    ) -> None:
        for told in RawKernel.before:
            told(self.name, args)
        if shared_mem > self.max_dynamic_shared_size_bytes or shared_mem > FACTS["sharedMemPerBlockOptin"]:
            raise RuntimeError("CUDA_ERROR_INVALID_VALUE: invalid argument")
        if min(*grid, *block) < 1:
            raise RuntimeError("CUDA_ERROR_INVALID_VALUE: a grid or block without threads")
        kept = [_argument(value) for value in args]
        pointers = (ctypes.c_void_p * len(kept))(*(value.ctypes.data for value in kept))
        sizes = [(ctypes.c_uint * 2)(*(*size, 1)[:2]) for size in (grid, block)]
        ledger.kernels.append(self.name)
        self._launch(pointers, *sizes, ctypes.c_size_t(shared_mem))


def _argument(value: Any) -> np.ndarray:
    if value is None:
        return np.zeros(1, np.uint64)
    if isinstance(value, ndarray):
        if not value._host.flags.c_contiguous:  # CuPy would hand over its first voxel's address
            raise ValueError("a kernel is given an array that is not contiguous")
        return np.array([value.data.ptr if value.size else 0], np.uint64)
    if isinstance(value, np.ndarray) and value.size != 1:
        raise TypeError("You are trying to pass a numpy.ndarray as a kernel parameter")
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"{type(value)}: a Python number has no size; give NumPy's")
    return np.atleast_1d(np.asarray(value))
