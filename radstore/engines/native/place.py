"""Where the work is done: the processor, or one CUDA device. What differs between the two stands here."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from radstore import cuda
from radstore.images.arrays import to_host

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
    """The current CUDA device, through CuPy; `radstore.cuda.limit` says how much memory it may take.

    Raises
    ------
    EngineError
        If CuPy is not installed, or finds no driver or no device.
    """

    def __init__(self) -> None:
        cuda.devices()  # to hear why there is none
        self.device = str(cuda.current())
        import cupy

        self.OutOfMemory: tuple[type[Exception], ...] = (cupy.cuda.memory.OutOfMemoryError,)

    def put(self, array: Any) -> Any:
        """The array on the device."""
        import cupy

        cuda.limit()  # before anything is taken
        if isinstance(array, np.ndarray):
            array = array.astype(array.dtype.newbyteorder("="), copy=False)
        return cupy.asarray(array)

    def batch(self, windows: int) -> int:
        """As many as fit into what is free."""
        return int(np.clip(cuda.budget() // WINDOW_BYTES, 1, max(1, windows)))

    def release(self) -> None:
        """Give the pool's unused blocks back to the device."""
        import cupy

        cupy.get_default_memory_pool().free_all_blocks()
