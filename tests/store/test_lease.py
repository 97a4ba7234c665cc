"""Leases: who holds what, who counts as alive, and who waits for whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace

import pytest

from radstore.errors import StoreError
from radstore.store import layout, lease
from radstore.store.bucket import Bucket
from radstore.store.lease import Held, Lease


def flags(bucket: Bucket) -> list[str]:
    return [stat.path.removeprefix(layout.LEASES).split("-")[0] for stat in bucket.list(layout.LEASES)]


def a_lease(**changed: object) -> Lease:
    now = time.time()
    mine = Lease("build", f"{layout.LEASES}build-x.json", lease._host(), os.getpid(), now, now)
    return replace(mine, **changed)


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("kind", "holding"),
    [("build", lease.building), ("commit", lease.committing), ("sweep", lease.sweeping)],
)
def test_a_flag_is_up_as_long_as_it_is_held(bucket: Bucket, kind: str, holding: object) -> None:
    with holding(bucket):
        assert flags(bucket) == [kind]
        (held,) = lease.live(bucket, kind)
        assert held.pid == os.getpid()
        assert abs(held.since - time.time()) < 60
    assert flags(bucket) == []
    with pytest.raises(KeyError), holding(bucket):
        raise KeyError
    assert flags(bucket) == []


def test_who_is_alive(bucket: Bucket) -> None:
    long_ago = time.time() - lease.TTL - 1
    assert a_lease().alive
    assert a_lease(since=0.0).alive  # held for long, renewed
    assert not a_lease(renewed=long_ago).alive
    assert not a_lease(pid=dead_pid()).alive
    assert a_lease(pid=dead_pid(), host="another machine").alive  # its processes are not ours to see
    assert not a_lease(renewed=long_ago, host="another machine").alive


def test_a_process_of_another_user_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(pid: int, signal: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", kill)
    assert a_lease(pid=1).alive


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/pid"), reason="containers show in /proc")  # noqa: PTH110
def test_another_container_on_this_machine_is_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    here = lease._host()
    monkeypatch.setattr(os, "readlink", lambda path: "pid:[42]")
    assert lease._host() != here


def test_the_heartbeat_renews(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT", 0.02)
    with lease.building(bucket):
        (first,) = lease.live(bucket, "build")
        deadline = time.monotonic() + 10
        while lease.live(bucket, "build")[0].renewed == first.renewed:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert lease.live(bucket, "build")[0].since == first.since
    time.sleep(0.1)
    assert flags(bucket) == []  # and none comes back


def test_a_heartbeat_that_fails_is_made_good_by_the_next(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT", 0.02)
    real, failures = type(bucket).write, []

    def write(self: Bucket, path: str, data: bytes) -> None:
        if json.loads(data)["renewed"] > json.loads(data)["since"] and len(failures) < 2:
            failures.append(path)
            raise StoreError("the network is down")
        real(self, path, data)

    monkeypatch.setattr(type(bucket), "write", write)
    with lease.building(bucket):
        (first,) = lease.live(bucket, "build")
        deadline = time.monotonic() + 10
        while lease.live(bucket, "build")[0].renewed == first.renewed:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert len(failures) == 2


def test_fresh_ends_before_others_stop_respecting_the_flag(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(bucket, "commit")
    try:
        assert held.fresh
        later = time.time() + lease.TTL * 0.6
        monkeypatch.setattr(time, "time", lambda: later)
        assert not held.fresh
        assert held.lease.alive
    finally:
        held.lower()


def test_dead_flags_are_ignored_and_cleared(bucket: Bucket) -> None:
    dead = a_lease(kind="sweep", path=f"{layout.LEASES}sweep-dead.json", pid=dead_pid())
    bucket.write(dead.path, layout.to_json(asdict(dead)))
    assert lease.live(bucket, "sweep") == []
    with lease.committing(bucket), lease.building(bucket):  # nobody waits for the dead
        assert sorted(flags(bucket)) == ["build", "commit", "sweep"]
        lease.clear_dead(bucket)
        assert sorted(flags(bucket)) == ["build", "commit"]


def test_one_sweep_at_a_time(bucket: Bucket) -> None:
    with lease.sweeping(bucket):
        with pytest.raises(StoreError, match="another gc or expire is running"), lease.sweeping(bucket):
            pytest.fail("two sweeps at once")
        assert flags(bucket) == ["sweep"]
    with lease.sweeping(bucket):
        pass


def test_a_sweep_waits_for_commits_that_were_there_before(bucket: Bucket) -> None:
    swept = threading.Event()

    def sweep() -> None:
        with lease.sweeping(bucket):
            swept.set()

    thread = threading.Thread(target=sweep)
    with lease.committing(bucket):
        thread.start()
        assert not swept.wait(0.3)
    assert swept.wait(10)
    thread.join()


def test_a_sweep_does_not_wait_for_builds(bucket: Bucket) -> None:
    with lease.building(bucket), lease.sweeping(bucket):
        pass


def test_commits_and_sweeps_never_overlap(bucket: Bucket) -> None:
    inside = {"commit": 0, "sweep": 0}
    done = {"commit": 0, "sweep": 0}
    seen: list[str] = []
    lock = threading.Lock()
    end = time.monotonic() + 0.5

    def run(kind: str, other: str, holding: object) -> None:
        while time.monotonic() < end or not done[kind]:
            try:
                with holding(bucket):
                    with lock:
                        inside[kind] += 1
                        if inside[other]:
                            seen.append(f"a {kind} during a {other}")
                    time.sleep(0.002)
                    with lock:
                        inside[kind] -= 1
                        done[kind] += 1
            except StoreError:  # another sweep
                time.sleep(0.005)
            time.sleep(0.001)

    arguments = [("commit", "sweep", lease.committing)] * 3 + [("sweep", "commit", lease.sweeping)] * 2
    threads = [threading.Thread(target=run, args=args) for args in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seen == []
    assert min(done.values()) > 0
