"""What only a folder does: durability, folders that come and go, file systems that refuse."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from radstore.errors import StoreError
from radstore.store import local as module
from radstore.store.bucket import STAGING
from radstore.store.local import LocalBucket


@pytest.fixture
def bucket(tmp_path: Path) -> LocalBucket:
    return LocalBucket(tmp_path / "store")


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files and folders that were fsynced, in order."""
    seen: list[str] = []
    real = os.fsync

    def spy(handle: int) -> None:
        seen.append(os.readlink(f"/proc/self/fd/{handle}"))  # noqa: PTH115
        real(handle)

    if Path("/proc/self/fd").is_dir():
        monkeypatch.setattr(os, "fsync", spy)
    return seen


def test_a_file_and_its_folder_are_durable_when_create_returns(
    bucket: LocalBucket, synced: list[str]
) -> None:
    bucket.create("log/00000001.json", b"{}")
    root = str(bucket.root)
    staged = [path for path in synced if f"/{STAGING}/" in path]
    assert len(staged) == 1
    assert synced.index(staged[0]) < synced.index(f"{root}/log")  # content first, then its name
    assert {root, str(bucket.root.parent)} <= set(synced)  # the folders made on the way too


def test_every_file_and_folder_of_a_tree_is_durable(bucket: LocalBucket, synced: list[str]) -> None:
    bucket.write_tree("objects/ab/k/n.zarr", {"zarr.json": b"{}", "maps/c/0/0": b"1"})
    below = {f"{bucket.root}/objects/ab/k/n.zarr/{name}" for name in ("zarr.json", "maps/c/0/0")}
    above = {f"{bucket.root}/objects/ab/k/n.zarr{name}" for name in ("", "/maps", "/maps/c", "/maps/c/0")}
    assert below | above <= set(synced)


def test_nothing_is_staged_afterwards(bucket: LocalBucket) -> None:
    bucket.create("a", b"1")
    bucket.create("a", b"2")
    bucket.write("a", b"3")
    assert list((bucket.root / STAGING).iterdir()) == []


def test_a_write_that_fails_leaves_what_was_there(
    bucket: LocalBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.write("a", b"old")

    def full(path: Path, data: bytes) -> None:
        path.write_bytes(data[:1])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(module, "_write_synced", full)
    with pytest.raises(StoreError, match="No space left on device") as caught:
        bucket.write("a", b"new")
    assert "free space" in caught.value.remedy
    assert bucket.read("a") == b"old"


@pytest.mark.parametrize("place", ["file/store", "file"])
def test_below_a_file_nothing_can_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("I am a file")
    with pytest.raises(StoreError, match="cannot write here"):
        LocalBucket(tmp_path / place).create("log/1", b"")


def test_a_file_system_without_hard_links(bucket: LocalBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted", str(source), None, str(target))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(StoreError, match="no hard links"):
        bucket.create("a", b"1")


def test_a_folder_that_cannot_be_listed_does_not_look_empty(
    bucket: LocalBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.create("log/00000001.json", b"{}")

    def scandir(path: str) -> None:
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(StoreError, match="Too many open files"):
        list(bucket.list("log/"))


def test_prune_takes_only_what_is_empty(bucket: LocalBucket) -> None:
    bucket.write("objects/ab/k/block.json", b"{}")
    bucket.write("objects/cd/gone", b"{}")
    bucket.delete("objects/cd/gone")
    bucket.prune("objects/")
    assert bucket.exists("objects/ab/k/block.json")
    assert not (bucket.root / "objects/cd").exists()


def test_folders_pruned_while_we_write_are_made_again(bucket: LocalBucket) -> None:
    stop = threading.Event()

    def prune() -> None:
        while not stop.is_set():
            bucket.prune("objects/")

    pruner = threading.Thread(target=prune)
    pruner.start()
    try:
        for number in range(150):
            bucket.write_tree(f"objects/{number}/k/n.zarr", {"a/b/c": b"1"})
            assert bucket.create(f"objects/p{number}/q/block.json", b"{}")
    finally:
        stop.set()
        pruner.join()
    assert sum(1 for _ in bucket.list("objects/")) == 300
