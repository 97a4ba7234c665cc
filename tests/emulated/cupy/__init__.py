"""A stand-in for CuPy in tests: its arrays lie on the host, its kernels run in the emulation.

It is as strict as CuPy: no NumPy array is taken where one of its own is wanted, none of its own turns into
NumPy's unless asked with `get`, reductions give arrays and not numbers, and functions take what the real
ones take. What CuPy would copy to the device unasked, a NumPy index for instance, is refused. All that it is
asked to do stands in `ledger`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cupy import _array, _kernels, _memory, _runtime
from cupy._array import array, asarray, ndarray
from cupy._kernels import RawKernel, RawModule
from cupy._ledger import ledger
from cupy._memory import pool
from cupy._runtime import FACTS, cuda

__all__ = ["FACTS", "RawKernel", "RawModule", "array", "asarray", "cuda", "ledger", "ndarray", "pool"]
__version__ = "emulated"


def get_default_memory_pool() -> _memory.Pool:
    """``cupy.get_default_memory_pool``."""
    return pool


def build_in(folder: Any) -> None:
    """Put compiled kernels into a folder."""
    _kernels.BUILD = folder


def reset() -> None:
    """One device with free memory, and nothing asked of it yet."""
    pool.reset()
    ledger.clear()
    RawKernel.before.clear()
    _runtime.Device.current = 0


def __getattr__(name: str) -> Any:
    found = getattr(np, name)
    return found if isinstance(found, type) or not callable(found) else _array.called(name, found)
