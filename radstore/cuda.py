"""The GPU: which devices there are, why there is none, how much memory is free, kernels compiled from source.

CuPy is imported when something is asked for, never before; only what needs a device raises for want of one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from radstore.errors import EngineError

OPTIONS = ("--std=c++17", "-fmad=false", "-default-device")
"""How NVRTC compiles our kernels: multiply-adds are not fused, as on the CPU: the same numbers. Functions
are for the device unless they say otherwise, which generic lambdas cannot."""

MEMORY_LIMIT = "CUPY_GPU_MEMORY_LIMIT"
"""CuPy's environment variable: the bytes of a device that may be taken, or a share such as ``50%``."""

SHARE = 0.8
"""Without `MEMORY_LIMIT`: the share of what is free."""

INSTALL = "pip install 'radstore[cuda13]', or 'radstore[cuda12]' for a driver of CUDA 12."
CHECK = "Check that `nvidia-smi` lists one and that its driver is new enough for the CuPy installed."
VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Device:
    """One CUDA device as the driver describes it; memory in bytes."""

    index: int
    name: str
    memory: int
    compute: tuple[int, int]
    processors: int
    shared: int
    """Shared memory that one block may have, opted in."""
    shared_all: int
    """Shared memory of one multiprocessor."""

    def __str__(self) -> str:
        return f"cuda:{self.index} {self.name}"


def runtime() -> Any:
    """``cupy.cuda.runtime``; raises `EngineError` where CuPy is not installed."""
    try:
        import cupy
    except ModuleNotFoundError as error:
        raise EngineError("CuPy is not installed", INSTALL) from error
    except ImportError as error:  # there, and broken
        raise EngineError(f"CuPy cannot be imported ({' '.join(str(error).split())})", INSTALL) from error
    return cupy.cuda.runtime


def devices() -> tuple[Device, ...]:
    """The devices that this process may use, at least one.

    Raises
    ------
    EngineError
        If there is none: says what is missing.
    """
    asked = runtime()
    try:
        count = asked.getDeviceCount()
    except RuntimeError as error:  # CUDARuntimeError: no driver, one too old for this CuPy, or no device
        raise _none(str(error)) from error
    if not count:
        raise _none("the driver sees none")
    return tuple(describe(index) for index in range(count))


def why_none() -> str | None:
    """Why no device can be used and what to do about it; None where there is one."""
    try:
        devices()
    except EngineError as error:
        return str(error)
    return None


def _none(why: str) -> EngineError:
    limited = f"; {VISIBLE} is {os.environ[VISIBLE]!r}" if VISIBLE in os.environ else ""
    return EngineError(f"no CUDA device can be used here: {why}{limited}", CHECK)


@cache
def describe(index: int) -> Device:
    """The device of this index; raises what CuPy raises where there is none."""
    facts = runtime().getDeviceProperties(index)
    name = facts["name"]
    return Device(
        index=index,
        name=name.decode() if isinstance(name, bytes) else str(name),
        memory=int(facts["totalGlobalMem"]),
        compute=(int(facts["major"]), int(facts["minor"])),
        processors=int(facts["multiProcessorCount"]),
        shared=int(facts["sharedMemPerBlockOptin"]),
        shared_all=int(facts["sharedMemPerMultiprocessor"]),
    )


def current() -> Device:
    """The device that this thread works on; raises `EngineError` if there is none."""
    return describe(_index())


def _index() -> int:
    runtime()
    import cupy

    try:
        return int(cupy.cuda.Device().id)
    except RuntimeError as error:
        raise _none(str(error)) from error


def limit() -> int:
    """How many bytes of the current device CuPy's pool may take.

    `MEMORY_LIMIT` sets it; without that, the first call sets it to `SHARE` of what is free. Raises
    `EngineError` if there is no device.
    """
    _index()
    import cupy

    pool = cupy.get_default_memory_pool()
    if not pool.get_limit():
        free, _ = cupy.cuda.Device().mem_info
        pool.set_limit(size=int(SHARE * free) + pool.total_bytes())
    return int(pool.get_limit())


def limit_told() -> str:
    """What `limit` will be, in words; asks no device."""
    given = os.environ.get(MEMORY_LIMIT)
    return (
        f"{MEMORY_LIMIT}={given}" if given else f"{SHARE:.0%} of what is free ({MEMORY_LIMIT} sets another)"
    )


def budget() -> int:
    """How many bytes of the current device may be taken now: of `limit`, what is not taken yet.

    Raises `EngineError` if there is no device. Asks CuPy's pool and not the driver, which would take longer
    than a kernel.
    """
    allowed = limit()
    import cupy

    return max(0, allowed - int(cupy.get_default_memory_pool().used_bytes()))


def function(source: Path, name: str, defines: Iterable[str] = ()) -> Any:
    """A kernel of a .cu file, compiled by NVRTC for the current device.

    Parameters
    ----------
    source
        The file; its folder is where its headers are looked for.
    name
        An ``extern "C"`` kernel in it.
    defines
        ``NAME`` or ``NAME=value``: what the source is specialised on.

    Returns
    -------
    cupy.RawKernel
        ``kernel(grid, block, arguments, shared_mem=bytes)``. Compiled once per device and process, and kept
        on disk by CuPy (``CUPY_CACHE_DIR``, default ``~/.cupy/kernel_cache``).

    Raises
    ------
    EngineError
        If there is no device.
    """
    return _function(current().index, source, name, tuple(defines))


@cache
def _function(device: int, source: Path, name: str, defines: tuple[str, ...]) -> Any:
    return _module(device, source, defines).get_function(name)


@cache
def _module(device: int, source: Path, defines: tuple[str, ...]) -> Any:
    """Compiled lazily for the device that is current: hence one object for each."""
    import cupy

    return cupy.RawModule(code=source.read_text(encoding="utf-8"), options=compile_options(source, defines))


def compile_options(source: Path, defines: Iterable[str] = ()) -> tuple[str, ...]:
    """The options that `source` is compiled with, everywhere."""
    return (
        *OPTIONS,
        f"-I{source.parent}",
        *(f"-D{define}" for define in defines),
        f"-DRADSTORE_SOURCES={sources_digest(source.parent)}",
    )


@cache
def sources_digest(folder: Path) -> str:
    """Of all sources and headers in a folder.

    CuPy's disk cache is keyed by the .cu file's text and the options, not by the headers that it includes;
    the digest among the options makes a changed header another kernel.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".cu", ".cuh", ".hpp")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return "0x" + digest.hexdigest()[:16]


def forget() -> None:
    """Ask again for what is remembered of devices and kernels: tests have several worlds in one process."""
    for remembered in (describe, _function, _module):
        remembered.cache_clear()
