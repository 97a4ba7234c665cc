"""Manifests: shards that versions share, named by what they hold."""

from __future__ import annotations

import gzip
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radstore.errors import CorruptBlock, StoreError
from radstore.store import layout
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.manifest import CaseRecord, Entry, Manifest, read_shard

ERROR = {"step": "read", "message": "truncated", "remedy": "download it again"}
FULL = Entry("k", "ok", "d", (2, 3, 4), (0.7, 0.7, 2.5), "native/1", "cpu", "s", 3)


def record(case: str, **more: object) -> CaseRecord:
    return CaseRecord({"patient": case, **more}, {"image": Entry(f"key-{case}", digest=f"digest-{case}")})


def cohort(count: int) -> dict[str, CaseRecord]:
    return {f"case-{n:05d}": record(f"case-{n:05d}") for n in range(count)}


def files(bucket: Bucket) -> set[str]:
    return {stat.path for stat in bucket.list(layout.MANIFESTS)}


@pytest.mark.parametrize("entry", [Entry("k"), FULL, Entry("k", "failed", error=ERROR)])
def test_an_entry_survives_json(entry: Entry) -> None:
    assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


def test_an_entry_leaves_out_what_is_empty_and_ignores_what_it_does_not_know() -> None:
    assert Entry("k").to_json() == {"key": "k", "status": "ok"}
    assert Entry.from_json({"key": "k", "from": "a later version"}) == Entry("k")


def test_who_computed_it_is_not_part_of_what_an_entry_says() -> None:
    assert FULL.identity == Entry("k", digest="d", engine="native/2", device="cuda").identity
    assert FULL.identity != Entry("k", digest="e").identity
    assert FULL.identity != Entry("l", digest="d").identity


def test_the_manifest_before_the_first_commit() -> None:
    empty = Manifest(open_bucket("memory://"))
    assert empty.sha == ""
    assert list(empty.items()) == []
    assert empty.get("anything") is None
    assert empty.shards == []


def test_round_trip_sorted_by_case(bucket: Bucket) -> None:
    cases = cohort(40)
    made = Manifest(bucket).with_cases(dict(reversed(cases.items())))
    again = Manifest(bucket, made.sha)
    assert list(again.items()) == list(cases.items())
    assert all(again.get(case) == said for case, said in cases.items())
    assert again.get("no such case") is None


def test_a_change_of_one_case_writes_one_shard_and_a_root(bucket: Bucket) -> None:
    first = Manifest(bucket).with_cases(cohort(60))
    before = files(bucket)
    second = first.with_cases({"case-00007": record("case-00007", age=50)})
    assert len(files(bucket) - before) == 2
    assert len(set(first.shards) & set(second.shards)) == len(first.shards) - 1


def test_the_first_commit_of_one_case_writes_two_files(bucket: Bucket) -> None:
    Manifest(bucket).with_cases(cohort(1))
    assert len(files(bucket)) == 2


def test_add_replace_remove(bucket: Bucket) -> None:
    first = Manifest(bucket).with_cases(cohort(3))
    second = first.with_cases({"new": record("new"), "case-00001": record("other"), "case-00002": None})
    assert dict(second.items()) == {
        "case-00000": record("case-00000"),
        "case-00001": record("other"),
        "new": record("new"),
    }
    assert dict(first.items()) == cohort(3)  # the older version is what it was
    assert list(second.with_cases(dict.fromkeys(["new", "case-00000", "case-00001"])).items()) == []


def test_removing_what_is_not_there_changes_nothing(bucket: Bucket) -> None:
    first = Manifest(bucket).with_cases(cohort(3))
    assert first.with_cases({"no such case": None}).sha == first.sha


@settings(max_examples=30, deadline=None)
@given(st.permutations(sorted(cohort(12))), st.integers(1, 12))
def test_the_same_cases_have_the_same_name_however_they_came(order: list[str], step: int) -> None:
    cases = cohort(12)
    bucket = open_bucket("memory://")
    at_once = Manifest(bucket).with_cases(cases)
    bit_by_bit = Manifest(bucket)
    for start in range(0, len(order), step):
        bit_by_bit = bit_by_bit.with_cases({case: cases[case] for case in order[start : start + step]})
    assert bit_by_bit.sha == at_once.sha
    detour = at_once.with_cases({"x": record("x")}).with_cases({"x": None})
    assert detour.sha == at_once.sha


def test_equal_content_gives_equal_bytes(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    sha = Manifest(bucket).with_cases(cohort(2)).sha
    before = bucket.read(layout.manifest(sha))
    bucket.delete(layout.manifest(sha))
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: 1e9)
        Manifest(bucket).with_cases(cohort(2))
    assert bucket.read(layout.manifest(sha)) == before  # no time in the gzip header


def test_a_manifest_that_gc_took(bucket: Bucket) -> None:
    made = Manifest(bucket).with_cases(cohort(1))
    (shard,) = made.shards
    bucket.delete(layout.manifest(shard))
    with pytest.raises(StoreError, match="expired and collected"):
        read_shard(bucket, shard)
    bucket.delete(layout.manifest(made.sha))
    with pytest.raises(StoreError, match="expired and collected") as caught:
        Manifest(bucket, made.sha)
    assert "radstore log" in caught.value.remedy


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"not gzip",
        lambda data: gzip.compress(b"{}"),
        lambda data: data[:-8] + bytes(8),
    ],
)
def test_a_damaged_manifest_says_so(bucket: Bucket, damage: object) -> None:
    made = Manifest(bucket).with_cases(cohort(1))
    path = layout.manifest(made.sha)
    bucket.write(path, damage(bucket.read(path)))
    with pytest.raises(CorruptBlock, match=made.sha):
        Manifest(bucket, made.sha)


def test_marks_come_back_and_cost_nothing_where_there_are_none() -> None:
    plain, marked = CaseRecord({"patient": "P"}), CaseRecord({"patient": "P"}, marks={"fold": 3})
    assert set(plain.to_json()) == {"info", "blocks"}
    assert CaseRecord.from_json(plain.to_json()) == plain
    assert CaseRecord.from_json(marked.to_json()) == marked
