"""GPUs that are not there: a CUDA runtime, and an engine ``cuda`` that computes on the CPU.

Loaded by tests, by `programs.py`, and as a preload by Dask's workers. Each read and each computation is
written to a log, a line each, so that a test can see what ran where and when.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import radstore.build.work
from radstore.build import devices, nannies
from radstore.engines import registry
from radstore.engines.base import Maps, Vector
from radstore.engines.native import Cpu
from radstore.errors import EngineError

# Environment, which reaches the workers as well:
COUNT = "RADSTORE_FAKE_GPUS"  # how many devices there are
LOG = "RADSTORE_FAKE_GPU_LOG"  # where events go
BUSY = "RADSTORE_FAKE_GPU_BUSY"  # the device that somebody else has taken, as CUDA_VISIBLE_DEVICES names it
SECONDS = 0.05  # that everything takes at least


class Runtime:
    """``cupy.cuda.runtime`` as far as radstore asks."""

    # ruff: noqa: N802

    def getDeviceCount(self) -> int:
        return int(os.environ.get(COUNT, "2"))

    def getDeviceProperties(self, device: int) -> dict[str, Any]:
        return {"name": b"Fake", "totalGlobalMem": 80 << 30}

    def deviceSynchronize(self) -> None:
        raise CUDARuntimeError("cudaErrorIllegalAddress")


class CUDARuntimeError(RuntimeError):
    """As CuPy's."""

    __module__ = "cupy_backends.cuda.api.runtime"


class Cuda(Cpu):
    """The CPU's numbers, on the device that the worker's environment names.

    Images called ``gpukiller…`` kill the process, and ``gpuloser…`` make it lose its device.
    """

    name = "cuda"

    def __init__(self) -> None:
        where = os.environ.get(devices.VISIBLE, "0")
        if where in ("", os.environ.get(BUSY)):
            raise EngineError(f"cudaErrorDevicesUnavailable: device {where!r} is busy")
        super().__init__()
        self.device = "cuda:0 Fake"

    def vector(self, *case: Any) -> Vector:
        with logged("compute", case[0].source):
            time.sleep(SECONDS)
            return super().vector(*case)

    def maps(self, *case: Any) -> Maps:
        with logged("compute", case[0].source):
            if "gpukiller" in case[0].source:
                os.kill(os.getpid(), signal.SIGKILL)
            if "gpuloser" in case[0].source:
                raise CUDARuntimeError("cudaErrorIllegalAddress: an illegal memory access was encountered")
            return super().maps(*case)


@dataclass(frozen=True)
class Event:
    """Something that ran: what, to which file, on which visible devices, in which process, when."""

    what: str
    case: str
    where: str
    process: int
    began: float
    ended: float

    def overlaps(self, other: Event) -> bool:
        return self.began < other.ended and other.began < self.ended


@contextmanager
def logged(what: str, case: str) -> Iterator[None]:
    began = time.time()
    yield
    if LOG in os.environ:
        where = os.environ.get(devices.VISIBLE, "unset") or "none"
        line = f"{what} {Path(case).name} {where} {os.getpid()} {began} {time.time()}\n"
        with Path(os.environ[LOG]).open("ab", buffering=0) as file:
            file.write(line.encode())  # one system call: lines of several processes do not mix


def events(log: Path) -> list[Event]:
    lines = [line.split() for line in log.read_text().splitlines()]
    return [Event(a, b, c, int(p), float(began), float(ended)) for a, b, c, p, began, ended in lines]


def install() -> None:
    """Have this process see the devices and the engine, and log what it reads."""
    sys.modules.setdefault("fake_gpu", sys.modules[__name__])
    registry.ENGINES["cuda"] = "fake_gpu:Cuda"
    devices._cupy_runtime = Runtime
    nannies.pinning = lambda _: False
    prepare_case = radstore.build.work.prepare_case

    def reading(case: Any, *others: Any) -> Any:
        with logged("read", case.id):
            time.sleep(SECONDS)
            return prepare_case(case, *others)

    radstore.build.work.prepare_case = reading


def dask_setup(worker: Any) -> None:
    """Dask calls this in each worker that preloads this file."""
    install()
