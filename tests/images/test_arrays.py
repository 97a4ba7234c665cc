from __future__ import annotations

import sys
import threading
import types

import numpy as np
import pytest

from radstore.images.arrays import (
    array_module,
    each,
    in_slabs,
    like,
    ndimage,
    on_device,
    slab_thickness,
    to_host,
)


class DeviceArray:
    """As much of a ``cupy.ndarray`` as is asked for."""

    __module__ = "cupy"

    def get(self) -> np.ndarray:
        return np.arange(3)


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("cupy")
    module.asarray = lambda array: ("on the device", array)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


def test_numpy_arrays_belong_to_numpy_and_scipy() -> None:
    array = np.zeros(3)
    assert array_module(array) is np
    assert not on_device(array)
    assert ndimage(array).__name__ == "scipy.ndimage"
    assert to_host(array) is array
    assert like(array, np.ones(1)) is array


def test_arrays_of_cupy_belong_to_cupy(cupy: types.ModuleType) -> None:
    assert on_device(DeviceArray())
    assert array_module(DeviceArray()) is cupy
    np.testing.assert_array_equal(to_host(DeviceArray()), np.arange(3))
    host = np.zeros(2)
    assert like(host, DeviceArray()) == ("on the device", host)


def test_without_cupy_nothing_of_it_is_imported() -> None:
    array_module(np.zeros(1))
    assert "cupy" not in sys.modules


@pytest.mark.parametrize("threads", [1, 3])
def test_slabs_cover_an_axis_once(threads: int) -> None:
    seen = np.zeros(17, int)

    def work(part: slice) -> int:
        seen[part] += 1
        return part.start

    assert in_slabs(work, 17, 5, threads) == [0, 5, 10, 15]
    assert (seen == 1).all()


def test_threads_work_side_by_side() -> None:
    together = threading.Barrier(2, timeout=10)
    assert len(each(lambda _: together.wait(), range(2), 2)) == 2


def test_slabs_are_thick_enough_to_make_progress() -> None:
    assert slab_thickness(np.zeros((3, 600, 600))) == 1
    assert slab_thickness(np.zeros((50, 8, 8))) >= 50
    assert slab_thickness(np.zeros((0, 8, 8))) == 1
