"""Builds on GPUs, here ones that are not there: who does what, what is refused, and what a loss costs."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from radstore.build import build
from radstore.build.flight import outcomes
from radstore.errors import BadInput, EngineError, RadstoreError

CASES = [f"c{number:02d}" for number in range(12)]


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of threads in this process whose workers declare the resources asked for."""
    from distributed import SpecCluster, Worker
    from distributed.scheduler import Scheduler

    opened: list[SpecCluster] = []

    def start(*resources: dict[str, int]) -> str:
        scheduler = {"host": "127.0.0.1", "dashboard": False, "dashboard_address": "127.0.0.1:0"}
        workers = {
            number: {"cls": Worker, "options": {"nthreads": 2, "resources": offer, "host": "127.0.0.1"}}
            for number, offer in enumerate(resources)
        }
        opened.append(
            SpecCluster(workers=workers, scheduler={"cls": Scheduler, "options": scheduler}, silence_logs=50)
        )
        return opened[-1].scheduler_address

    yield start
    for cluster in opened:
        cluster.close()


def contents(site: Any) -> dict[tuple[str, str], tuple[str, str, str]]:
    """(case, block name) → status, key and digest."""
    return {(c, name): e.identity for c, r in site.records().items() for name, e in r.blocks.items()}


def devices_of(site: Any, name: str = "maps/tiny@organ") -> set[str]:
    return {record.blocks[name].device for record in site.records().values()}


def test_two_gpus_share_the_cases(offline: Any, gpus: Any, tmp_path: Path) -> None:
    """And never two computations at once on one of them, while others read."""
    offline.add(*CASES)
    report = offline.build(engine="cuda", scheduler=None, workers=3)
    assert (report.tally.cases, report.failed) == (12, {})
    assert devices_of(offline) == {"cuda:0 Fake", "cuda:1 Fake"}
    seen = gpus.events(tmp_path / "events")
    computed = [event for event in seen if event.what == "compute"]
    read = [event for event in seen if event.what == "read"]
    assert len(computed) == 2 * 12  # vector and maps
    assert {event.where for event in computed} == {"0", "1"}
    assert {event.where for event in read} == {"none"}
    assert len({event.process for event in computed}) == 2
    assert len({event.process for event in read}) == 3
    assert not {event.process for event in read} & {event.process for event in computed}
    for number in "01":
        mine = sorted((e for e in computed if e.where == number), key=lambda event: event.began)
        assert len({event.case for event in mine}) >= 3
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(mine))
    assert any(a.overlaps(b) for a in read for b in read if a.process != b.process)
    assert any(a.overlaps(b) for a in read for b in computed)


def test_the_store_is_the_one_that_processors_build(offline: Any, gpus: Any) -> None:
    offline.add(*CASES[:4])
    offline.build(engine="cuda", scheduler=None, workers=1)
    offline.verify()
    on_gpus = contents(offline)
    (offline.root / "store").rename(offline.root / "gpus")
    report = offline.build(engine="cpu", scheduler=None, workers=1)
    assert report.tally.computed == 4 * 7
    assert contents(offline) == on_gpus
    (offline.root / "gpus").rename(offline.root / "store2")
    again = offline.build(engine="cuda", scheduler=None, store=offline.root / "store2")
    assert again.tally.versions == []  # the same keys


def test_only_what_is_missing_is_computed(offline: Any, gpus: Any, tmp_path: Path) -> None:
    offline.add("a", "b")
    offline.build(engine="cuda", scheduler=None, workers=1)
    (tmp_path / "events").unlink()
    report = offline.build(engine="cuda", scheduler=None, workers=1, rehash=True)
    assert (report.tally.computed, report.tally.cases) == (0, 2)
    assert {event.what for event in gpus.events(tmp_path / "events")} == {"read"}


def test_visible_devices_are_counted_and_handed_on(
    offline: Any, gpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of those visible is number 1, whatever the machine calls it."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-1b2c")
    offline.add("a")
    offline.build(engine="cuda", scheduler=None, workers=1, gpus="1")
    seen = gpus.events(tmp_path / "events")
    assert {event.where for event in seen if event.what == "compute"} == {"GPU-1b2c"}
    assert devices_of(offline) == {"cuda:1 Fake"}


