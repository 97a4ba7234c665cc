from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from radstore.build import devices
from radstore.build.devices import Device, chosen, is_lost, label, visible
from radstore.errors import BadInput

TWO = tuple(Device(number, f"Card {number}", 1 << 30, str(number)) for number in range(2))


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    monkeypatch.delenv(devices.LABEL, raising=False)


@pytest.fixture
def two(emulated: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(emulated.cuda.runtime, "getDeviceCount", lambda: 2)
    return emulated


def test_the_devices_there_are(two: ModuleType) -> None:
    first, second = visible()
    assert first == Device(0, "Emulated 1000", 1 << 30, "0")
    assert str(second) == "cuda:1 Emulated 1000"


def test_numbers_are_those_among_the_visible(two: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(devices.VISIBLE, "3,GPU-77,-1,2")  # CUDA stops at the first that is none
    assert [(device.id, device.visible) for device in visible()] == [(0, "3"), (1, "GPU-77")]


@pytest.mark.parametrize(
    ("asked", "ids"), [(None, [0, 1]), ("all", [0, 1]), ("1", [1]), (" 1 , 0 ", [1, 0]), ([0], [0])]
)
def test_those_asked_for(asked: Any, ids: list[int]) -> None:
    assert [device.id for device in chosen(asked, TWO)] == ids


@pytest.mark.parametrize("asked", ["", ",", "0,0", "0,x", "-1", "1.0", [], [0, 0], "GPU-77"])
def test_what_names_no_devices(asked: Any) -> None:
    with pytest.raises(BadInput, match="does not name devices") as error:
        chosen(asked, TWO)
    assert "radstore doctor" in error.value.remedy


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=r"no CUDA device 2, 5 here\n") as error:
        chosen("2,1,5", TWO)
    assert "cuda:0 Card 0, cuda:1 Card 1" in error.value.remedy
    monkeypatch.setenv(devices.VISIBLE, "3,4")
    with pytest.raises(BadInput, match="CUDA_VISIBLE_DEVICES=3,4"):
        chosen("3", TWO)


def test_a_lost_device(emulated: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    error = emulated.cuda.runtime.CUDARuntimeError("cudaErrorIllegalAddress")
    assert not is_lost(error)  # the next call works

    def again() -> None:
        raise error

    monkeypatch.setattr(emulated.cuda.runtime, "deviceSynchronize", again)
    assert is_lost(error)
    assert not is_lost(RuntimeError("not CUDA's"))
    assert not is_lost(MemoryError("out of memory"))


def test_a_worker_says_which_device_of_the_machine_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Any = SimpleNamespace(device="cuda:0 Card 1")
    assert label(engine) == "cuda:0 Card 1"
    monkeypatch.setenv(devices.LABEL, "cuda:1 Card 1")
    assert label(engine) == "cuda:1 Card 1"
