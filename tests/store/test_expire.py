"""expire: which versions are forgotten, and that nothing is forgotten under a commit's feet."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from radstore.errors import StoreError
from radstore.store import gc, log
from radstore.store.bucket import Bucket
from radstore.store.log import Change

HOUR = 3600.0


def versions_of(bucket: Bucket) -> list[int]:
    return [version.number for version in reversed(log.history(bucket))]


def test_expire_keeps_the_latest_and_the_tagged(five: Any) -> None:
    log.tag(five.bucket, "paper", log.read(five.bucket, 2))
    assert gc.expire(five.bucket) == [1, 3, 4]
    assert versions_of(five.bucket) == [2, 5]
    assert gc.expire(five.bucket) == []


@pytest.mark.parametrize(
    ("keep", "left"), [(1, [5]), (0, [5]), (2, [4, 5]), (5, [1, 2, 3, 4, 5]), (9, [1, 2, 3, 4, 5])]
)
def test_expire_keeps_so_many(five: Any, keep: int, left: list[int]) -> None:
    gc.expire(five.bucket, keep=keep)
    assert versions_of(five.bucket) == left


def test_expire_by_age(five: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gc.expire(five.bucket, older_than=HOUR) == []
    later = time.time() + 2 * HOUR
    monkeypatch.setattr(gc.time, "time", lambda: later)
    assert gc.expire(five.bucket, older_than=HOUR, keep=3) == [1, 2]


def test_expire_on_an_empty_store(local: Bucket) -> None:
    assert gc.expire(local) == []


def test_numbers_are_not_used_again_after_expire(five: Any) -> None:
    gc.expire(five.bucket)
    assert five.commit_image("b").key
    assert versions_of(five.bucket) == [5, 6]


def test_expire_waits_for_a_commit_under_way(five: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a commit that read version 5 as its parent could create version 6 when 6 is there no more."""
    real, expired = log.head, threading.Event()

    def expire() -> None:
        gc.expire(five.bucket)
        expired.set()

    def slow_head(bucket: Bucket) -> log.Version:
        found = real(bucket)
        if found.number == 5 and not thread.is_alive() and not expired.is_set():
            thread.start()
            assert not expired.wait(0.3)
        return found

    thread = threading.Thread(target=expire)
    monkeypatch.setattr(log, "head", slow_head)
    done = log.commit(five.bucket, {"b": Change(None, five.record("b", image=five.image("b")))})
    assert expired.wait(10)
    thread.join()
    assert done.version.number == 6
    assert versions_of(five.bucket) == [6]


def test_a_version_that_expires_while_it_is_tagged(five: Any) -> None:
    old = log.read(five.bucket, 2)
    gc.expire(five.bucket)
    with pytest.raises(StoreError, match="no version 2"):
        log.tag(five.bucket, "too-late", old)
    assert log.tags(five.bucket) == {}
