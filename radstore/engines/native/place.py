"""Where the work is done: the processor, or one CUDA device. What differs between the two stands here."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from radstore.errors import EngineError
from radstore.images.arrays import to_host

# The share of a device's free memory that may be used, where CUPY_GPU_MEMORY_LIMIT does not say otherwise.
SHARE = 0.8
# Bytes on the device that a window is taken to need, for the first batch; too many halve themselves.
WINDOW_BYTES = 32 << 10


class Place(Protocol):
    """Where arrays live, and how many windows fit there at once.

    `device` is what the record says; `OutOfMemory` what is raised where something does not fit.
    """

    device: str
    OutOfMemory: tuple[type[Exception], ...]

    def put(self, array: Any) -> Any:
        """An array (NumPy or CuPy) as one that lives here, its dtype kept."""
        ...

    def batch(self, windows: int) -> int:
        """How many of so many windows to compute at once."""
        ...

    def release(self) -> None:
        """Give back memory that is kept for later use."""
        ...


class Host:
    """The processor: NumPy arrays, all windows at once; what does not fit is the caller's `MemoryError`."""

    device = "cpu"
    OutOfMemory: tuple[type[Exception], ...] = ()

    def put(self, array: Any) -> np.ndarray:
        """The array itself, in the machine's byte order; a copy only from a device."""
        host = to_host(array)
        return host.astype(host.dtype.newbyteorder("="), copy=False)

    def batch(self, windows: int) -> int:
        """All."""
        return max(1, windows)

    def release(self) -> None:
        """Nothing is kept."""


class Card:
    """The current CUDA device, through CuPy.

    Its memory is bounded by CuPy's own ``CUPY_GPU_MEMORY_LIMIT`` (bytes, or a share such as ``50%``), else
    by `SHARE` of what is free when the first case comes.

    Raises
    ------
    EngineError
        If CuPy is not installed, or finds no driver or no device.
    """

    def __init__(self) -> None:
        cupy = _cupy()
        device = cupy.cuda.Device()
        name = cupy.cuda.runtime.getDeviceProperties(device.id)["name"]
        self.device = f"cuda:{device.id} {name.decode() if isinstance(name, bytes) else name}"
        self.OutOfMemory: tuple[type[Exception], ...] = (cupy.cuda.memory.OutOfMemoryError,)

    def put(self, array: Any) -> Any:
        """The array on the device."""
        cupy = _cupy()
        self._bound(cupy)
        if isinstance(array, np.ndarray):
            array = array.astype(array.dtype.newbyteorder("="), copy=False)
        return cupy.asarray(array)

    def batch(self, windows: int) -> int:
        """As many as fit into what is free."""
        cupy = _cupy()
        pool = cupy.get_default_memory_pool()
        return int(np.clip((pool.get_limit() - pool.used_bytes()) // WINDOW_BYTES, 1, max(1, windows)))

    def release(self) -> None:
        """Give the pool's unused blocks back to the device."""
        _cupy().get_default_memory_pool().free_all_blocks()

    def _bound(self, cupy: Any) -> None:
        """Set the pool's limit once, unless the user did."""
        pool = cupy.get_default_memory_pool()
        if not pool.get_limit():
            free, _ = cupy.cuda.Device().mem_info
            pool.set_limit(size=int(SHARE * free) + pool.total_bytes())


def _cupy() -> Any:
    """CuPy, where it is installed and finds a device."""
    try:
        import cupy
    except ImportError as error:
        raise EngineError(
            f"CuPy is not installed ({error})" if "cupy" not in str(error) else "CuPy is not installed",
            "pip install 'radstore[cuda13]', or [cuda12] for an older driver.",
        ) from error
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise EngineError(f"CuPy finds no CUDA driver ({error})", "Check `nvidia-smi`.") from error
    if not devices:
        raise EngineError("CuPy finds no CUDA device", "Check `nvidia-smi` and CUDA_VISIBLE_DEVICES.")
    return cupy
