"""A plan worked through: when it is committed, what is reported, and what gc and others may do meanwhile."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from radstore.build import Progress, run
from radstore.build.digests import DigestCache
from radstore.build.outcome import Outcome
from radstore.build.work import work
from radstore.errors import ConflictError, StoreError
from radstore.store import layout, log
from radstore.store.log import Version

FEATURES = "features/tiny@organ"


class Listener(Progress):
    """Remembers what a build tells, and does something at a chosen moment."""

    def __init__(self, **hooks: Callable[[Any], None]) -> None:
        self.hooks = hooks
        self.finished_cases: list[tuple[int, int]] = []
        self.versions: list[int] = []

    def planned(self, plan: Any, crew: Any) -> None:
        self.hooks.get("planned", lambda _: None)(plan)

    def finished(self, outcome: Outcome, done: int, total: int) -> None:
        self.finished_cases.append((done, total))
        self.hooks.get("finished", lambda _: None)(outcome)

    def committed(self, version: Version) -> None:
        self.versions.append(version.number)
        self.hooks.get("committed", lambda _: None)(version)


def test_progress_is_told_as_it_happens(site: Any) -> None:
    site.add("a", "b", "c")
    listener = Listener()
    report = site.build(progress=listener)
    assert listener.finished_cases == [(1, 3), (2, 3), (3, 3)]
    assert listener.versions == [version.number for version in report.tally.versions] == [1]


@pytest.mark.parametrize(("every", "versions"), [(1, 6), (2, 3), (100, 1)])
def test_a_commit_every_few_cases(
    site: Any, monkeypatch: pytest.MonkeyPatch, every: int, versions: int
) -> None:
    monkeypatch.setattr(run, "COMMIT_CASES", every)
    site.add(*"abcdef")
    report = site.build()
    assert len(report.tally.versions) == versions
    assert sum(version.changed for version in report.tally.versions) == 6
    assert sorted(site.records()) == list("abcdef")


def test_a_commit_every_so_often(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "COMMIT_SECONDS", 0.0)
    site.add(*"abcd")
    assert len(site.build().tally.versions) == 4


def test_ctrl_c_keeps_what_is_finished(site: Any) -> None:
    site.add(*"abcdefghij")

    def stop(outcome: Outcome) -> None:
        if len(listener.finished_cases) == 4:
            raise KeyboardInterrupt

    listener = Listener(finished=stop)
    report = site.build(progress=listener)
    assert report.tally.interrupted
    assert len(site.records()) == 4
    assert (len(report.tally.versions), site.version) == (1, 1)
    again = site.build()
    assert (again.tally.cases, again.tally.interrupted, len(site.records())) == (6, False, 10)
    assert site.verify() == 10 * 3 + 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_during_a_commit_loses_nothing(site: Any, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """Whether it comes before the log entry is written, or after it but before we hear of it."""
    site.add(*"abc")
    commit, calls = log.commit, []

    def interrupted(*args: Any, **keywords: Any) -> Any:
        calls.append(args[1])
        if len(calls) > 1:
            return commit(*args, **keywords)
        if when == "after":
            commit(*args, **keywords)
        raise KeyboardInterrupt

    monkeypatch.setattr(log, "commit", interrupted)
    report = site.build()
    assert report.tally.interrupted
    assert (sorted(site.records()), site.version) == (["a", "b", "c"], 1)
    assert site.build().tally.versions == []


def test_a_store_that_fails_halfway_keeps_what_was_committed(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add(*"abcd")
    commit, calls = log.commit, []

    def failing(*args: Any, **keywords: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise StoreError("the disk is full", "make room")
        return commit(*args, **keywords)

    monkeypatch.setattr(run, "COMMIT_CASES", 1)
    monkeypatch.setattr(log, "commit", failing)
    with pytest.raises(StoreError, match="the disk is full"):
        site.build()
    assert len(site.records()) == 2  # the second commit was tried once more on the way out
    monkeypatch.undo()
    assert site.build().tally.cases == 2


def test_the_digest_cache_is_kept_whatever_happens(site: Any) -> None:
    site.add(*"ab")

    def stop(_: Any) -> None:
        raise RuntimeError("a bug in somebody's progress display")

    with pytest.raises(RuntimeError, match="a bug"):
        site.build(progress=Listener(finished=stop))
    cache = DigestCache(site.bucket)
    known = [cache.get(site.job().image_fingerprint(case)) for case in site.catalog.cases()]
    assert sum(digest is not None for digest in known) >= 1
    assert len(site.records()) == 0 or site.verify()


class TestGc:
    """gc may take a block that an earlier version had and nobody names now, just when we want it again."""

    @pytest.fixture
    def reverted(self, built: Any) -> Any:
        """The blocks of the usual spec are there, but no version of the latest manifest names them."""
        built.build(built.spec({"setting": {"binWidth": 35}}))
        return built

    def delete(self, site: Any, record: Any) -> None:
        shutil.rmtree(site.root / "store" / layout.object_folder(record.blocks[FEATURES].key))

    def test_what_vanished_is_made_again(self, reverted: Any) -> None:
        def collect(outcome: Outcome) -> None:
            if outcome.case == "a" and not outcome.computed:
                self.delete(reverted, outcome.record)

        listener = Listener(finished=collect)
        report = reverted.build(progress=listener)
        assert (report.failed, report.tally.cases) == ({}, 2)
        # only the vector of case a was gone: three of its columns depend on nothing that changed …
        assert (report.tally.computed, report.tally.copied) == (2, 2)
        assert listener.finished_cases == [(1, 2), (2, 2), (2, 2)]
        assert sum(version.changed for version in report.tally.versions) == 2
        assert reverted.verify() == 7
        assert reverted.build().tally.versions == []

    def test_what_vanishes_for_ever_is_reported(self, reverted: Any) -> None:
        def collect(outcome: Outcome) -> None:
            if outcome.case == "a":
                self.delete(reverted, outcome.record)

        before = reverted.records()["a"]
        report = reverted.build(progress=Listener(finished=collect))
        assert report.failed["a"]["step"] == "commit"
        assert "gc" in report.failed["a"]["message"]
        assert reverted.records()["a"] == before  # nothing in the log names what is not there
        assert reverted.verify() == 7
        assert reverted.build().failed == {}

    def test_gc_spares_what_a_build_just_made(self, site: Any) -> None:
        from radstore.store import gc

        site.add(*"abc")
        collected = []
        listener = Listener(finished=lambda _: collected.append(gc.gc(site.bucket, grace=0.0)))
        report = site.build(progress=listener)
        assert (report.tally.cases, [found.files for found in collected]) == (3, [0, 0, 0])
        assert site.verify() == 10


class TestTwoBuilders:
    def test_of_one_view_with_different_specs(self, built: Any) -> None:
        """The one who commits first stands; the other's cases are held back and reported."""
        built.add("c")
        ours, theirs = (built.spec({"setting": {"binWidth": width}}) for width in (30, 40))
        listener = Listener(planned=lambda _: built.build(theirs, cases=["a", "c"]))
        report = built.build(ours, progress=listener)
        assert sorted(report.tally.conflicts) == sorted(report.failed) == ["a", "c"]
        assert all(isinstance(error, ConflictError) for error in report.tally.conflicts.values())
        error = report.failed["a"]
        assert error["step"] == "commit"
        assert built.keys()["a", FEATURES] in error["message"]
        assert FEATURES in error["message"]
        assert error["remedy"]
        specs = {case: record.blocks[FEATURES].spec for case, record in built.records().items()}
        assert specs == {"a": theirs.hash, "b": ours.hash, "c": theirs.hash}
        assert built.verify() == 10
        # built again, knowing of the other's: the last one who asks gets it
        assert built.build(ours).failed == {}
        assert {r.blocks[FEATURES].spec for r in built.records().values()} == {ours.hash}

    def test_of_one_view_with_one_spec(self, site: Any) -> None:
        site.add("a", "b", "c")
        listener = Listener(planned=lambda _: site.build(cases=["a", "b"]))
        report = site.build(progress=listener)
        assert (report.failed, [version.changed for version in report.tally.versions]) == ({}, [1])
        assert (site.version, site.verify()) == (2, 10)

    def test_of_two_views(self, site: Any) -> None:
        site.add("a", "b")
        other = site.spec({"setting": {"binWidth": 40}}, name="other")
        report = site.build(progress=Listener(planned=lambda _: site.build(other)))
        assert report.failed == {}
        assert site.snapshot.views == {"other@organ": 2, "tiny@organ": 2}

    def test_a_failure_of_ours_does_not_hide_their_success(self, site: Any) -> None:
        site.add("a")
        whole = site.image_path("a").read_bytes()
        site.image_path("a").write_bytes(whole[:50])

        def mend(_: Any) -> None:
            site.image_path("a").write_bytes(whole)
            site.settle(site.image_path("a"))
            site.build()
            site.image_path("a").write_bytes(whole[:50])

        report = site.build(progress=Listener(planned=mend))
        assert sorted(report.failed) == ["a"]
        assert site.records()["a"].blocks[FEATURES].ok


def test_a_worker_never_raises(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("a")
    layout.create(site.bucket, {})
    (case,) = site.catalog.cases()
    problems: Mapping[str, Exception] = {
        "out of memory": MemoryError(),
        "ZeroDivisionError: division by zero": ZeroDivisionError("division by zero"),
        "the disk is full": StoreError("the disk is full", "make room"),
    }
    for said, problem in problems.items():
        monkeypatch.setattr("radstore.build.work.prepare_case", _raising(problem))
        outcome = work(site.job(), case, None)
        assert outcome.error is not None
        assert said in outcome.error["message"]
        assert outcome.error["step"] == "read"
        assert outcome.error["remedy"]
        assert not outcome.record.blocks[FEATURES].ok


def _raising(problem: Exception) -> Callable[..., Any]:
    def do(*_: Any) -> Any:
        raise problem

    return do


def test_nothing_to_do_needs_no_cluster(built: Any) -> None:
    began = time.monotonic()
    assert built.build(scheduler=None).tally.versions == []
    assert time.monotonic() - began < 2.0
