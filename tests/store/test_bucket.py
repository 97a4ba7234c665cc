"""The contract that every bucket keeps: a folder, memory, and S3."""

from __future__ import annotations

import pickle
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import zarr

from radstore.errors import CorruptBlock, StoreError
from radstore.store.bucket import Bucket, for_each, open_bucket
from radstore.store.local import LocalBucket
from radstore.store.remote import RemoteBucket

THREADS = 16
TRICKY = "tags/é x@y+1=#%41.json"


def test_what_was_written_is_read(bucket: Bucket) -> None:
    bucket.write("a/b", b"one")
    assert bucket.read("a/b") == b"one"
    bucket.write("a/b", b"two")
    assert bucket.read("a/b") == b"two"


@pytest.mark.parametrize("data", [b"", b"\0" * 3, bytes(range(256)) * 20_000])
def test_bytes_stay_what_they_are(bucket: Bucket, data: bytes) -> None:
    assert bucket.create("x", data)
    assert bucket.read("x") == data


def test_what_is_not_there(bucket: Bucket) -> None:
    with pytest.raises(FileNotFoundError):
        bucket.read("no/such")
    assert not bucket.exists("no/such")
    assert list(bucket.list("no/")) == []
    bucket.delete("no/such")
    bucket.prune("no/")


def test_create_is_refused_where_something_is(bucket: Bucket) -> None:
    assert bucket.create("log/1", b"first")
    assert not bucket.create("log/1", b"second")
    assert bucket.read("log/1") == b"first"
    bucket.delete("log/1")
    assert not bucket.exists("log/1")
    assert bucket.create("log/1", b"second")


def test_of_many_threads_exactly_one_creates(bucket: Bucket) -> None:
    for round_ in range(5):
        path = f"race/{round_}"
        with ThreadPoolExecutor(THREADS) as pool:
            won = list(pool.map(lambda n, path=path: bucket.create(path, b"%d" % n), range(THREADS)))
        assert sum(won) == 1
        assert bucket.read(path) == b"%d" % won.index(True)


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_of_many_processes_exactly_one_creates(
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    program: Callable[..., subprocess.Popen[str]],
    finish: Callable[..., list[list[str]]],
) -> None:
    location = str(tmp_path / "store") if kind == "local" else request.getfixturevalue("s3")()
    bucket, rounds, names = open_bucket(location), 60, ["a", "b", "c"]
    processes = [program("create", location, name, rounds) for name in names]
    begin_together(bucket, names)
    won = finish(*processes)
    assert sorted(int(path) for lines in won for path in lines) == list(range(rounds))
    for name, lines in zip(names, won, strict=True):
        assert all(bucket.read(f"race/{path}") == name.encode() for path in lines)


def begin_together(bucket: Bucket, names: list[str]) -> None:
    while not all(bucket.exists(f"staging/ready-{name}") for name in names):
        time.sleep(0.005)
    bucket.write("staging/go", b"")


def test_list_goes_all_the_way_down_and_says_size_and_time(bucket: Bucket) -> None:
    before = time.time()
    bucket.write("a/b/c", b"123")
    bucket.write("a/d", b"")
    bucket.write("ab/e", b"1")
    found = {stat.path: stat for stat in bucket.list("a/")}
    assert set(found) == {"a/b/c", "a/d"}
    assert (found["a/b/c"].size, found["a/d"].size) == (3, 0)
    # object stores cut to whole seconds, file systems to the tick of a coarse clock
    assert all(before - 1.1 <= stat.modified <= time.time() + 1 for stat in found.values())
    assert {"a/b/c", "a/d", "ab/e"} <= {stat.path for stat in bucket.list("")}


def test_names_of_all_kinds(bucket: Bucket) -> None:
    bucket.write(TRICKY, b"1")
    assert [stat.path for stat in bucket.list("tags/")] == [TRICKY]
    assert bucket.exists(TRICKY)
    assert bucket.read(TRICKY) == b"1"


def test_a_tree_is_there_whole(bucket: Bucket) -> None:
    files = {f"maps/c/{n}/0": b"%d" % n for n in range(40)} | {"zarr.json": b"{}"}
    bucket.write_tree("objects/ab/key/nonce.zarr", files)
    found = {stat.path.removeprefix("objects/ab/key/nonce.zarr/") for stat in bucket.list("objects/")}
    assert found == set(files)
    assert all(bucket.read(f"objects/ab/key/nonce.zarr/{name}") == data for name, data in files.items())


def test_zarr_sees_what_is_there_and_cannot_write(bucket: Bucket) -> None:
    files: dict[str, bytes] = {}
    memory: dict = {}
    group = zarr.open_group(zarr.storage.MemoryStore(memory), mode="w")
    group.create_array("x", data=np.arange(10), chunks=(5,))
    files = {path: data.to_bytes() for path, data in memory.items()}
    bucket.write_tree("g.zarr", files)
    read = zarr.open_group(bucket.zarr(), path="g.zarr", mode="r")
    np.testing.assert_array_equal(read["x"][:], np.arange(10))
    with pytest.raises(ValueError, match=r"read.only"):
        zarr.open_group(bucket.zarr(), path="g.zarr", mode="a").create_array("y", data=np.arange(3))


def test_a_missing_chunk_is_damage_and_not_fill_values(bucket: Bucket) -> None:
    memory: dict = {}
    group = zarr.open_group(zarr.storage.MemoryStore(memory), mode="w")
    group.create_array("x", data=np.arange(10), chunks=(5,))
    files = {path: data.to_bytes() for path, data in memory.items()}
    files.pop("x/c/1")
    bucket.write_tree("g.zarr", files)
    x = zarr.open_group(bucket.zarr(), path="g.zarr", mode="r")["x"]
    np.testing.assert_array_equal(x[:5], np.arange(5))
    with pytest.raises(CorruptBlock, match=r"g\.zarr/x/c/1 is missing"):
        x[:]


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_a_bucket_can_be_sent_to_another_process(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    bucket = open_bucket(tmp_path if kind == "local" else request.getfixturevalue("s3")())
    bucket.write("x", b"1")
    again = pickle.loads(pickle.dumps(bucket))
    assert again.location == bucket.location
    assert again.read("x") == b"1"


def test_for_each_keeps_the_order(bucket: Bucket) -> None:
    assert for_each(bucket, lambda n: n * n, range(100)) == [n * n for n in range(100)]
    assert for_each(bucket, lambda n: n, []) == []
    with pytest.raises(ZeroDivisionError):
        for_each(bucket, lambda n: 1 / n, [1, 0])


def test_open_bucket_tells_folders_from_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_bucket(tmp_path), LocalBucket)
    assert open_bucket(f"file://{tmp_path}").location == str(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_bucket("~/store").location == str(tmp_path / "store")
    monkeypatch.chdir(tmp_path)
    assert open_bucket("./store").location == str(tmp_path / "store")
    assert isinstance(open_bucket("memory://"), RemoteBucket)


@pytest.mark.parametrize("address", ["foo://x", "s3://", "://"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(StoreError, match="not a store address"):
        open_bucket(address)
