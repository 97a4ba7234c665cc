"""gc: what nobody needs goes, and nothing else, whoever is at work meanwhile."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from radstore.errors import CorruptBlock, StoreError
from radstore.store import blocks, gc, layout, lease, log, query
from radstore.store.bucket import Bucket, Stat, open_bucket
from radstore.store.log import Change
from radstore.store.manifest import Manifest

HOUR = 3600.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def verify_all(bucket: Bucket) -> int:
    """Read every block of every version again; how many there were."""
    checked = set()
    for version in log.history(bucket):
        for _, record in Manifest(bucket, version.manifest).items():
            for entry in record.blocks.values():
                if entry.ok and entry.key not in checked:
                    blocks.verify(bucket, layout.object_folder(entry.key), entry.digest)
                    checked.add(entry.key)
    return len(checked)


def test_gc_of_a_store_where_all_is_needed_deletes_nothing(five: Any) -> None:
    before = five.files()
    assert gc.gc(five.bucket, grace=0) == gc.Garbage(0, 0, 0, 0)
    assert five.files() == before
    assert gc.gc(open_bucket("memory://"), grace=0) == gc.Garbage(0, 0, 0, 0)


def test_gc_takes_what_expired(five: Any, root: Path) -> None:
    gc.expire(five.bucket)
    before = {stat.path: stat for stat in five.bucket.list("")}
    told: list[int] = []
    found = gc.gc(five.bucket, grace=0, progress=told.append)
    gone = [stat for path, stat in before.items() if path not in five.files()]
    assert (found.files, found.bytes) == (len(gone), sum(stat.size for stat in gone))
    assert found.blocks == 4
    assert told == list(range(1, len(gone) + 1))
    # what is left is what version 5 needs, and no empty folder
    (entry,) = five.now("a").blocks.values()
    assert {path.split("/")[2] for path in five.files(layout.OBJECTS)} == {entry.key}
    assert len(five.files(layout.MANIFESTS)) == 2
    assert [p.name for p in (root / "objects").glob("*/*")] == [entry.key]
    assert verify_all(five.bucket) == 1


def test_gc_on_s3(s3: Callable[[], str], maker: Callable) -> None:
    make = maker(open_bucket(s3()))
    for number in range(3):
        make.commit("a", make.record("a", image=make.image(f"a{number}")))
    gc.expire(make.bucket, keep=1)
    assert gc.gc(make.bucket).files == 0  # all of it is young
    time.sleep(1.1)  # S3 tells whole seconds
    assert gc.gc(make.bucket, grace=0).blocks == 2
    assert verify_all(make.bucket) == 1


def test_a_dry_run_says_the_same_and_does_nothing(five: Any) -> None:
    gc.expire(five.bucket)
    before = five.files()
    said = gc.gc(five.bucket, grace=0, dry_run=True)
    assert five.files() == before
    assert said == gc.gc(five.bucket, grace=0)


def test_the_young_are_spared(five: Any, root: Path, age: Callable[[Path, float], None]) -> None:
    gc.expire(five.bucket)
    found = gc.gc(five.bucket)
    assert (found.files, found.blocks) == (0, 0)
    assert found.spared > 0
    age(root, gc.GRACE + 60)
    assert gc.gc(five.bucket).files == found.spared


def test_what_tagged_and_older_versions_need_is_spared(five: Any) -> None:
    log.tag(five.bucket, "paper", log.read(five.bucket, 2))
    gc.expire(five.bucket, keep=2)
    gc.gc(five.bucket, grace=0)
    assert log.numbers(five.bucket) == [2, 4, 5]
    assert verify_all(five.bucket) == 3


def test_what_a_build_wrote_is_spared_until_it_ends(five: Any) -> None:
    with lease.building(five.bucket):
        entry = five.image("new")
        found = gc.gc(five.bucket, grace=0)
        assert (found.files, found.spared) == (0, 4)
        blocks.verify(five.bucket, layout.object_folder(entry.key), entry.digest)
    assert gc.gc(five.bucket, grace=0).blocks == 1


def test_a_build_spares_what_a_clock_may_have_set_back(
    five: Any, root: Path, age: Callable[[Path, float], None]
) -> None:
    """Object stores cut times to seconds, and the writer's clock is not the store's."""
    with lease.building(five.bucket):
        entry = five.image("new")
        age(root / layout.object_folder(entry.key), lease.SKEW / 2)
        assert gc.gc(five.bucket, grace=0).files == 0
        age(root / layout.object_folder(entry.key), lease.SKEW * 2)
        assert gc.gc(five.bucket, grace=0).blocks == 1


def test_old_garbage_goes_though_a_build_is_on(
    five: Any, root: Path, age: Callable[[Path, float], None]
) -> None:
    gc.expire(five.bucket)
    age(root, HOUR)
    with lease.building(five.bucket):
        assert gc.gc(five.bucket, grace=0).blocks == 4


def test_a_pointer_and_its_block_go_together(
    make: Any, root: Path, age: Callable[[Path, float], None]
) -> None:
    """An old block under a young pointer must not leave the pointer behind, naming nothing."""
    folder = layout.object_folder(make.image("a").key)
    age(root, 2 * HOUR)
    (root / folder / layout.POINTER).touch()
    assert gc.gc(make.bucket, grace=HOUR).files == 0
    digest = blocks.find(make.bucket, folder)
    assert digest is not None
    blocks.verify(make.bucket, folder, digest)


def test_pointers_go_first(five: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gc.expire(five.bucket)
    real, deleted = type(five.bucket).delete, []

    def delete(self: Bucket, path: str) -> None:
        if not path.startswith(layout.LEASES):
            deleted.append(path)
        real(self, path)

    monkeypatch.setattr(type(five.bucket), "delete", delete)
    gc.gc(five.bucket, grace=0)
    assert [path.endswith(layout.POINTER) for path in deleted[:5]] == [True] * 4 + [False]


def test_a_gc_that_is_killed_leaves_no_pointer_to_nothing(five: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gc.expire(five.bucket)
    real, left = type(five.bucket).delete, [6]

    def delete(self: Bucket, path: str) -> None:
        if not path.startswith(layout.LEASES):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
        real(self, path)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(type(five.bucket), "delete", delete)
        gc.gc(five.bucket, grace=0)
    for stat in five.bucket.list(layout.OBJECTS):
        if stat.path.endswith(layout.POINTER):
            folder = stat.path.removesuffix(f"/{layout.POINTER}")
            blocks.verify(five.bucket, folder, blocks.find(five.bucket, folder) or "")
    assert gc.gc(five.bucket, grace=0).blocks == 0  # the pointers had gone
    assert verify_all(five.bucket) == 1


def test_the_copy_of_who_came_second_goes(five: Any) -> None:
    (entry,) = five.now("a").blocks.values()
    folder = layout.object_folder(entry.key)
    five.bucket.write_tree(f"{folder}/loser.zarr", {"zarr.json": b"{}", "image/c/0/0/0": b"1"})
    found = gc.gc(five.bucket, grace=0)
    assert (found.files, found.blocks) == (2, 0)
    assert verify_all(five.bucket) == 5


def test_a_needed_block_without_pointer_is_left_for_those_who_mend(five: Any) -> None:
    (entry,) = five.now("a").blocks.values()
    folder = layout.object_folder(entry.key)
    five.bucket.write_tree(f"{folder}/copy.zarr", {"zarr.json": b"{}"})
    five.bucket.delete(f"{folder}/{layout.POINTER}")
    before = five.files(layout.OBJECTS)
    gc.gc(five.bucket, grace=0)
    assert five.files(layout.OBJECTS) == before


def test_manifests_that_no_version_names_go(five: Any) -> None:
    base = Manifest(five.bucket, log.head(five.bucket).manifest)
    before = five.files()
    base.with_cases({"x": five.record("x")})  # a commit that lost its race, or died
    assert five.files() - before
    gc.gc(five.bucket, grace=0)
    assert five.files() == before


def test_stray_files_do_not_stop_it(five: Any, root: Path, age: Callable[[Path, float], None]) -> None:
    strays = ["objects/.DS_Store", "objects/ab/.DS_Store", "manifests/x", "cache/tables/y", "notes.txt"]
    for name in strays:
        five.bucket.write(name, b"")
    gc.gc(five.bucket, grace=0)
    assert [name for name in strays if five.bucket.exists(name)] == ["notes.txt"]


def test_staged_files_go_when_nobody_can_be_writing_them(
    five: Any, root: Path, age: Callable[[Path, float], None]
) -> None:
    five.bucket.write("staging/left-by-a-kill", b"half")
    assert gc.gc(five.bucket, grace=0).spared == 1  # whatever the grace: a lease is written through it
    age(root / "staging", 2 * gc.STAGED)
    assert gc.gc(five.bucket, grace=0).files == 1


def test_cached_tables_go_with_their_version(make: Any, root: Path) -> None:
    for value in (1.0, 2.0):
        entry = make.vector("a", {"original_firstorder_Mean": value})
        make.commit("a", make.record("a", features__v=entry), build={"view": "v"})
        query.open_store(root).table()
    assert len(list((root / "cache/tables").iterdir())) == 2
    gc.gc(make.bucket, grace=0)
    assert len(list((root / "cache/tables").iterdir())) == 2
    gc.expire(make.bucket)
    gc.gc(make.bucket, grace=0)
    (left,) = (root / "cache/tables").iterdir()
    assert left.name == log.head(make.bucket).manifest


def test_dead_leases_are_cleared(five: Any) -> None:
    five.bucket.write(
        f"{layout.LEASES}build-dead.json",
        layout.to_json(
            {
                "kind": "build",
                "path": f"{layout.LEASES}build-dead.json",
                "host": "gone",
                "pid": 1,
                "since": 0.0,
                "renewed": time.time() - lease.TTL - 1,
            }
        ),
    )
    gc.expire(five.bucket)
    assert gc.gc(five.bucket, grace=0).blocks == 4  # a dead build spares nothing
    assert list(five.bucket.list(layout.LEASES)) == []


def test_what_is_committed_between_the_two_looks_is_spared(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.commit_image("a")
    entry = make.image("b")  # published, not committed yet
    real = lease.sweeping

    def late(bucket: Bucket) -> Any:
        monkeypatch.undo()
        make.commit("b", make.record("b", image=entry))
        return real(bucket)

    monkeypatch.setattr(lease, "sweeping", late)
    assert gc.gc(make.bucket, grace=0).files == 0
    assert verify_all(make.bucket) == 2


def test_a_long_sweep_lets_commits_through(five: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gc.expire(five.bucket)
    monkeypatch.setattr(gc, "PATIENCE", 0.02)
    monkeypatch.setattr(gc, "BREATH", 0.15)
    real, numbers, threads = type(five.bucket).delete, [], []

    def slow(self: Bucket, path: str) -> None:
        if path.startswith(layout.OBJECTS):
            time.sleep(0.01)
            if not threads:
                change = {"b": Change(None, five.record("b"))}
                threads.append(
                    threading.Thread(target=lambda: numbers.append(log.commit(five.bucket, change).version))
                )
                threads[0].start()
        elif numbers:
            progress.append("went on after the commit")
        real(self, path)

    progress: list[str] = []
    monkeypatch.setattr(type(five.bucket), "delete", slow)
    assert gc.gc(five.bucket, grace=0).blocks == 4
    threads[0].join(10)
    assert [version.number for version in numbers] == [6]
    assert progress


def test_marking_reads_few_pointers(five: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request a block would hold off commits for minutes on an object store."""
    real, read = type(five.bucket).read, []

    def count(self: Bucket, path: str) -> bytes:
        read.append(path)
        return real(self, path)

    monkeypatch.setattr(type(five.bucket), "read", count)
    gc.gc(five.bucket, grace=0)
    assert not [path for path in read if path.endswith(layout.POINTER)]


