"""The GPU: which devices there are, why there is none, how much memory is free, kernels compiled from source.

CuPy is imported when something is asked for, never before; only what needs a device raises for want of one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from radstore.errors import EngineError

OPTIONS = ("--std=c++17", "-fmad=false", "-default-device")
"""How NVRTC compiles our kernels: multiply-adds are not fused, as on the CPU: the same numbers. Functions
are for the device unless they say otherwise, which generic lambdas cannot."""

MEMORY_LIMIT = "RADSTORE_GPU_MEMORY"
"""Environment variable: how many GiB of a device we may use at most; without it, `SHARE` of what is free."""

SHARE = 0.8

INSTALL = (
    "install CuPy for the driver's CUDA version: `pip install 'cupy-cuda13x[ctk]'` or "
    "`pip install 'cupy-cuda12x[ctk]'`"
)


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


def devices() -> tuple[Device, ...]:
    """The devices that CuPy finds; none where `why_none` gives a reason."""
    if why_none():
        return ()
    import cupy

    return tuple(describe(index) for index in range(cupy.cuda.runtime.getDeviceCount()))


@lru_cache(maxsize=1)
def why_none() -> str | None:
    """Why no device can be used and what to do about it, in one sentence; None where there is one."""
    try:
        import cupy
    except ImportError as error:
        return f"CuPy cannot be imported ({error}): {INSTALL}"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        # no driver, one too old for this CuPy, or no device: the error's text says which
        return f"CuPy {cupy.__version__} finds no device: {error}"
    return None if count else f"CuPy {cupy.__version__} finds no device; is CUDA_VISIBLE_DEVICES set?"


@lru_cache(maxsize=64)
def describe(index: int) -> Device:
    """The device of this index; raises what CuPy raises where there is none."""
    import cupy

    facts = cupy.cuda.runtime.getDeviceProperties(index)
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
    """The device that this thread works on.

    Raises
    ------
    EngineError
        If there is none.
    """
    reason = why_none()
    if reason:
        raise EngineError("no CUDA device", reason)
    import cupy

    return describe(cupy.cuda.Device().id)


def budget() -> int:
    """How many bytes of the current device's memory we may take now.

    `SHARE` of what is free (CuPy's pool counted as free), and no more than `MEMORY_LIMIT` less what is taken.

    Raises
    ------
    EngineError
        If there is no device, or `MEMORY_LIMIT` is not a number above zero.
    """
    current()
    import cupy

    pool = cupy.get_default_memory_pool()
    free = int(SHARE * (cupy.cuda.Device().mem_info[0] + pool.free_bytes()))
    limit = memory_limit()
    return free if limit is None else max(0, min(free, limit - int(pool.used_bytes())))


def memory_limit() -> int | None:
    """`MEMORY_LIMIT` in bytes, or None; raises `EngineError` where it is not a number above zero."""
    given = os.environ.get(MEMORY_LIMIT)
    if not given:
        return None
    try:
        limit = float(given)
    except ValueError:
        limit = 0.0
    if not limit > 0:
        raise EngineError(f"{MEMORY_LIMIT}={given}", "give the GiB a device may use, a number above zero")
    return int(limit * 2**30)


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
