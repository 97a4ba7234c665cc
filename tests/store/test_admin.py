"""One function a verb: each does what the verb says, on a store that is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from radstore.errors import StoreError
from radstore.store import admin
from radstore.store.diff import Difference
from radstore.store.manifest import CaseRecord, Entry

MEAN = "original_firstorder_Mean"
ERROR = {"step": "region", "message": "the mask is empty", "remedy": "Mend it."}
FAILED = Entry("k", "failed", error=ERROR)


@pytest.fixture
def root(make: Any) -> Path:
    """Three versions: case a, then b, then c of which one view failed; 2 is tagged."""
    make.commit("a", make.record("a", features__v=make.vector("a", {MEAN: 1.0})), message="first")
    make.commit(
        "b", make.record("b", features__v=make.vector("b", {MEAN: 2.0}), features__w=make.vector("b"))
    )
    make.commit("c", CaseRecord({}, {"features/v": FAILED}))
    admin.tag(make.bucket.root, "two", 2)
    return Path(make.bucket.root)


def test_log(root: Path) -> None:
    versions = admin.log(root)
    assert [version.number for version in versions] == [3, 2, 1]
    assert versions[-1].message == "first"
    assert admin.log(str(root)) == versions


def test_tag(root: Path) -> None:
    assert admin.tag(root, "latest").number == 3
    assert admin.tag(root, "one", "v1").number == 1
    assert admin.tag(root, "one", 1).number == 1
    with pytest.raises(StoreError, match="names version 1 already"):
        admin.tag(root, "one")


def test_diff(root: Path) -> None:
    assert admin.diff(root, 1, "two") == Difference(cases_added=["b"], features_added={"w": [MEAN]})
    assert admin.diff(root, "two").cases_added == ["c"]
    assert not admin.diff(root, 3)


def test_status(root: Path) -> None:
    v, w = admin.status(root, expected=("a", "z"))
    assert (v.view, v.done, v.missing) == ("v", 2, ("z",))
    assert v.failed == {"c": ERROR}
    assert (w.view, w.done, w.missing, w.failed) == ("w", 1, ("a", "c", "z"), {})
    (first,) = admin.status(root, 1)
    assert (first.view, first.done, first.missing, first.failed) == ("v", 1, (), {})


def test_status_counts_what_is_undefined(make: Any) -> None:
    entry = Entry("k", digest="d", undefined=3)
    make.commit("a", CaseRecord({}, {"features/v": FAILED}))
    snapshot_status = admin.status(make.bucket.root)[0]
    assert snapshot_status.undefined == {}
    vector = make.vector("b")
    record = CaseRecord(
        {}, {"features/v": Entry(vector.key, digest=vector.digest, undefined=entry.undefined)}
    )
    make.commit("b", record)
    assert admin.status(make.bucket.root)[0].undefined == {"b": 3}


def test_verify_reads_every_block(make: Any, root: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = admin.verify(root, progress=lambda done, total: seen.append((done, total)))
    assert (found.blocks, found.damaged) == (3, {})
    assert seen == [(1, 3), (2, 3), (3, 3)]
    entry = make.now("b").blocks["features/v"]
    for file in (root / "objects" / entry.key[:2] / entry.key).rglob("*"):
        if file.is_file() and file.parent.name == "c":
            file.unlink()
    found = admin.verify(root)
    assert list(found.damaged) == ["b features/v"]
    assert found.blocks == 3
    assert admin.verify(root, 1).damaged == {}


def test_expire_and_gc(root: Path, age: Callable[[Path, float], None]) -> None:
    before = admin.verify(root).blocks
    assert admin.expire(root, keep=1) == [1]
    assert admin.gc(root).files == 0  # too young
    age(root, 2 * 24 * 3600)
    deleted: list[int] = []
    would = admin.gc(root, dry_run=True)
    done = admin.gc(root, progress=deleted.append)
    assert (would.files, would.blocks, would.bytes) == (done.files, done.blocks, done.bytes)
    assert deleted == list(range(1, done.files + 1))
    assert admin.verify(root).blocks == before


@pytest.mark.parametrize(
    "verb",
    [
        admin.log,
        admin.status,
        admin.verify,
        admin.gc,
        lambda store: admin.expire(store, keep=1),
        lambda store: admin.diff(store, 1),
        lambda store: admin.tag(store, "x"),
    ],
)
def test_a_store_that_is_not_there_is_not_made(tmp_path: Path, verb: Callable[[Path], object]) -> None:
    with pytest.raises(StoreError, match="no store here"):
        verb(tmp_path / "none")
    assert not list(tmp_path.iterdir())
