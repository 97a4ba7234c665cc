"""What the tests' stand-in for CuPy takes is what CuPy takes; this needs CuPy, and no device."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

cupy = pytest.importorskip("cupy", exc_type=ImportError)
FOLDER = Path(__file__).parent / "emulated"


def test_the_recorded_parameters_are_cupys():
    """A newer CuPy may have more; what is recorded it still has."""
    done = subprocess.run(
        [sys.executable, "-P", FOLDER / "record.py"], capture_output=True, text=True, check=True
    )
    there = dict(line.partition("(")[::2] for line in done.stdout.splitlines())
    recorded = dict(line.partition("(")[::2] for line in (FOLDER / "cupy.txt").read_text().splitlines())
    assert recorded.keys() <= there.keys()
    assert {name: there[name] for name in recorded} == recorded


@pytest.mark.parametrize(
    "name",
    [
        "RawModule",
        "RawKernel",
        "get_default_memory_pool",
        "cuda.Device",
        "cuda.memory.OutOfMemoryError",
        "cuda.runtime.CUDARuntimeError",
        "cuda.runtime.getDeviceCount",
        "cuda.runtime.getDeviceProperties",
        "cuda.runtime.deviceSynchronize",
        "cuda.MemoryPool.free_all_blocks",
        "cuda.MemoryPool.get_limit",
        "cuda.MemoryPool.set_limit",
        "cuda.MemoryPool.total_bytes",
        "cuda.MemoryPool.used_bytes",
        "RawKernel.max_dynamic_shared_size_bytes",
    ],
)
def test_what_is_asked_of_a_device_is_there(name):
    found = cupy
    for part in name.split("."):
        found = getattr(found, part)


def test_an_error_of_a_driver_is_one_that_builds_know():
    assert issubclass(cupy.cuda.runtime.CUDARuntimeError, RuntimeError)
    assert cupy.cuda.runtime.CUDARuntimeError.__module__.startswith("cupy_backends.cuda.api.")
    assert issubclass(cupy.cuda.memory.OutOfMemoryError, MemoryError)
