from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from radstore.build.crew import Crew
from radstore.build.devices import Device
from radstore.build.outcome import Outcome
from radstore.build.plan import Plan
from radstore.cli import output, progress
from radstore.store.log import Version
from radstore.store.manifest import CaseRecord


@pytest.fixture(autouse=True)
def clock(monkeypatch: Any) -> SimpleNamespace:
    """A clock that stands until it is set."""
    output.stdout.cache_clear()
    output.stderr.cache_clear()
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def plan(todo: int, done: int = 0, failed: int = 0) -> Plan:
    cases = cast(Any, tuple(range(todo + done)))
    failures = {str(number): {} for number in range(failed)}
    return Plan(cast(Any, None), cases[:done], cases[done:], failures, ())


def outcome(error: dict[str, str] | None = None) -> Outcome:
    return Outcome("case", CaseRecord(), error=error)


def test_counts() -> None:
    assert progress.counts(plan(1)) == "1 case: 0 up to date, 1 to do"
    assert progress.counts(plan(2000, 238, 3)) == (
        "2,241 cases: 238 up to date, 2,000 to do, 3 failed before (--retry-failed tries them again)"
    )


def test_plain_lines_now_and_then(capsys: Any, clock: SimpleNamespace) -> None:
    with progress.Display() as display:
        display.planned(plan(40), crew=Crew(workers=4))
        for done in range(1, 41):
            clock.seconds = 3.0 * done
            display.finished(outcome({"step": "read"} if done == 2 else None), done, 40)
        display.committed(Version(7, 6, "", changed=40))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["40 cases: 0 up to date, 40 to do", "4 workers"]
    assert lines[2] == "4/40 cases, 20.0 a minute, 2 min left, 1 failed"
    assert lines[-2:] == ["40/40 cases, 20.0 a minute, 1 failed", "committed version 7 (40 cases)"]
    assert len(lines) == 2 + 10 + 1


def test_gpus(capsys: Any, monkeypatch: Any) -> None:
    cards = tuple(Device(number, "Card", 1 << 30, str(number)) for number in range(2))
    monkeypatch.setattr(progress, "pinning", lambda _: True)
    with progress.Display() as display:
        display.planned(plan(4), Crew(devices=cards, readers=3, why="as asked"))
    assert capsys.readouterr().err.splitlines()[1:] == [
        "2 GPUs: cuda:0 Card, cuda:1 Card (as asked); bound to the cores near them by dask-cuda",
        "3 readers to decode for them",
    ]
    monkeypatch.setattr(progress, "pinning", lambda _: False)
    with progress.Display(runs=False) as display:  # a dry run says too which it would use
        display.planned(plan(4), Crew(devices=cards[:1], readers=1, why="all that CUDA shows"))
    said = capsys.readouterr().err
    assert "1 GPU: cuda:0 Card (all that CUDA shows); bound to no cores (dask-cuda is not installed" in said


def test_workers_of_a_scheduler(capsys: Any) -> None:
    with progress.Display() as display:
        display.planned(plan(4), crew=Crew())
    assert capsys.readouterr().err.splitlines()[1] == "workers: those of the scheduler"


@pytest.mark.parametrize("dry", [True, False])
def test_nothing_runs(capsys: Any, dry: bool) -> None:
    with progress.Display(runs=not dry) as display:
        display.planned(plan(3 if dry else 0, done=2), crew=Crew(workers=2))
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bar_on_a_terminal(capsys: Any, clock: SimpleNamespace, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    with progress.Display() as display:
        display.planned(plan(12), crew=Crew(workers=2))
        for done in range(1, 8):
            clock.seconds = 6.0 * done
            display.finished(outcome({"step": "read"} if done == 3 else None), done, 12)
        display.committed(Version(1, 0, "", changed=7))
    said = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert "7/12 cases, 10.0 a minute, 30 s left, 1 failed" in said
    assert "committed version 1 (7 cases)" in said


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.2, "0 s"), (89, "89 s"), (91, "2 min"), (5399, "90 min"), (9000, "2.5 h")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert progress._duration(seconds) == shown
