"""A stand-in for CuPy in tests: its arrays lie on the host, its kernels run in the emulation.

It is as strict as CuPy: no NumPy array is taken where one of its own is wanted, none of its own turns into
NumPy's unless asked with `get`, and reductions give arrays and not numbers.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import emulator
import numpy as np

__version__ = "emulated"
BUILD = Path()
"""Where compiled kernels are put."""
FACTS: dict[str, Any] = {
    "name": b"emulated",
    "totalGlobalMem": 1 << 30,
    "major": 9,
    "minor": 0,
    "multiProcessorCount": 2,
    "sharedMemPerBlockOptin": 232448,
    "sharedMemPerMultiprocessor": 233472,
}
launched: list[str] = []
"""The kernels that ran, in their order."""


class ndarray:  # noqa: N801
    """An array "on the device"."""

    __array_priority__ = 1000
    __array_ufunc__ = None

    def __init__(self, host: np.ndarray) -> None:
        self._host = host

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use `.get()`")

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self._host.ctypes.data)

    @property
    def T(self) -> ndarray:  # noqa: N802
        return ndarray(self._host.T)

    def get(self) -> np.ndarray:
        return self._host.copy()

    def __len__(self) -> int:
        return len(self._host)

    def __int__(self) -> int:
        return int(self._host)

    def __bool__(self) -> bool:
        return bool(self._host)

    def __getitem__(self, index: Any) -> ndarray:
        return ndarray(np.asarray(self._host[_bare(index)]))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._host[_bare(index)] = _bare(value)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._host, name)
        return _wrapped(found) if callable(found) else found


def _bare(value: Any) -> Any:
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, tuple | list):
        return type(value)(map(_bare, value))
    return value


def _dressed(value: Any) -> Any:
    return ndarray(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def _wrapped(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        return _dressed(function(*map(_bare, args), **{name: _bare(v) for name, v in kwargs.items()}))

    return call


def _operator(name: str) -> Any:
    def call(self: ndarray, *others: Any) -> Any:
        return _dressed(getattr(self._host, name)(*map(_bare, others)))

    return call


for _name in (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "and",
    "or",
    "xor",
    "radd",
    "rsub",
    "rmul",
):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "abs", "invert"):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))


def asarray(value: Any, dtype: Any = None) -> ndarray:
    """The one way from the host to the device."""
    return ndarray(
        np.array(value._host if isinstance(value, ndarray) else value, dtype=dtype, copy=None, order="C")
    )


array = asarray


def __getattr__(name: str) -> Any:
    found = getattr(np, name)
    return found if isinstance(found, type) or not callable(found) else _wrapped(found)


class RawModule:
    """``cupy.RawModule``, with the C++ compiler in NVRTC's place."""

    def __init__(self, code: str, options: tuple[str, ...]) -> None:
        folders = [option[2:] for option in options if option.startswith("-I")]
        defines = [o[2:] for o in options if o.startswith("-D") and not o.startswith("-DRADSTORE_SOURCES")]
        self._library = emulator.library(code, folders, defines, BUILD)

    def get_function(self, name: str) -> RawKernel:
        return RawKernel(self._library, name)


class RawKernel:
    """``cupy.RawKernel``: pointers for arrays, values for NumPy's numbers and one-element arrays."""

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.name = name
        self.max_dynamic_shared_size_bytes = 48 << 10
        self._launch = getattr(library, f"launch_{name}")

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...], *, shared_mem: int = 0
    ) -> None:
        if shared_mem > self.max_dynamic_shared_size_bytes or shared_mem > FACTS["sharedMemPerBlockOptin"]:
            raise RuntimeError("CUDA_ERROR_INVALID_VALUE: invalid argument")
        kept = [_argument(value) for value in args]
        pointers = (ctypes.c_void_p * len(kept))(*(value.ctypes.data for value in kept))
        sizes = [(ctypes.c_uint * 2)(*(*size, 1)[:2]) for size in (grid, block)]
        launched.append(self.name)
        self._launch(pointers, *sizes, ctypes.c_size_t(shared_mem))


def _argument(value: Any) -> np.ndarray:
    if value is None:
        return np.zeros(1, np.uint64)
    if isinstance(value, ndarray):
        if not value._host.flags.c_contiguous:
            raise ValueError("a kernel is given an array that is not contiguous")
        return np.array([value.data.ptr if value.size else 0], np.uint64)
    if isinstance(value, np.ndarray) and value.size != 1:
        raise TypeError("You are trying to pass a numpy.ndarray as a kernel parameter")
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"{type(value)}: a Python number has no size; give NumPy's")
    return np.atleast_1d(np.asarray(value))


class _Device:
    id = 0
    mem_info = (1 << 30, 1 << 30)


class CUDARuntimeError(RuntimeError):
    """``cupy.cuda.runtime.CUDARuntimeError``."""


cuda = SimpleNamespace(
    Device=_Device,
    runtime=SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError,
        getDeviceCount=lambda: 1,
        getDeviceProperties=lambda index: FACTS,
    ),
)
_pool = SimpleNamespace(free_bytes=lambda: 0, used_bytes=lambda: 0)


def get_default_memory_pool() -> Any:
    """``cupy.get_default_memory_pool``."""
    return _pool
