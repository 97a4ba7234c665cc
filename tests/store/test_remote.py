"""What only an object store does: retried requests, missing buckets, no conditional writes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError

from radstore.errors import StoreError
from radstore.store import layout
from radstore.store.blocks import CODEC
from radstore.store.bucket import open_bucket
from radstore.store.remote import RemoteBucket


@pytest.fixture
def bucket() -> RemoteBucket:
    return RemoteBucket("memory://")


@pytest.fixture
def lossy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every first put goes through, but its answer is lost, and the retry finds the object there."""
    real = obstore.put

    def put(store: Any, path: str, data: bytes, **keywords: Any) -> None:
        real(store, path, data, **keywords)
        if keywords["mode"] == "create":
            raise AlreadyExistsError(f"{path} exists")

    monkeypatch.setattr(obstore, "put", put)


@pytest.mark.usefixtures("lossy")
def test_finding_ones_own_object_is_success(bucket: RemoteBucket) -> None:
    assert bucket.create("a", b"mine")
    assert not bucket.create("a", b"another's")


def test_an_object_deleted_meanwhile_was_not_ours(
    bucket: RemoteBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(*_: Any, **__: Any) -> None:
        raise AlreadyExistsError("a exists")

    monkeypatch.setattr(obstore, "put", put)
    assert not bucket.create("a", b"mine")


@pytest.mark.parametrize(
    "action",
    [
        lambda b: b.create("x", b""),
        lambda b: b.write("x", b""),
        lambda b: list(b.list("")),
        lambda b: layout.is_store(b),
    ],
)
def test_a_bucket_that_is_not_there(s3: Callable[[], str], action: Callable[[RemoteBucket], Any]) -> None:
    with pytest.raises(StoreError, match="s3://no-such-bucket/prefix") as caught:
        action(RemoteBucket("s3://no-such-bucket/prefix"))
    assert "endpoint" in caught.value.remedy


def test_an_object_store_that_ignores_conditions_is_refused(
    bucket: RemoteBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = obstore.put

    def put(store: Any, path: str, data: bytes, **_: Any) -> None:
        real(store, path, data, mode="overwrite")

    monkeypatch.setattr(obstore, "put", put)
    with pytest.raises(StoreError, match="does not create exclusively"):
        layout.create(bucket, CODEC)
    assert list(bucket.list("")) == []


def test_prefixes_do_not_see_each_other(s3: Callable[[], str]) -> None:
    one, other = open_bucket(s3()), open_bucket(s3())
    one.write("log/1", b"1")
    assert not other.exists("log/1")
    assert list(other.list("")) == []


FORKED = """
import os, sys
import numpy as np
from radstore.errors import StoreError
from radstore.store.blocks import Block, open_group, publish
from radstore.store.bucket import open_bucket

bucket = open_bucket("memory://")
actions = [lambda: bucket.exists("x")]
if sys.argv[1] == "used":
    publish(bucket, "objects/ab/k", Block("features", {"features": np.ones(2)}))
    array = open_group(bucket, "objects/ab/k")["features"]
    actions.append(lambda: array[...])
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
for action in actions:
    try:
        action()
        print("works")
    except StoreError as error:
        print("refused" if "forkserver" in error.remedy else error)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize(("before", "said"), [("used", ["refused"] * 2), ("unused", ["works"])])
def test_a_fork_is_refused_instead_of_hanging(before: str, said: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED, before],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == said
