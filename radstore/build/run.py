"""Running a plan: cases go to Dask and come back, a commit now and then, nothing lost on the way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from radstore.build.crew import Crew
from radstore.build.digests import DigestCache
from radstore.build.flight import outcomes
from radstore.build.outcome import Outcome, case_info
from radstore.build.plan import Plan
from radstore.catalog import Case
from radstore.errors import ConflictError
from radstore.store import log
from radstore.store.bucket import Bucket
from radstore.store.log import Change, Version
from radstore.store.manifest import CaseRecord

if TYPE_CHECKING:
    from distributed import Client

    from radstore.build.api import Prepared
    from radstore.quality.examine import Examination

COMMIT_CASES = 64  # a killed build loses at most this many finished cases …
COMMIT_SECONDS = 60.0  # … or what was finished in this time
ROUNDS = 3  # how often a case is made again whose blocks gc took before they were committed


class Progress:
    """What a build tells while it runs. The default says nothing; the CLI draws."""

    def prepared(self, prepared: Prepared) -> None:
        """Everything is read and checked; nothing has changed yet."""

    def planned(self, plan: Plan, crew: Crew) -> None:
        """The plan is made; these will work on it (an empty crew: the workers of the given scheduler)."""

    def examined(self, found: Examination) -> None:
        """The features were looked at on a few cases, before a large build."""

    def finished(self, outcome: Outcome, done: int, total: int) -> None:
        """One case is finished, well or not."""

    def committed(self, version: Version) -> None:
        """A version is in the log."""


@dataclass
class Tally:
    """What a run did.

    Parameters
    ----------
    computed, copied
        Feature columns computed, and taken over from earlier blocks.
    cases
        How many cases were finished without an error.
    failed
        Case id → error (``step``, ``message``, ``remedy``).
    conflicts
        Case id → another builder's result that stands instead.
    versions
        The versions that were committed.
    interrupted
        Whether it was stopped by Ctrl-C.
    """

    computed: int = 0
    copied: int = 0
    cases: int = 0
    failed: dict[str, dict[str, str]] = field(default_factory=dict)
    conflicts: dict[str, ConflictError] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    interrupted: bool = False


def run_plan(
    plan: Plan,
    bucket: Bucket,
    cache: DigestCache,
    client: Client | None,
    *,
    message: str = "",
    progress: Progress | None = None,
) -> Tally:
    """Work through a plan and commit as it goes; whatever stops it, what is finished is committed.

    Parameters
    ----------
    client
        May be None if there is nothing to compute (only table columns to write).

    Raises
    ------
    RadstoreError
        If the store cannot be written any more, or the Dask scheduler went away.
    """
    run = _Run(plan, bucket, message, progress or Progress(), cache)
    run.take_relabelled()
    try:
        run.drain(client, plan.todo)
        for _ in range(ROUNDS - 1):
            run.drain(client, run.take_vanished())
        run.give_up_vanished()
    except KeyboardInterrupt:
        run.tally.interrupted = True
        run.commit()  # if it came in the middle of one
    return run.tally


class _Run:
    """The state of one run: what is finished and not committed yet, and the tally."""

    def __init__(
        self, plan: Plan, bucket: Bucket, message: str, progress: Progress, cache: DigestCache
    ) -> None:
        self.plan, self.bucket, self.message = plan, bucket, message
        self.progress, self.cache = progress, cache
        self.tally = Tally()
        self._base: dict[str, CaseRecord] = dict(plan.base)
        self._uncommitted: dict[str, Change] = {}
        self._vanished: set[str] = set()
        self._finished: set[str] = set()
        self._committed_at = time.monotonic()

    def take_relabelled(self) -> None:
        """Cases of which only the table's columns changed."""
        for case in self.plan.relabelled:
            record = self._base[case.id]
            self._change(case.id, CaseRecord(case_info(case), record.blocks, record.marks))

    def take_vanished(self) -> list[Case]:
        """Cases to be made anew: gc took blocks from under us."""
        again = [case for case in self.plan.todo if case.id in self._vanished]
        self._vanished = set()
        return again

    def give_up_vanished(self) -> None:
        """Say so if gc took blocks again and again."""
        for case in sorted(self._vanished):
            self.tally.failed[case] = {
                "step": "commit",
                "message": f"case {case}: gc deleted its blocks before they were committed ({ROUNDS} times)",
                "remedy": "Build again when gc has ended; check that the clocks of both machines agree.",
            }

    def drain(self, client: Client | None, cases: Sequence[Case]) -> None:
        """Work on cases until all are finished and committed."""
        try:
            if client is not None and cases:
                with contextlib.closing(outcomes(client, self.plan.job, cases, self._base)) as finished:
                    for outcome in finished:
                        if outcome is not None:
                            self._take(outcome)
                        if self._commit_is_due():
                            self.commit()
        finally:
            self.commit()

    def commit(self) -> None:
        """Put what is finished into the log, and what was learnt of files beside it."""
        self._committed_at = time.monotonic()
        self.cache.save()
        if not self._uncommitted:
            return
        changes = dict(self._uncommitted)
        done = log.commit(self.bucket, changes, message=self.message, build=self._build())
        self._uncommitted.clear()  # not before: Ctrl-C may have come in between, and then it is done again
        self._vanished |= set(done.vanished)
        self.tally.conflicts |= done.conflicts
        for case, change in changes.items():
            if change.ours is not None and case not in done.conflicts and case not in done.vanished:
                self._base[case] = change.ours
        if done.written:
            self.tally.versions.append(done.version)
            self.progress.committed(done.version)

    def _build(self) -> dict[str, object]:
        """What the log says of this build."""
        job = self.plan.job
        return {
            "view": job.view,
            "region": job.region,
            "engine": job.engine,
            "spec": job.spec.document,
            "spec_hash": job.spec.hash,
        }

    def _take(self, outcome: Outcome) -> None:
        self.cache.learn(outcome.digests)
        self.tally.computed += outcome.computed
        self.tally.copied += outcome.copied
        if outcome.error:
            self.tally.failed[outcome.case] = dict(outcome.error)
        elif outcome.case not in self._finished:
            self.tally.cases += 1
        self._finished.add(outcome.case)
        self._change(outcome.case, outcome.record)
        self.progress.finished(outcome, len(self._finished), len(self.plan.todo))

    def _change(self, case: str, record: CaseRecord) -> None:
        base = self._base.get(case)
        if record != base:
            self._uncommitted[case] = Change(base, record)

    def _commit_is_due(self) -> bool:
        waited = time.monotonic() - self._committed_at
        return len(self._uncommitted) >= COMMIT_CASES or waited >= COMMIT_SECONDS
