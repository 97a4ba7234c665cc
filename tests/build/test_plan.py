"""What is done, to do, known to fail: seen from outside, without decoding a file."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from radstore.build.digests import DigestCache
from radstore.build.job import Job
from radstore.build.plan import Plan, make_plan
from radstore.catalog.model import Case
from radstore.errors import CaseError
from radstore.store import log
from radstore.store.bucket import open_bucket
from radstore.store.manifest import Manifest


def plan(site: Any, *changes: Any, cases: list[Case] | None = None, **keywords: Any) -> Plan:
    manifest = Manifest(site.bucket, log.head(site.bucket).manifest)
    cache = DigestCache(site.bucket)
    return make_plan(site.job(*changes), cases or site.catalog.cases(), manifest, cache, **keywords)


def ids(cases: Any) -> list[str]:
    return [case.id for case in cases]


def test_of_an_empty_store_all_is_to_do(offline: Any) -> None:
    offline.add("a", "b")
    made = make_plan(
        offline.job(), offline.catalog.cases(), Manifest(offline.bucket), DigestCache(offline.bucket)
    )
    assert (ids(made.todo), made.done, made.failed, made.total) == (["a", "b"], (), {}, 2)
    assert not (offline.root / "store").exists()


def test_no_file_is_decoded(built: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("radstore.images.read._pixels", forbidden)
    assert ids(plan(built).done) == ["a", "b"]
    assert ids(plan(built, {"setting": {"binWidth": 3}}).todo) == ["a", "b"]


def test_what_is_done_needs_its_digests(built: Any) -> None:
    cases = built.catalog.cases()
    empty = DigestCache(built.bucket, ignore=True)
    manifest = Manifest(built.bucket, log.head(built.bucket).manifest)
    assert ids(make_plan(built.job(), cases, manifest, empty).todo) == ["a", "b"]


@pytest.mark.parametrize(
    "change",
    [
        {"setting": {"binWidth": 3}},
        {"maps": False},
        {"precision": "bitround12"},
        {"setting": {"geometryTolerance": 0.5}},  # the mask must be read to know
    ],
    ids=str,
)
def test_what_makes_a_case_worth_a_look(built: Any, change: dict[str, Any]) -> None:
    assert ids(plan(built, change).todo) == ["a", "b"]


def test_a_problem_of_the_catalog_undoes_a_case(built: Any) -> None:
    one, other = built.catalog.cases()
    one = dataclasses.replace(one, problem=CaseError("twice", "once"))
    assert [ids(plan(built, cases=[one, other]).todo), ids(plan(built, cases=[one, other]).done)] == [
        ["a"],
        ["b"],
    ]


def test_an_id_that_comes_twice_counts_once(built: Any) -> None:
    one, other = built.catalog.cases()
    made = plan(built, cases=[one, other, dataclasses.replace(one, problem=CaseError("twice", ""))])
    assert (ids(made.todo), ids(made.done), made.total) == (["a"], ["b"], 2)


def test_failures_are_told_again_or_tried_again(site: Any) -> None:
    site.add("a", "bad")
    site.image_path("bad").write_bytes(b"")
    site.settle(site.image_path("bad"))
    site.build()
    made = plan(site)
    assert (ids(made.done), made.todo, list(made.failed)) == (["a"], (), ["bad"])
    assert made.failed["bad"]["step"] == "read"
    retried = plan(site, retry_failed=True)
    assert (ids(retried.done), ids(retried.todo), retried.failed) == (["a"], ["bad"], {})
    assert set(retried.base) == {"a", "bad"}


def test_only_cases_that_are_asked_for_are_in_it(built: Any) -> None:
    built.add("c")
    made = plan(built, cases=built.catalog.cases(ids=["b", "c"]))
    assert (ids(made.done), ids(made.todo), made.total, list(made.base)) == (["b"], ["c"], 2, ["b"])


def test_views_are_planned_apart(built: Any) -> None:
    job = Job(built.spec(name="other"), "organ", "pyradiomics", built.bucket.location)
    manifest = Manifest(open_bucket(job.store), log.head(built.bucket).manifest)
    made = make_plan(job, built.catalog.cases(), manifest, DigestCache(built.bucket))
    assert ids(made.todo) == ["a", "b"]