class TestRefused:
    """Before anything is changed."""

    def refused(self, site: Any, match: str, **keywords: Any) -> BadInput:
        site.add("a")
        with pytest.raises(BadInput, match=match) as error:
            site.build(**{"engine": "cuda", "scheduler": None, **keywords})
        assert error.value.remedy
        assert not (site.root / "store").exists()
        return error.value

    def test_a_device_that_is_not_there(self, offline: Any, gpus: Any) -> None:
        error = self.refused(offline, "no CUDA device 7 here", gpus="1,7")
        assert "cuda:0 Fake, cuda:1 Fake" in error.remedy

    def test_gpus_for_an_engine_that_has_none(self, offline: Any, gpus: Any) -> None:
        error = self.refused(offline, "--gpus 0 beside engine cpu, which uses none", gpus="0", engine="cpu")
        assert "engine cuda: ok" in error.remedy

    def test_gpus_of_a_scheduler(self, offline: Any, gpus: Any, scheduler: str) -> None:
        self.refused(offline, "--gpus all beside --scheduler", gpus="all", scheduler=scheduler)

    def test_a_device_that_is_busy(self, offline: Any, gpus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(gpus.BUSY, "1")
        error = self.refused(offline, r"worker cuda:1 Fake \(tcp://.*busy", workers=1, gpus="1")
        assert "--gpus" in error.remedy

    def test_workers_without_gpus(self, offline: Any, gpus: Any, scheduler: str) -> None:
        error = self.refused(
            offline, "no worker of tcp://.* declares the resource GPU or IO", scheduler=scheduler
        )
        assert "--resources GPU=1" in error.remedy

    def test_gpus_without_readers(self, offline: Any, gpus: Any, described: Any) -> None:
        self.refused(offline, "declares the resource IO, which engine cuda", scheduler=described({"GPU": 1}))

    def test_memory(self, offline: Any, gpus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("radstore.build.needs.free_memory", lambda: 10**6)
        self.refused(offline, "not enough memory: 1 GPUs and 1 readers need about")


def test_a_cluster_whose_workers_offer_both(
    offline: Any, gpus: Any, described: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine that starts the build needs no GPU."""
    address = described({"GPU": 1, "IO": 2})
    offline.add(*CASES[:5])
    monkeypatch.setattr("radstore.cuda.runtime", lambda: pytest.fail("was asked for GPUs here"))
    report = offline.build(engine="cuda", scheduler=address)
    assert (report.tally.cases, report.failed) == (5, {})
    assert "on the cluster's workers with a GPU" in report.prepared.engine_reason
    assert devices_of(offline) == {"cuda:0 Fake"}


def test_a_cluster_that_loses_its_gpus(
    offline: Any, gpus: Any, described: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from radstore.build import flight
    from radstore.build.cluster import client_for
    from radstore.build.crew import Crew

    monkeypatch.setattr(flight, "PATIENCE", 0.3)
    monkeypatch.setattr(flight, "TICK", 0.1)
    offline.add("a")
    job = offline.job()
    job = type(job)(job.spec, job.region, "cuda", job.store)
    with (
        client_for(described({"IO": 1}), Crew()) as client,
        pytest.raises(RadstoreError, match="has had no worker with GPU") as error,
    ):
        list(outcomes(client, job, offline.catalog.cases(), {}))
    assert "build again" in error.value.remedy


@pytest.mark.slow
class TestLosses:
    """Processes that end in the middle, here those of the command as users run it."""

    def run(self, site: Any, program: Any, monkeypatch: pytest.MonkeyPatch, *more: str) -> tuple[Any, str]:
        monkeypatch.setenv("RADSTORE_FAKE_GPUS", "1")
        process = program("cli", 64, *site.command(engine="cuda"), "--json", *more)
        out, err = process.communicate(timeout=100)
        assert out, err
        assert "Traceback" not in err
        assert "distributed" not in err
        return json.loads(out), err

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("killer", ""),  # reading it kills a reader
            ("gpukiller", ""),  # computing it kills the GPU's process
            ("gpuloser", "cuda:0 Fake is lost at case gpuloser (cudaErrorIllegalAddress"),
        ],
    )
    def test_only_the_case_at_fault_fails(
        self, offline: Any, program: Any, monkeypatch: pytest.MonkeyPatch, name: str, said: str
    ) -> None:
        offline.add(name, *"abcd")
        report, err = self.run(offline, program, monkeypatch)
        assert (report["cases_done"], list(report["failed"])) == (4, [name]), err
        assert report["failed"][name]["step"] == "worker"
        assert said in err
        records = offline.records()
        assert all(e.ok for case in "abcd" for e in records[case].blocks.values())
        assert not records[name].blocks["maps/tiny@organ"].ok

    def test_killed_and_begun_again(
        self, offline: Any, program: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        offline.add(*CASES)
        monkeypatch.setenv("RADSTORE_FAKE_GPUS", "2")
        process = program("cli", 2, *offline.command(engine="cuda"))
        for line in process.stderr:
            if line.startswith("committed"):
                break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        before = set(offline.records())
        assert before
        report, _ = self.run(offline, program, monkeypatch)
        assert report["failed"] == {}
        assert not set(report["todo"]) & before
        assert set(offline.records()) == set(CASES)
        offline.verify()

    def test_ctrl_c(self, offline: Any, program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RADSTORE_FAKE_GPUS", "2")
        offline.add(*[f"d{number:02d}" for number in range(40)])
        process = program("cli", 2, *offline.command(engine="cuda"), "--json")
        for line in process.stderr:
            if line.startswith("committed"):
                break
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert json.loads(out)["interrupted"]
        assert "Traceback" not in err
        assert 0 < len(offline.records()) < 40
        offline.verify()


def test_without_a_gpu_the_engine_says_why(offline: Any, gpus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise EngineError("no CUDA device can be used here: no driver", "Install one.")

    offline.add("a")
    monkeypatch.setattr("radstore.cuda.runtime", missing)
    with pytest.raises(EngineError, match="no driver"):
        build(offline.spec(), catalog=offline.catalog, engine="cuda")