def test_a_log_that_cannot_be_listed_is_not_an_empty_log(five: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = type(five.bucket).list

    def refuse(self: Any, prefix: str) -> Any:
        if prefix == layout.LOG:
            self._unreadable(OSError(5, "Input/output error", prefix))
        yield from real(self, prefix)

    before: set[Stat] = set(five.bucket.list(layout.OBJECTS))
    monkeypatch.setattr(type(five.bucket), "list", refuse)
    with pytest.raises(StoreError, match="Input/output error"):
        gc.gc(five.bucket, grace=0)
    assert set(five.bucket.list(layout.OBJECTS)) == before


def test_builders_and_gc_at_once_lose_nothing(
    local: Bucket,
    root: Path,
    program: Callable[..., subprocess.Popen[str]],
    finish: Callable[..., list[list[str]]],
) -> None:
    """Two builders that drop and want the same blocks again and again, and a gc without grace."""
    seconds = 5
    builders = [program("build", root, name, seconds) for name in ("one", "two")]
    collector = program("collect", root, seconds)
    *built, collected = finish(*builders, collector)
    committed = [line for lines in built for line in lines if line != "vanished"]
    assert len(committed) > 20
    assert sum(map(int, collected)) > 100  # it did collect
    assert verify_all(local) > 0
    gc.expire(local)
    gc.gc(local, grace=0)
    assert verify_all(local) > 0


def test_a_pinned_reader_keeps_its_version_as_long_as_it_is_there(five: Any, root: Path) -> None:
    snapshot, expiring = query.open_store(root, 5), query.open_store(root, 1)
    expected = snapshot.case("a").image.values.copy()
    lazy = expiring.case("a").image
    gc.expire(five.bucket)
    gc.gc(five.bucket, grace=0)
    assert (snapshot.case("a").image.values == expected).all()
    with pytest.raises(CorruptBlock, match="is missing"):  # never fill values
        _ = lazy.values
    with pytest.raises(StoreError, match="expired and collected"):
        _ = query.Snapshot(five.bucket, expiring.version).cases
