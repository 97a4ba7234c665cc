"""Builds in processes of their own: killed at random moments, several at once, stopped by Ctrl-C."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import threading
import time
from typing import Any

import psutil
import pytest

from radstore.store import gc, layout, lease, log
from radstore.store.blocks import find
from radstore.store.manifest import Manifest

KILLS = 20
CASES = [f"c{number:02d}" for number in range(8)]


def acknowledged(lines: list[str]) -> list[int]:
    """The versions that a program printed as committed."""
    return [int(line.split()[1]) for line in lines if line.startswith("committed")]


def check(site: Any, versions: list[int]) -> None:
    """Every acknowledged version is in the log, and every block it names is there."""
    for number in versions:
        manifest = Manifest(site.bucket, log.read(site.bucket, number).manifest)
        for case, record in manifest.items():
            for name, entry in record.blocks.items():
                assert entry.ok, (case, name, entry.error)
                assert find(site.bucket, layout.object_folder(entry.key)) == entry.digest


def identities(site: Any) -> dict[str, dict[str, Any]]:
    return {
        case: {name: entry.identity for name, entry in record.blocks.items()}
        for case, record in site.records().items()
    }


@pytest.mark.slow
def test_killed_at_random_moments(offline: Any, program: Any) -> None:
    offline.add(*CASES)
    builder = program("forks", offline.root)
    rng = random.Random(2024)
    kills = views = 0
    seen: list[int] = []
    patience = 1.0  # seconds; grows where the machine is too busy for a build to get through
    while kills < KILLS or views < 2:
        lines, finished = _run(builder, f"v{views} {10 + views}", rng.uniform(0.2, patience))
        patience *= 1.0 if finished else 1.1
        assert patience < 60, f"{kills} kills, and {views} builds got somewhere in spite of them"
        seen += acknowledged(lines)
        if (offline.root / "store" / layout.MARKER).exists():
            assert log.head(offline.bucket).number >= max(seen, default=0)
            check(offline, seen[-3:])
        kills += not finished
        views += finished
    assert seen == sorted(set(seen))
    assert seen
    check(offline, seen)
    assert lease.live(offline.bucket, "build") == []
    gc.gc(offline.bucket, grace=0.0)

    # the same builds again, left alone, complete it; and nobody can tell it from a store that was never hurt
    for view in range(views + 1):
        lines, finished = _run(builder, f"v{view} {10 + view}")
        assert finished
        assert not any(line.startswith("failed") for line in lines)
    check(offline, seen[-1:])
    offline.verify()
    hurt = identities(offline)
    (offline.root / "store").rename(offline.root / "hurt")
    for view in range(views + 1):
        _run(builder, f"v{view} {10 + view}")
    assert identities(offline) == hurt
    builder.stdin.close()
    assert builder.wait(20) == 0


def _run(builder: Any, arguments: str, kill_after: float | None = None) -> tuple[list[str], bool]:
    """Have a build run, and killed if it takes that long; what it said, and whether it could finish."""
    builder.stdin.write(arguments + "\n")
    builder.stdin.flush()
    child = None
    lines: list[str] = []
    for line in builder.stdout:
        if line.startswith("child"):
            child = int(line.split()[1])
            if kill_after is not None:
                timer = threading.Timer(kill_after, os.kill, (child, signal.SIGKILL))
                timer.start()
        elif line.startswith("ended"):
            break
        else:
            lines.append(line)
    finished = any(line.startswith("done") for line in lines)
    if kill_after is not None:
        timer.cancel()
    assert child is not None, builder.stderr.read()
    return lines, finished


@pytest.mark.slow
@pytest.mark.parametrize("whole_group", [False, True], ids=["the driver", "with its workers"])
def test_the_command_killed(site: Any, program: Any, whole_group: bool) -> None:
    """Workers of a driver that was killed end by themselves, and the same command goes on."""
    site.add(*CASES)
    command = site.command()
    process = program("cli", 1, *command)
    line = _line(process.stderr, "committed")
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    if whole_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait(10)
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    committed = int(line.split()[2])
    assert committed >= 1
    check(site, list(range(1, committed + 1)))
    before = set(site.records())
    assert len(before) >= 1
    again = site.build()
    assert again.failed == {}
    assert not {case.id for case in again.prepared.plan.todo} & before
    assert site.snapshot.views == {"tiny@organ": len(CASES)}
    site.verify()


def _line(stream: Any, beginning: str) -> str:
    """The next line of a stream that begins so."""
    lines = []
    for line in stream:
        if line.startswith(beginning):
            return line
        lines.append(line)
    raise AssertionError("".join(lines))


@pytest.mark.slow
class TestTwoBuildersAtOnce:
    def together(self, program: Any, site: Any, *arguments: list[str]) -> list[list[int]]:
        """Run builds at once; the versions that each was told it committed."""
        builders = [program("run", site.root, *map(str, of_one)) for of_one in arguments]
        versions = []
        for builder in builders:
            out, err = builder.communicate(timeout=120)
            assert builder.returncode == 0, err
            assert "failed" not in out
            versions.append(acknowledged(out.splitlines()))
        return versions

    def test_of_different_views(self, offline: Any, program: Any) -> None:
        cases = [f"c{number:02d}" for number in range(60)]
        offline.add(*cases)
        one, other = self.together(program, offline, ["one", 10, *cases[:55]], ["other", 20, *cases[5:]])
        assert (len(one), len(other)) == (55, 55)
        assert sorted(one + other) == list(range(1, 111))  # none is lost, none is claimed by both
        owners = ["one" if number in one else "other" for number in range(1, 111)]
        assert sum(a != b for a, b in itertools.pairwise(owners)) >= 3  # they did run at once
        check(offline, [110])
        assert offline.snapshot.views == {"one@organ": 55, "other@organ": 55}
        assert (
            sum(
                "features/one@organ" in r.blocks and "features/other@organ" in r.blocks
                for r in offline.records().values()
            )
            == 50
        )
        self.nothing_is_ever_lost(offline)
        offline.verify()

    def test_of_one_view(self, offline: Any, program: Any) -> None:
        cases = [f"c{number:02d}" for number in range(20)]
        offline.add(*cases)
        one, other = self.together(program, offline, ["v", 10, *cases[:14]], ["v", 10, *cases[6:]])
        assert sorted(one + other) == list(range(1, 21))  # who comes second has nothing to add
        assert offline.snapshot.views == {"v@organ": 20}
        self.nothing_is_ever_lost(offline)
        offline.verify()

    def nothing_is_ever_lost(self, site: Any) -> None:
        """What one version has the next one has too."""
        before: dict[tuple[str, str], str] = {}
        for version in reversed(log.history(site.bucket)):
            records = Manifest(site.bucket, version.manifest).items()
            now = {(case, name): e.digest for case, r in records for name, e in r.blocks.items()}
            assert before.items() <= now.items()
            before = now


class TestCtrlC:
    """As a terminal does it: SIGINT to every process of the group, workers included."""

    def test_while_it_computes(self, site: Any, program: Any) -> None:
        cases = [f"c{number:02d}" for number in range(40)]
        site.add(*cases)
        process = program("cli", 1000, *site.command(), "--json")
        self.wait_for_blocks(site, process, 8)
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert time.monotonic() - began < 10
        assert process.returncode == 130, err
        assert "Traceback" not in err
        assert "distributed" not in err
        assert 1 <= len(site.records()) < len(cases)
        assert site.version == 1
        site.verify()
        again = site.build()
        assert (again.failed, len(site.records())) == ({}, len(cases))

    def wait_for_blocks(self, site: Any, process: subprocess.Popen[str], count: int) -> None:
        while len(list((site.root / "store" / "objects").glob(f"*/*/{layout.POINTER}"))) < count:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)

    @pytest.mark.slow
    @pytest.mark.parametrize("after", [0.0, 0.4, 0.8, 1.2])
    def test_while_its_workers_start(self, offline: Any, program: Any, after: float) -> None:
        offline.add(*[f"c{number:02d}" for number in range(99)])  # seconds of work
        process = program("cli", 1000, *offline.command())
        _line(process.stderr, "2 workers")
        time.sleep(after)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
        # Python itself may insist on dying of the signal; a shell says 130 of either
        assert process.returncode in (130, -signal.SIGINT), err
        assert "Traceback" not in err
        assert "distributed" not in err
