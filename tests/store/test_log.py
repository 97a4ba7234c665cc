"""The log: no acknowledged commit is ever lost."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError

from radstore.errors import ConflictError, CorruptBlock, StoreError
from radstore.store import layout, lease, log
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.log import EMPTY, Change, Version
from radstore.store.manifest import CaseRecord, Entry, Manifest

FAILED = Entry("key", "failed", error={"step": "read", "message": "truncated", "remedy": "again"})


@pytest.fixture
def make(bucket: Bucket, maker: Callable) -> Any:
    """Maker of things in a store of every kind."""
    return maker(bucket)


def records(bucket: Bucket) -> dict[str, CaseRecord]:
    return dict(Manifest(bucket, log.head(bucket).manifest).items())


def test_an_empty_store(bucket: Bucket) -> None:
    assert log.head(bucket) == EMPTY
    assert log.history(bucket) == []
    assert log.tags(bucket) == {}
    assert log.resolve(bucket, None) == EMPTY
    with pytest.raises(StoreError, match="no version 1 \\(no version is there yet\\)"):
        log.read(bucket, 1)


def test_a_commit_is_a_version(make: Any) -> None:
    record = make.record("a", image=make.image("a"))
    done = make.commit("a", record, message="why", build={"view": "v@r"})
    assert done.written
    version = done.version
    assert (version.number, version.parent, version.message, version.changed) == (1, 0, "why", 1)
    assert version.build == {"view": "v@r"}
    assert "@" in version.author
    assert abs(version.time - time.time()) < 60
    assert log.head(make.bucket) == log.read(make.bucket, 1) == version
    assert records(make.bucket) == {"a": record}


def test_versions_follow_each_other(make: Any) -> None:
    for case in "abc":
        make.commit_image(case)
    assert [(v.number, v.parent) for v in log.history(make.bucket)] == [(3, 2), (2, 1), (1, 0)]
    assert [v.number for v in log.history(make.bucket, after=1)] == [3, 2]
    assert set(records(make.bucket)) == set("abc")
    assert set(dict(Manifest(make.bucket, log.read(make.bucket, 2).manifest).items())) == set("ab")


def test_a_commit_without_a_build_keeps_its_parent_s(make: Any) -> None:
    make.commit("a", make.record("a"), build={"view": "v@r"})
    make.commit("b", make.record("b"))
    assert log.head(make.bucket).build == {"view": "v@r"}


def test_nothing_to_commit_commits_nothing(make: Any) -> None:
    make.commit_image("a")
    before = make.files()
    done = make.commit("a", make.now("a"))
    assert not done.written
    assert done.version.number == 1
    assert log.commit(make.bucket, {}).version.number == 1
    assert not make.commit("b", None).written
    assert make.files() == before


def test_the_same_result_twice_is_one_version(make: Any) -> None:
    record = make.record("a", image=make.image("a"))
    change = {"a": Change(None, record)}
    assert log.commit(make.bucket, change).written
    elsewhere = CaseRecord(record.info, {"image": replace(record.blocks["image"], device="another")})
    assert not log.commit(make.bucket, {"a": Change(None, elsewhere)}).written


def test_removing_a_case(make: Any) -> None:
    make.commit_image("a")
    make.commit_image("b")
    assert make.commit("a", None).written
    assert set(records(make.bucket)) == {"b"}


def test_late_changes_are_merged(make: Any) -> None:
    make.commit_image("a")
    base = make.now("a")
    vector, region = make.vector("a"), make.image("a-region")
    one = CaseRecord(base.info, {**base.blocks, "features/x": vector})
    other = CaseRecord({**base.info, "age": 50}, {**base.blocks, "region/r": region})
    log.commit(make.bucket, {"a": Change(base, one)})
    log.commit(make.bucket, {"a": Change(base, other)})  # knows nothing of the one before
    found = make.now("a")
    assert set(found.blocks) == {"image", "features/x", "region/r"}
    assert found.info["age"] == 50


def test_a_conflict_holds_back_its_case_alone(make: Any) -> None:
    theirs, ours = make.vector("a", salt="theirs"), make.vector("a", salt="ours")
    log.commit(make.bucket, {"a": Change(None, make.record("a", features=theirs))})
    mine = {
        "a": Change(None, make.record("a", features=ours, image=make.image("a"))),
        "b": Change(None, make.record("b", image=make.image("b"))),
    }
    done = log.commit(make.bucket, mine)
    assert done.written
    assert set(done.conflicts) == {"a"}
    error = done.conflicts["a"]
    assert isinstance(error, ConflictError)
    assert ours.key in error.message
    assert theirs.key in error.message
    assert "case a, features" in error.message
    assert error.remedy
    found = records(make.bucket)
    assert found["a"] == make.record("a", features=theirs)  # whole: nothing of ours entered it
    assert set(found) == {"a", "b"}


def test_only_conflicts_commit_nothing(make: Any) -> None:
    log.commit(make.bucket, {"a": Change(None, make.record("a", x=make.vector("a", salt=1)))})
    done = log.commit(make.bucket, {"a": Change(None, make.record("a", x=make.vector("a", salt=2)))})
    assert not done.written
    assert done.version.number == 1
    assert set(done.conflicts) == {"a"}


def test_a_block_wins_over_a_failure_whoever_is_first(make: Any) -> None:
    block = make.image("a")
    for case, first, second in (("a", FAILED, block), ("b", block, FAILED)):
        log.commit(make.bucket, {case: Change(None, make.record(case, image=first))})
        log.commit(make.bucket, {case: Change(None, make.record(case, image=second))})
        assert records(make.bucket)[case].blocks["image"] == block


def test_a_case_whose_block_gc_took_is_held_back_alone(make: Any) -> None:
    gone, there = make.image("gone"), make.image("there")
    make.bucket.delete(f"{layout.object_folder(gone.key)}/{layout.POINTER}")
    done = log.commit(
        make.bucket,
        {
            "gone": Change(None, make.record("gone", image=gone, more=there)),
            "there": Change(None, make.record("there", image=there)),
            "failed": Change(None, make.record("failed", image=FAILED)),  # names no block
        },
    )
    assert done.vanished == ("gone",)
    assert set(records(make.bucket)) == {"there", "failed"}


def test_a_block_that_was_made_anew_with_other_bits_must_be_looked_at_again(make: Any) -> None:
    stale = replace(make.image("a"), digest="0" * 64)
    assert log.commit(make.bucket, {"a": Change(None, make.record("a", image=stale))}).vanished == ("a",)


def test_a_block_made_anew_replaces_what_the_log_says_of_it(make: Any) -> None:
    entry = make.commit_image("a")
    for stat in list(make.bucket.list(layout.object_folder(entry.key))):
        make.bucket.delete(stat.path)
    again = make.image("a", array=make_other_bits())
    assert again.key == entry.key
    assert again.digest != entry.digest
    assert make.commit("a", make.record("a", image=again)).written
    assert make.now("a").blocks["image"] == again


def make_other_bits() -> Any:
    import numpy as np

    return np.arange(1, 25, dtype=np.int16).reshape(2, 3, 4)


def test_blocks_that_stay_are_not_looked_for(make: Any) -> None:
    entry = make.commit_image("a")
    make.bucket.delete(f"{layout.object_folder(entry.key)}/{layout.POINTER}")
    base = make.now("a")
    done = make.commit("a", CaseRecord({**base.info, "age": 50}, base.blocks))
    assert done.written
    assert not done.vanished


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_three_builders_at_once_lose_nothing(
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    maker: Callable,
    program: Callable[..., subprocess.Popen[str]],
    finish: Callable[..., list[list[str]]],
) -> None:
    location = str(tmp_path / "store") if kind == "local" else request.getfixturevalue("s3")()
    count = 34 if kind == "local" else 5
    names, bucket = ["a", "b", "c"], open_bucket(location)
    maker(bucket)
    processes = [program("commit", location, name, count) for name in names]
    while not all(bucket.exists(f"staging/ready-{name}") for name in names):
        time.sleep(0.005)
    bucket.write("staging/go", b"")
    acknowledged = [int(line) for lines in finish(*processes) for line in lines]

    numbers = list(range(1, len(names) * count + 1))
    assert sorted(acknowledged) == numbers  # every number once
    history = log.history(bucket)
    assert [v.number for v in reversed(history)] == numbers
    assert all(v.parent == v.number - 1 for v in history)
    assert len({v.nonce for v in history}) == len(history)
    found = records(bucket)
    cases = {f"{name}-{number}" for name in names for number in range(count)}
    assert set(found) == cases | {"shared"}
    assert set(found["shared"].info) == {f"column-{case}" for case in cases}  # no lost update
    for version in history:  # and each version holds what its message says, and all before it
        assert Manifest(bucket, version.manifest).get(version.message) is not None


def test_threads_lose_nothing_either(make: Any) -> None:
    def commit(number: int) -> int:
        case = f"case-{number}"
        change = Change(None, make.record(case, x=FAILED))
        return log.commit(make.bucket, {case: change}).version.number

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(commit, range(12)))
    assert sorted(numbers) == list(range(1, 13))
    assert len(records(make.bucket)) == 12


def test_a_commit_whose_answer_was_lost_is_found_by_its_nonce(
    maker: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = maker(open_bucket("memory://"))
    record = make.record("a", x=FAILED)
    real, seen = obstore.put, []

    def put(store: Any, path: str, data: bytes, **keywords: Any) -> None:
        real(store, path, data, **keywords)
        if path.startswith(layout.LOG):
            seen.append(path)
            raise AlreadyExistsError(path)

    monkeypatch.setattr(obstore, "put", put)
    done = log.commit(make.bucket, {"a": Change(None, record)})
    assert done.written
    assert done.version.number == 1
    assert seen == [layout.log_entry(1)]
    assert records(make.bucket) == {"a": record}


def test_a_link_whose_answer_was_lost_is_found_by_its_nonce(
    local: Bucket, maker: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network file system may repeat a link that went through, and find it there."""
    make = maker(local)
    real = type(local).create

    def create(self: Bucket, path: str, data: bytes) -> bool:
        return real(self, path, data) and not path.startswith(layout.LOG)

    monkeypatch.setattr(type(local), "create", create)
    done = make.commit("a", make.record("a", x=FAILED))
    assert done.written
    assert done.version == log.read(local, 1)


