from __future__ import annotations

import builtins
from types import SimpleNamespace
from typing import Any

import pytest

from radstore.build import devices
from radstore.build.devices import Device, chosen, is_lost, label, visible
from radstore.errors import BadInput, EngineError

TWO = tuple(Device(number, f"Card {number}", 1 << 30, str(number)) for number in range(2))


class CUDARuntimeError(RuntimeError):
    __module__ = "cupy_backends.cuda.api.runtime"


class Runtime:
    """CuPy's, with `count` devices; `error` is what every call raises."""

    def __init__(self, count: int = 2, error: Exception | None = None) -> None:
        self.count, self.error = count, error

    def getDeviceCount(self) -> int:  # noqa: N802
        if self.error:
            raise self.error
        return self.count

    def getDeviceProperties(self, device: int) -> dict[str, Any]:  # noqa: N802
        return {"name": f"Card {device}".encode(), "totalGlobalMem": 1 << 30}

    def deviceSynchronize(self) -> None:  # noqa: N802
        if self.error:
            raise self.error


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    monkeypatch.delenv(devices.LABEL, raising=False)


def test_the_devices_there_are() -> None:
    assert visible(Runtime()) == TWO
    assert str(TWO[1]) == "cuda:1 Card 1"


def test_numbers_are_those_among_the_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(devices.VISIBLE, "3,GPU-77,-1,2")  # CUDA stops at the first that is none
    assert [(device.id, device.visible) for device in visible(Runtime())] == [(0, "3"), (1, "GPU-77")]


@pytest.mark.parametrize(
    ("runtime", "said"),
    [
        (Runtime(error=CUDARuntimeError("cudaErrorInsufficientDriver: too old")), "InsufficientDriver"),
        (Runtime(0), "the driver sees none"),
    ],
)
def test_why_there_is_none(runtime: Runtime, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(devices.VISIBLE, "9")
    with pytest.raises(EngineError, match=f"no CUDA device can be used here: .*{said}") as error:
        visible(runtime)
    assert "CUDA_VISIBLE_DEVICES is '9'" in error.value.message
    assert "nvidia-smi" in error.value.remedy


def test_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("cupy"):
            raise ImportError("No module\nnamed 'cupy'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EngineError, match=r"CuPy cannot be imported \(No module named 'cupy'\)") as error:
        visible()
    assert "radstore[cuda13]" in error.value.remedy


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


def test_a_lost_device() -> None:
    error = CUDARuntimeError("cudaErrorIllegalAddress")
    assert is_lost(error, Runtime(error=error))
    assert not is_lost(error, Runtime())  # the next call works
    assert not is_lost(RuntimeError("not CUDA's"), Runtime(error=error))
    assert not is_lost(MemoryError("out of memory"), Runtime(error=error))


def test_a_worker_says_which_device_of_the_machine_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Any = SimpleNamespace(device="cuda:0 Card 1")
    assert label(engine) == "cuda:0 Card 1"
    monkeypatch.setenv(devices.LABEL, "cuda:1 Card 1")
    assert label(engine) == "cuda:1 Card 1"
