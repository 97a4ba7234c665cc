from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from radstore.build import nannies
from radstore.build.crew import Crew
from radstore.build.devices import LABEL, VISIBLE, Device
from radstore.build.nannies import pinning, specification

CARDS = (Device(0, "Card", 1 << 30, "4"), Device(1, "Card", 1 << 30, "GPU-77"))


@pytest.fixture
def dask_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much of dask-cuda as is used, with a description like its own."""
    module: Any = ModuleType("dask_cuda.worker_spec")

    def worker_spec(*, CUDA_VISIBLE_DEVICES: list[int], dashboard_address: None) -> dict[int, Any]:
        (number,) = CUDA_VISIBLE_DEVICES
        env = {"CUDA_VISIBLE_DEVICES": str(number), "OTHER": "1"}
        options = {"env": env, "nthreads": 1, "plugins": ["near"], "memory_limit": 1, "silence_logs": True}
        return {number: {"cls": object, "options": options}}

    module.worker_spec = worker_spec
    monkeypatch.setitem(sys.modules, "dask_cuda", ModuleType("dask_cuda"))
    monkeypatch.setitem(sys.modules, "dask_cuda.worker_spec", module)
    monkeypatch.setattr(nannies.importlib.util, "find_spec", lambda name: object())


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nannies.importlib.util, "find_spec", lambda name: None)


def options(crew: Crew) -> dict[str, dict[str, Any]]:
    return {name: described["options"] for name, described in specification(crew).items()}


def test_processors() -> None:
    found = options(Crew(workers=3))
    assert list(found) == ["cpu-0", "cpu-1", "cpu-2"]
    assert all(one["nthreads"] == 1 and "resources" not in one for one in found.values())


def test_a_gpu_is_seen_by_its_own_process_only(plain: None) -> None:
    found = options(Crew(devices=CARDS, readers=2))
    assert list(found) == ["cuda:0 Card", "cuda:1 Card", "reader-0", "reader-1"]
    assert [one["env"][VISIBLE] for one in found.values()] == ["4", "GPU-77", "", ""]
    assert [one["resources"] for one in found.values()] == [{"GPU": 1}] * 2 + [{"IO": 1}] * 2
    assert [one["nthreads"] for one in found.values()] == [2, 2, 1, 1]
    assert found["cuda:1 Card"]["env"][LABEL] == "cuda:1 Card"
    assert len({one["memory_limit"] for one in found.values()}) == 1
    assert not pinning(CARDS[:1])


def test_dask_cuda_binds_those_that_have_a_number(dask_cuda: None) -> None:
    found = options(Crew(devices=CARDS, readers=1))
    bound, uuid = found["cuda:0 Card"], found["cuda:1 Card"]
    assert bound["plugins"] == ["near"]
    assert bound["env"] == {VISIBLE: "4", "OTHER": "1", LABEL: "cuda:0 Card"}
    assert (bound["nthreads"], bound["resources"], bound["memory_limit"]) == (
        2,
        {"GPU": 1},
        uuid["memory_limit"],
    )
    assert "plugins" not in uuid
    assert (pinning(CARDS[:1]), pinning(CARDS)) == (True, False)
