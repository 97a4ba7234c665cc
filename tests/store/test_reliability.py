"""ICC beside the versions: found by the table, kept through commits, spared by gc."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from radstore.store import layout, log
from radstore.store.blocks import CODEC
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.gc import expire, gc
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord
from radstore.store.reliability import Reliability, keep, reliability

VIEW = "tiny@organ"
FOUND = Reliability(
    ("a", "b"),
    {"icc": np.array([0.9, np.nan]), "icc_low": np.array([0.8, np.nan]), "icc_high": np.array([1, np.nan])},
)


def made(folder: Path) -> Bucket:
    bucket = open_bucket(folder)
    layout.create(bucket, CODEC)
    return bucket


def test_it_comes_back(tmp_path: Path) -> None:
    bucket = made(tmp_path / "store")
    version = keep(bucket, VIEW, FOUND, {"spec_hash": "x"}, "why")
    assert (version.number, version.message, version.changed) == (1, "why", 0)
    known = reliability(bucket, log.head(bucket), VIEW)
    assert known is not None
    mark, found = known
    assert mark["spec_hash"] == "x"
    assert found.names == FOUND.names
    for name, values in FOUND.columns.items():
        np.testing.assert_array_equal(found.columns[name], values)
    assert reliability(bucket, log.head(bucket), "other@organ") is None


def test_said_twice_it_is_one_version(tmp_path: Path) -> None:
    bucket = made(tmp_path / "store")
    first, again = (keep(bucket, VIEW, FOUND, {"spec_hash": "x"}) for _ in range(2))
    assert first.number == again.number == 1


def test_it_survives_commits_of_others_and_gc(tmp_path: Path) -> None:
    bucket = made(tmp_path / "store")
    keep(bucket, VIEW, FOUND, {"spec_hash": "x"})
    keep(bucket, "other@organ", FOUND, {"spec_hash": "y"})
    log.commit(bucket, {"case": Change(None, CaseRecord({"patient": "p"}))})
    expire(bucket, keep=1)
    gc(bucket, grace=-10)
    head = log.head(bucket)
    assert head.number == 3
    assert reliability(bucket, head, VIEW) is not None
    assert reliability(bucket, head, "other@organ") is not None


def test_gc_takes_what_was_measured_anew(tmp_path: Path) -> None:
    bucket = made(tmp_path / "store")
    keep(bucket, VIEW, FOUND, {"spec_hash": "x"})
    old = log.head(bucket).marks[f"icc/{VIEW}"]["record"]
    changed = Reliability(("a",), {name: values[:1] / 2 for name, values in FOUND.columns.items()})
    keep(bucket, VIEW, changed, {"spec_hash": "x"})
    expire(bucket, keep=1)
    gc(bucket, grace=-10)
    there = {stat.path for stat in bucket.list(layout.MANIFESTS)}
    assert layout.manifest(old) not in there
    assert reliability(bucket, log.head(bucket), VIEW) is not None


def test_features_that_were_not_measured_are_nan() -> None:
    np.testing.assert_array_equal(FOUND.on(["c", "a"])["icc"], [np.nan, 0.9])
