"""Tags: names of versions that never move, and what else a user may call a version."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from radstore.errors import StoreError
from radstore.store import layout, log
from radstore.store.bucket import Bucket
from radstore.store.log import EMPTY, Version


@pytest.fixture
def make(bucket: Bucket, maker: Callable) -> Any:
    """Maker of things in a store of every kind."""
    return maker(bucket)


def test_a_tag_names_a_version_for_good(make: Any) -> None:
    make.commit_image("a")
    first = log.head(make.bucket)
    log.tag(make.bucket, "v1", first)
    log.tag(make.bucket, "v1", first)  # saying it again is no harm
    make.commit_image("b")
    with pytest.raises(StoreError, match="names version 1 already; tags do not move"):
        log.tag(make.bucket, "v1", log.head(make.bucket))
    log.tag(make.bucket, "paper-2026_final.1", log.head(make.bucket))
    assert log.tags(make.bucket) == {"v1": 1, "paper-2026_final.1": 2}


def test_of_many_taggers_one_wins(make: Any) -> None:
    for case in "abcdefgh":
        make.commit_image(case)
    versions = log.history(make.bucket)

    def tag(version: Version) -> bool:
        try:
            log.tag(make.bucket, "best", version)
        except StoreError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(tag, versions))
    assert sum(won) == 1
    assert log.tags(make.bucket) == {"best": versions[won.index(True)].number}


@pytest.mark.parametrize(
    "name", ["", "7", "42", "a/b", "../x", ".hidden", "-x", "_x", "a b", "a\n", "x" * 101]
)
def test_names_that_are_no_tags(local: Bucket, name: str) -> None:
    with pytest.raises(StoreError, match="not a tag name"):
        log.tag(local, name, Version(1, 0, "sha"))
    assert list(local.list(layout.TAGS)) == []


def test_what_cannot_be_tagged(make: Any) -> None:
    with pytest.raises(StoreError, match="no version yet"):
        log.tag(make.bucket, "v1", EMPTY)
    make.commit_image("a")
    with pytest.raises(StoreError, match="no version 9"):
        log.tag(make.bucket, "v1", Version(9, 8, "sha"))
    assert log.tags(make.bucket) == {}


def test_what_a_user_may_call_a_version(make: Any) -> None:
    for case in "abc":
        make.commit_image(case)
    log.tag(make.bucket, "v2", log.read(make.bucket, 1))
    log.tag(make.bucket, "best", log.read(make.bucket, 2))
    numbers = {None: 3, 1: 1, "1": 1, "v1": 1, "v3": 3, "best": 2, "v2": 1, "2": 2, 0: 0}
    assert {name: log.resolve(make.bucket, name).number for name in numbers} == numbers


@pytest.mark.parametrize("name", [4, "4", "v4", -1])
def test_a_version_that_is_not_there(make: Any, name: str | int) -> None:
    make.commit_image("a")
    with pytest.raises(StoreError, match=r"no version -?\d \(versions 1 to 1 are there\)"):
        log.resolve(make.bucket, name)


@pytest.mark.parametrize("name", ["bset", "", "v", "v²", "vv1"])
def test_a_name_that_is_none(make: Any, name: str) -> None:
    make.commit_image("a")
    log.tag(make.bucket, "best", log.head(make.bucket))
    with pytest.raises(StoreError, match=r"no version or tag .* \(tags: best\)"):
        log.resolve(make.bucket, name)
