"""Which places are a store, which may become one, and what is said of the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from radstore.errors import StoreError
from radstore.store import layout
from radstore.store.blocks import CODEC
from radstore.store.bucket import Bucket, open_bucket


def test_an_empty_place_becomes_a_store(bucket: Bucket) -> None:
    assert not layout.is_store(bucket)
    layout.create(bucket, CODEC)
    assert layout.is_store(bucket)
    assert json.loads(bucket.read(layout.MARKER)) == {"format": layout.FORMAT, "codec": CODEC}
    assert [stat.path for stat in bucket.list("")] == [layout.MARKER]


def test_making_a_store_twice_changes_nothing(bucket: Bucket) -> None:
    layout.create(bucket, CODEC)
    before = bucket.read(layout.MARKER)
    layout.create(bucket, {"name": "another"})
    assert bucket.read(layout.MARKER) == before


def test_a_foreign_place_is_refused_and_left_alone(bucket: Bucket) -> None:
    bucket.write("thesis.docx", b"ten years of work")
    for look in (lambda: layout.is_store(bucket), lambda: layout.create(bucket, CODEC)):
        with pytest.raises(StoreError, match=r"not a radstore \(no radstore.json, but thesis.docx lies here"):
            look()
    assert [stat.path for stat in bucket.list("")] == ["thesis.docx"]


def test_what_a_killed_first_build_staged_does_not_count(bucket: Bucket) -> None:
    bucket.write("staging/0123456789abcdef", b"half a mark")
    layout.create(bucket, CODEC)
    assert layout.is_store(bucket)


def test_a_newer_format(bucket: Bucket) -> None:
    bucket.write(layout.MARKER, layout.to_json({"format": layout.FORMAT + 1}))
    with pytest.raises(StoreError, match=f"store format {layout.FORMAT + 1}") as caught:
        layout.is_store(bucket)
    assert "upgrade" in caught.value.remedy


@pytest.mark.parametrize("marker", [b"", b"[]", b"{}", b'{"format": null}', b"\xff\xfe", b"42"])
def test_a_marker_that_is_not_ours(bucket: Bucket, marker: bytes) -> None:
    bucket.write(layout.MARKER, marker)
    with pytest.raises(StoreError, match="not a radstore marker"):
        layout.is_store(bucket)


@pytest.mark.parametrize("place", ["file", "file/store"])
def test_a_file_where_a_folder_should_be(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("I am a file")
    with pytest.raises(StoreError, match="a file, not a folder"):
        layout.is_store(open_bucket(tmp_path / place))


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a place where nobody can write")
def test_a_place_where_nobody_can_write() -> None:
    with pytest.raises(StoreError, match="cannot write here") as caught:
        layout.create(open_bucket("/proc/self/store"), CODEC)
    assert "--store" in caught.value.remedy


def test_a_place_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(StoreError, match="cannot be read") as caught:
        layout.is_store(open_bucket(tmp_path))
    assert caught.value.remedy


def test_a_folder_in_the_marker_s_place(tmp_path: Path) -> None:
    (tmp_path / layout.MARKER).mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        layout.is_store(open_bucket(tmp_path))
