"""Devices as the driver describes them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from cupy._memory import FREE, memory

FACTS: dict[str, Any] = {
    "name": b"Emulated 1000",
    "totalGlobalMem": FREE,
    "major": 9,
    "minor": 0,
    "multiProcessorCount": 2,
    "sharedMemPerBlockOptin": 232448,
    "sharedMemPerMultiprocessor": 233472,
}


class CUDARuntimeError(RuntimeError):
    """``cupy.cuda.runtime.CUDARuntimeError``."""

    __module__ = "cupy_backends.cuda.api.runtime"


class Device:
    """``cupy.cuda.Device``: device 0 unless `current` says otherwise."""

    current = 0

    def __init__(self, device: int | None = None) -> None:
        self.id = Device.current if device is None else device

    @property
    def mem_info(self) -> tuple[int, int]:
        return FREE, FREE

    def synchronize(self) -> None:
        """Everything is done already."""

    def use(self) -> None:
        Device.current = self.id


count = 1
"""How many devices there are."""

runtime = SimpleNamespace(
    CUDARuntimeError=CUDARuntimeError,
    getDeviceCount=lambda: count,
    getDeviceProperties=lambda device: dict(FACTS),
    deviceSynchronize=lambda: None,
)
cuda = SimpleNamespace(Device=Device, runtime=runtime, memory=memory)
