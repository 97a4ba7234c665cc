"""Cases on Dask: workers that die, schedulers that go away, and what an embedded cluster is like."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from radstore.build import flight
from radstore.build.cluster import client_for
from radstore.build.crew import Crew
from radstore.build.flight import outcomes
from radstore.catalog.model import Case
from radstore.errors import BadInput, RadstoreError
from radstore.store import layout
from radstore.store.blocks import CODEC


@pytest.fixture
def client(scheduler: str) -> Iterator[Any]:
    with client_for(scheduler, Crew()) as made:
        yield made


def ready(site: Any, *cases: str) -> tuple[Any, list[Case]]:
    """A job and the cases to do it to."""
    site.add(*cases)
    layout.create(site.bucket, CODEC)
    return site.job({"maps": False}), site.catalog.cases()


def test_every_case_comes_back_once(site: Any, client: Any) -> None:
    job, cases = ready(site, *"abcdefghijklmnopq")  # more than a window
    found = [outcome for outcome in outcomes(client, job, cases, {}) if outcome is not None]
    assert sorted(outcome.case for outcome in found) == list("abcdefghijklmnopq")
    assert all(outcome.error is None and outcome.computed == 4 for outcome in found)


def test_what_is_known_is_looked_up_when_a_case_is_submitted(site: Any, client: Any) -> None:
    job, cases = ready(site, "a")
    (first,) = [o for o in outcomes(client, job, cases, {}) if o]
    (again,) = [o for o in outcomes(client, job, cases, {"a": first.record}) if o]
    assert (again.computed, again.copied, again.record) == (0, 0, first.record)


def test_a_caller_who_stops_listening_leaves_nothing_in_flight(site: Any, client: Any) -> None:
    job, cases = ready(site, *"abcdefgh")
    listening = outcomes(client, job, cases, {})
    next(listening)
    listening.close()
    waited = time.monotonic()
    while any(future.startswith("case-") for future in client.futures):
        assert time.monotonic() - waited < 10, client.futures
        time.sleep(0.01)


def test_the_caller_gets_a_word_while_a_case_takes_long(
    site: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, cases = ready(site, "a")
    monkeypatch.setattr(flight, "TICK", 0.001)
    assert None in list(outcomes(client, job, cases, {}))


def test_a_job_that_workers_cannot_even_begin_stops_the_build(site: Any, client: Any) -> None:
    """Not the cases' fault, so no case is recorded as failed."""
    job, cases = ready(site, "a")
    with pytest.raises(
        RadstoreError, match=r"tcp://.* cannot run radstore: ModuleNotFoundError.* gone"
    ) as error:
        list(outcomes(client, dataclasses.replace(job, store=_Unpicklable()), cases, {}))
    assert "same versions" in error.value.remedy


class _Unpicklable:
    """What can be sent but not received, like a class of a package that is missing on the workers."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _gone, ()


def _gone() -> None:
    raise ModuleNotFoundError("the package is gone")


def test_a_scheduler_that_goes_away(offline: Any) -> None:
    job, cases = ready(offline, *"abcdefgh")
    scheduler, worker, address = _start_cluster(offline.root)
    try:
        with client_for(address, Crew()) as client:
            listening = outcomes(client, job, cases, {})
            first = next(outcome for outcome in listening if outcome is not None)
            assert first.error is None
            scheduler.kill()
            with pytest.raises(RadstoreError, match="the Dask scheduler went away") as error:
                list(listening)
            assert "build again" in error.value.remedy
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()


def _start_cluster(folder: Any) -> tuple[Any, Any, str]:
    file = folder / "scheduler.json"
    common = f"--scheduler-file {file} --no-dashboard"
    scheduler = _dask(f"scheduler --host 127.0.0.1 --port 0 --dashboard-address 127.0.0.1:0 {common}")
    worker = _dask(f"worker --nthreads 1 {common}")
    while not (file.exists() and file.read_text()):
        assert scheduler.poll() is None
        time.sleep(0.05)
    return scheduler, worker, json.loads(file.read_text())["address"]


def _dask(line: str) -> subprocess.Popen[bytes]:
    verb, *arguments = line.split()
    command = [sys.executable, "-m", f"distributed.cli.dask_{verb}", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_dying_worker_takes_only_its_own_case_with_it(offline: Any, program: Any) -> None:
    """With a single worker each of the others dies with it at first."""
    offline.add("killer", *"abcdef")
    command = [*offline.command(), "--json"]
    command[command.index("--workers") + 1] = "1"
    process = program("cli", 64, *command)
    out, err = process.communicate(timeout=100)
    report = json.loads(out)
    assert process.returncode == 1, err
    assert (report["cases_done"], list(report["failed"])) == (6, ["killer"])
    error = report["failed"]["killer"]
    assert error["step"] == "worker"
    assert "case killer" in error["message"]
    assert "--workers" in error["remedy"]
    assert "distributed" not in err  # Dask's own words about it help nobody
    assert "Traceback" not in err
    assert not offline.records()["killer"].blocks["features/tiny@organ"].ok
    assert all(e.ok for case in "abcdef" for e in offline.records()[case].blocks.values())
    again = offline.build(offline.spec(), scheduler=None)
    assert (again.tally.versions, sorted(again.failed)) == ([], ["killer"])


def test_a_script_without_the_guard_is_told_so(offline: Any) -> None:
    """Workers are spawned and import the script again, which must not start a build in each of them."""
    offline.add("a")
    (_, _, features, _, catalog, *_) = offline.command()
    script = offline.root / "script.py"
    script.write_text(
        f"from radstore.build import build\nbuild({features!r}, catalog={catalog!r}, workers=1)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "BadInput: the worker processes do not start" in done.stderr
    assert '`if __name__ == "__main__":`' in done.stderr
    assert not (offline.root / "store").exists()


def test_the_embedded_cluster_is_as_asked() -> None:
    with client_for(None, Crew(2)) as client:
        assert list(client.nthreads().values()) == [1, 1]
        assert client.run(_memory_settings) == dict.fromkeys(client.nthreads(), (False, False, False))
        assert client.scheduler_info()["address"].startswith("tcp://127.0.0.1:")
    with client_for(None, Crew(1)) as client:  # a second one in the same process
        assert list(client.nthreads().values()) == [1]


def _memory_settings(dask_worker: Any) -> tuple[Any, ...]:
    manager = dask_worker.memory_manager
    return manager.memory_target_fraction, manager.memory_spill_fraction, manager.memory_pause_fraction


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x"])
def test_a_scheduler_that_does_not_answer_leaves_no_thread(address: str) -> None:
    """What is left would be closed by the garbage collector, in any thread, where it may wait for ever."""
    before = set(threading.enumerate())
    with pytest.raises(BadInput, match="no Dask scheduler answers"), client_for(address, Crew()):
        pass
    assert set(threading.enumerate()) <= before
