"""A stand-in for CuPy: NumPy in disguise, so that the engine `cuda` runs anywhere but for its kernels.

Its arrays mix with NumPy's no more than CuPy's do, uploads and downloads are counted, and memory can run out.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from radstore.texture.windows import Windows


class OutOfMemoryError(MemoryError):
    """As ``cupy.cuda.memory.OutOfMemoryError``."""


class CUDARuntimeError(RuntimeError):
    """As ``cupy.cuda.runtime.CUDARuntimeError``."""


class ndarray(np.ndarray):  # noqa: N801
    """An array "on the device"."""

    downloads = 0

    def get(self):
        ndarray.downloads += 1
        return np.array(self.view(np.ndarray))

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        _unmixed((*inputs, *out))
        plain = [_plain(value) for value in inputs]
        if out:
            kwargs["out"] = tuple(_plain(value) for value in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        return out[0] if out else _disguised(result)

    def __array_function__(self, function, types, args, kwargs):
        raise TypeError(f"numpy.{function.__name__} on an array of the device")

    def __float__(self):
        raise TypeError("an implicit download")


ndarray.__module__ = "cupy"


def _plain(value):
    if isinstance(value, list | tuple):
        return type(value)(_plain(one) for one in value)
    return value.view(np.ndarray) if isinstance(value, ndarray) else value


def _disguised(value):
    if isinstance(value, list | tuple):
        return type(value)(_disguised(one) for one in value)
    if isinstance(value, np.generic):
        value = np.asarray(value)
    return value.view(ndarray) if isinstance(value, np.ndarray) else value


def _unmixed(values):
    for value in values:
        if isinstance(value, np.ndarray) and value.ndim and not isinstance(value, ndarray):
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")


class Pool:
    """As CuPy's memory pool."""

    def __init__(self):
        self.limit, self.freed = 0, 0

    def get_limit(self):
        return self.limit

    def set_limit(self, size):
        self.limit = size

    def used_bytes(self):
        return 0

    def total_bytes(self):
        return 0

    def free_all_blocks(self):
        self.freed += 1


class FakeCupy(ModuleType):
    """NumPy's functions on disguised arrays, and what the engine asks of a device.

    `room` is how many windows fit at once, `batches` how many were asked for, `uploads` what came from the
    host, in bytes, and `host_calls` how often kernels ran on NumPy's arrays.
    """

    ndarray = ndarray

    def __init__(self, room):
        super().__init__("cupy")
        self.pool, self.room, self.uploads, self.batches = Pool(), room, [], []
        self.host_calls = 0
        memory = SimpleNamespace(OutOfMemoryError=OutOfMemoryError)
        runtime = SimpleNamespace(
            CUDARuntimeError=CUDARuntimeError,
            getDeviceCount=lambda: 1,
            getDeviceProperties=lambda n: {"name": b"Stand-in 1000"},
        )
        device = SimpleNamespace(id=0, mem_info=(8 << 30, 10 << 30))
        self.cuda = SimpleNamespace(memory=memory, runtime=runtime, Device=lambda: device)

    def get_default_memory_pool(self):
        return self.pool

    def asarray(self, array, **kwargs):
        if not isinstance(array, ndarray):
            array = np.array(array, **kwargs)
            self.uploads.append(array.nbytes)
        return array.view(ndarray)

    def __getattr__(self, name):
        function = getattr(np, name)
        if isinstance(function, type) or not callable(function):
            return function

        def call(*args, **kwargs):
            flat = [one for arg in args for one in (arg if isinstance(arg, list | tuple) else [arg])]
            _unmixed(flat)
            return _disguised(function(*_plain(args), **{k: _plain(v) for k, v in kwargs.items()}))

        return call


@pytest.fixture
def card(monkeypatch):
    """A CUDA device on which so many windows fit at once; kernels are the CPU's behind the disguise."""
    real, real_levels = Windows.features, Windows.levels

    def features(self, family, wanted, settings, threads=1):
        if not isinstance(self.image, ndarray):
            cupy.host_calls += 1
            return real(self, family, wanted, settings, threads)
        assert isinstance(self.mask, ndarray)
        if self.centres is not None:
            assert isinstance(self.centres, ndarray)
            cupy.batches.append(len(self.centres))
        if (1 if self.centres is None else len(self.centres)) > cupy.room:
            raise OutOfMemoryError("Out of memory allocating 1 GB")
        return _disguised_values(real(host(self), family, wanted, settings, threads))

    def host(windows):
        return Windows(_plain(windows.image), _plain(windows.mask), windows.spacing, _plain(windows.centres))

    def levels(self, settings):  # known from `features`, so nothing is fetched or sent again
        return real_levels(host(self), settings)

    cupy = FakeCupy(room=10**9)
    ndarray.downloads = 0
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(Windows, "features", features)
    monkeypatch.setattr(Windows, "levels", levels)
    return cupy


def _disguised_values(found):
    return {name: _disguised(values) for name, values in found.items()}
