"""What is known of a file without decoding it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from radstore.build.digests import RACY, DigestCache, files_of, fingerprint, is_settled
from radstore.store import layout
from radstore.store.blocks import CODEC
from radstore.store.bucket import open_bucket


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.nii.gz"
    path.write_bytes(b"12345")
    return path


def test_a_fingerprint_is_of_path_size_time_and_context(file: Path, tmp_path: Path) -> None:
    first = fingerprint([file], "image")
    assert first == fingerprint([file], "image")
    twin = tmp_path / "y.nii.gz"
    shutil.copy2(file, twin)
    others = [fingerprint([file], "mask"), fingerprint([twin], "image"), fingerprint([file, twin], "image")]
    os.utime(file, (1, 1))
    others.append(fingerprint([file], "image"))
    file.write_bytes(b"123456")
    os.utime(file, (1, 1))
    others.append(fingerprint([file], "image"))
    assert len({first, *others}) == 6


def test_a_missing_file_has_no_fingerprint(file: Path, tmp_path: Path) -> None:
    assert fingerprint([file, tmp_path / "gone.nii.gz"]) is None
    assert fingerprint([tmp_path / "gone" / "1.dcm"]) is None
    assert not is_settled([tmp_path / "gone.nii.gz"])


def test_a_file_just_written_is_not_trusted(file: Path) -> None:
    assert not is_settled([file])
    os.utime(file, (time.time() - RACY - 1,) * 2)
    assert is_settled([file])
    os.utime(file, (time.time() + 100,) * 2)  # a clock that is ahead
    assert not is_settled([file])


@pytest.mark.parametrize(
    ("name", "header", "data"),
    [
        ("x.mhd", b"NDims = 3\nElementDataFile = x.raw\n", ["x.raw"]),
        ("x.mhd", b"NDims = 3\r\nElementDataFile = x.zraw\r\n", ["x.zraw"]),
        ("x.mha", b"NDims = 3\nElementDataFile = x.raw\n", ["x.raw"]),
        ("x.mha", b"NDims = 3\nElementDataFile = LOCAL\n\x00ElementDataFile = x.raw\n", []),
        ("x.mhd", b"NDims = 3\nElementDataFile = LIST\nx.raw\ny.raw\n", ["x.raw", "x.zraw", "y.raw"]),
        ("x.mhd", b"NDims = 3\nElementDataFile = %s.raw 1 2 1\n", ["x.raw", "x.zraw", "y.raw"]),
        ("x.nhdr", b"NRRD0004\ntype: short\ndata file: ./x.raw\n", ["x.raw"]),
        ("x.nhdr", b"NRRD0004\ndatafile: x.raw\n\n", ["x.raw"]),
        ("x.nhdr", b"NRRD0004\ndata file: LIST 2\nx.raw\ny.raw\n", ["x.raw", "x.zraw", "y.raw"]),
        ("x.nrrd", b"NRRD0004\ntype: short\n\ndata file: x.raw\n", []),  # behind the blank line: voxels
        ("X.NRRD", b"NRRD0004\ntype: short\ndata file: x.raw\n\n", ["x.raw"]),
        ("x.nii.gz", b"anything", []),
    ],
)
def test_which_files_an_image_consists_of(tmp_path: Path, name: str, header: bytes, data: list[str]) -> None:
    for other in ("x.raw", "x.zraw", "y.raw"):
        (tmp_path / other).write_bytes(b"voxels")
    (tmp_path / name).write_bytes(header)
    assert files_of(tmp_path / name) == [tmp_path / n for n in [name, *data]]
    before = fingerprint([tmp_path / name])
    for other in ("x.raw", "x.zraw", "y.raw"):
        (tmp_path / other).write_bytes(b"voxels!")
    assert (fingerprint([tmp_path / name]) != before) == bool(data)


def test_a_header_whose_data_are_gone_has_no_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "x.mhd").write_bytes(b"ElementDataFile = x.raw\n")
    assert fingerprint([tmp_path / "x.mhd"]) is None


@pytest.mark.parametrize("named", ["", "1.dcm", "2"])
def test_a_series_is_all_files_of_its_folder(tmp_path: Path, named: str) -> None:
    """Also when one of its files stands for it, with or without a suffix."""
    folder = tmp_path / "series"
    folder.mkdir()
    for name in ("1.dcm", "2", "3.dcm"):
        (folder / name).write_bytes(b"slice")
    (folder / "sub").mkdir()
    assert [path.name for path in files_of(folder / named)] == ["1.dcm", "2", "3.dcm"]
    before = fingerprint([folder / named])
    (folder / "3.dcm").write_bytes(b"another slice")
    assert fingerprint([folder / named]) != before


@pytest.fixture
def bucket(tmp_path: Path) -> Any:
    made = open_bucket(tmp_path / "store")
    layout.create(made, CODEC)
    return made


def test_the_cache_keeps_what_was_learnt(bucket: Any) -> None:
    cache = DigestCache(bucket)
    assert cache.get("f") is None
    assert cache.get(None) is None
    cache.learn({"f": "digest"})
    assert cache.get("f") == "digest"
    assert DigestCache(bucket).get("f") is None
    cache.save()
    assert DigestCache(bucket).get("f") == "digest"


def test_rehash_ignores_the_cache_but_keeps_it(bucket: Any) -> None:
    cache = DigestCache(bucket)
    cache.learn({"f": "old", "g": "kept"})
    cache.save()
    again = DigestCache(bucket, ignore=True)
    assert again.get("f") is None
    again.learn({"f": "new"})
    again.save()
    assert [DigestCache(bucket).get(name) for name in ("f", "g")] == ["new", "kept"]


def test_two_builds_add_to_one_cache(bucket: Any) -> None:
    one, other = DigestCache(bucket), DigestCache(bucket)
    one.learn({"f": "1"})
    other.learn({"g": "2"})
    one.save()
    other.save()
    assert [DigestCache(bucket).get(name) for name in ("f", "g")] == ["1", "2"]


def test_nothing_learnt_writes_nothing(bucket: Any) -> None:
    DigestCache(bucket).save()
    assert not bucket.exists(layout.DIGESTS)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[1]", b'{"f": '])
def test_a_damaged_cache_is_as_good_as_none(bucket: Any, damage: bytes) -> None:
    bucket.write(layout.DIGESTS, damage)
    cache = DigestCache(bucket)
    assert cache.get("f") is None
    cache.learn({"f": "digest"})
    cache.save()
    assert DigestCache(bucket).get("f") == "digest"