def test_a_nonce_of_another_is_a_lost_race(maker: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    make = maker(open_bucket("memory://"))
    real_head, raced = log.head, []

    def head(bucket: Bucket) -> Version:
        found = real_head(bucket)
        if not raced:  # another commit lands between our look and our try
            raced.append(True)
            make.commit("theirs", make.record("theirs", x=FAILED))
        return found

    monkeypatch.setattr(log, "head", head)
    done = log.commit(make.bucket, {"ours": Change(None, make.record("ours", x=FAILED))})
    assert done.version.number == 2
    assert set(records(make.bucket)) == {"ours", "theirs"}


def test_a_commit_waits_for_a_sweep(make: Any) -> None:
    record = make.record("a", x=FAILED)
    done: list[int] = []
    change = {"a": Change(None, record)}
    thread = threading.Thread(target=lambda: done.append(log.commit(make.bucket, change).version.number))
    with lease.sweeping(make.bucket):
        thread.start()
        time.sleep(0.3)
        assert done == []
        assert log.head(make.bucket) == EMPTY
    thread.join(10)
    assert done == [1]


def test_a_commit_whose_flag_ran_out_begins_anew(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop that slept in the middle of a commit must not go on as if gc had not been there."""
    looked: list[bool] = []

    def fresh(self: lease.Held) -> bool:
        looked.append(True)
        return len(looked) > 1

    monkeypatch.setattr(lease.Held, "fresh", property(fresh))
    assert make.commit("a", make.record("a", x=FAILED)).version.number == 1
    assert len(looked) == 2


def test_other_files_in_the_log_do_not_matter(local: Bucket, maker: Callable) -> None:
    make = maker(local)
    make.commit_image("a")
    local.write("log/.DS_Store", b"")
    local.write("tags/.DS_Store", b"")
    local.write("leases/.DS_Store", b"")
    make.commit_image("b")
    log.tag(local, "x", log.head(local))
    assert log.numbers(local) == [1, 2]
    assert log.tags(local) == {"x": 2}


def test_how_marks_came_about_is_inherited(make: Any) -> None:
    first = make.commit("a", CaseRecord({}, marks={"fold": 0}), marks={"fold": {"k": 5}}).version
    second = make.commit("b", CaseRecord({}, marks={"size": 9}), marks={"size": {"region": "lesion"}}).version
    assert first.marks == {"fold": {"k": 5}}
    assert log.head(make.bucket).marks == second.marks == {"fold": {"k": 5}, "size": {"region": "lesion"}}


@pytest.mark.parametrize("left", [b"", b'{"number": 1, "par', b"[]", b"\xff"])
def test_a_damaged_entry_is_told_with_its_file(make: Any, left: bytes) -> None:
    make.commit_image("a")
    make.bucket.write(layout.log_entry(1), left)
    make.bucket.write(layout.tag("best"), left)
    with pytest.raises(CorruptBlock, match=r"log/00000001\.json: cannot be read") as told:
        log.head(make.bucket)
    assert "Restore" in told.value.remedy
    with pytest.raises(CorruptBlock, match=r"tags/best\.json: cannot be read"):
        log.tags(make.bucket)
