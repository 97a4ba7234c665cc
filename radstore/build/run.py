"""Running a plan on Dask: a window of cases in flight, a commit now and then, nothing lost on the way."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from radstore.build.digests import DigestCache
from radstore.build.plan import Plan
from radstore.build.work import Outcome, case_info, failed, work
from radstore.catalog import Case
from radstore.errors import BadInput, ConflictError
from radstore.store import log
from radstore.store.bucket import Bucket
from radstore.store.log import Change, Version
from radstore.store.manifest import CaseRecord

if TYPE_CHECKING:
    from distributed import Client, Future

COMMIT_CASES = 64  # a killed build loses at most this many finished cases …
COMMIT_SECONDS = 60.0  # … or what was finished in this time
WINDOW = 3  # cases in flight for each worker: enough to keep it busy, few enough to cancel
DEATHS = 2  # how many workers a case may take with it before it is given up


class Progress:
    """What a build tells while it runs. The default says nothing; the CLI draws."""

    def planned(self, plan: Plan, workers: int) -> None:
        """The plan is made and the workers are there."""

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


@contextlib.contextmanager
def client_for(scheduler: str | None, workers: int) -> Iterator[Client]:
    """A Dask client: of an existing scheduler, or of an embedded cluster of `workers` processes.

    Raises
    ------
    BadInput
        If the scheduler does not answer.
    """
    import dask

    settings = {
        "distributed.scheduler.allowed-failures": DEATHS,
        "distributed.logging.distributed": "error",  # read when distributed is imported, here and in workers
    }
    with dask.config.set(settings):
        from distributed import Client, LocalCluster

        if scheduler:
            try:
                client = Client(scheduler, timeout="10s", set_as_default=False)
            except (OSError, ValueError) as error:
                raise BadInput(
                    f"no Dask scheduler answers at {scheduler} ({error})",
                    "start one with `dask scheduler`, or leave out --scheduler for an embedded cluster",
                ) from error
            with client:
                yield client
            return
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client


def run_plan(
    plan: Plan,
    bucket: Bucket,
    cache: DigestCache,
    client: Client | None,
    *,
    message: str = "",
    progress: Progress | None = None,
) -> Tally:
    """Work through a plan and commit as it goes; Ctrl-C keeps what is finished.

    Parameters
    ----------
    client
        May be None if there is nothing to compute (only table columns to write).
    """
    run = _Run(plan, bucket, cache, message, progress or Progress())
    run.take_relabelled()
    try:
        if client is not None:
            run.drain(client, list(plan.todo))
            run.commit()
            if run.vanished:  # gc took blocks from under us; once more, they will be made anew
                run.drain(client, run.take_vanished())
        run.commit()
    except KeyboardInterrupt:
        run.tally.interrupted = True
        run.commit()
    finally:
        cache.save()
    return run.tally


class _Run:
    """The state of one run: what is finished and not committed yet, and the tally."""

    def __init__(
        self, plan: Plan, bucket: Bucket, cache: DigestCache, message: str, progress: Progress
    ) -> None:
        self.plan, self.bucket, self.cache = plan, bucket, cache
        self.message, self.progress = message, progress
        self.tally = Tally()
        self.vanished: set[str] = set()
        self._base: dict[str, CaseRecord] = dict(plan.base)
        self._uncommitted: dict[str, Change] = {}
        self._committed_at = time.monotonic()
        self._finished = 0

    def take_relabelled(self) -> None:
        for case in self.plan.relabelled:
            record = self._base[case.id]
            self._change(case.id, CaseRecord(case_info(case), record.blocks))

    def take_vanished(self) -> list[Case]:
        again = [case for case in self.plan.todo if case.id in self.vanished]
        self.vanished = set()
        return again

    def drain(self, client: Client, cases: list[Case]) -> None:
        """Keep a window of cases in flight until all are finished."""
        from distributed import wait

        queue = iter(cases)
        flying: dict[Future, Case] = {}
        self._submit(client, flying, queue, WINDOW * max(1, len(client.nthreads())))
        try:
            while flying:
                # the time-out lets a due commit happen (and Ctrl-C through) while a long case runs
                with contextlib.suppress(TimeoutError), client.as_current():
                    wait(list(flying), timeout=1.0, return_when="FIRST_COMPLETED")
                finished = [future for future in flying if future.done()]
                for future in finished:
                    self._take(future, flying.pop(future))
                self._submit(client, flying, queue, len(finished))
                if self._commit_is_due():
                    self.commit()
        finally:
            client.cancel(list(flying), force=True)

    def commit(self) -> None:
        """Put what is finished into the log."""
        self._committed_at = time.monotonic()
        if not self._uncommitted:
            return
        changes, self._uncommitted = self._uncommitted, {}
        job = self.plan.job
        build = {
            "view": job.view,
            "region": job.region,
            "engine": job.engine,
            "spec": job.spec.document,
            "spec_hash": job.spec.hash,
        }
        done = log.commit(self.bucket, changes, message=self.message, build=build)
        self.vanished |= set(done.vanished)
        self.tally.conflicts |= done.conflicts
        for case, change in changes.items():
            if change.ours is not None and case not in done.conflicts and case not in done.vanished:
                self._base[case] = change.ours
        if done.written:
            self.tally.versions.append(done.version)
            self.progress.committed(done.version)

    def _submit(self, client: Client, flying: dict[Future, Case], queue: Iterator[Case], count: int) -> None:
        for case in itertools.islice(queue, count):
            known = self._base.get(case.id)
            # key: shown on a Dask dashboard; unique, since the same case may be worked on twice
            key = f"case-{case.id}-{os.urandom(4).hex()}"
            flying[client.submit(work, self.plan.job, case, known, key=key, pure=False)] = case

    def _take(self, future: Future, case: Case) -> None:
        outcome = self._outcome(future, case)
        future.release()
        self._finished += 1
        self.cache.learn(outcome.digests)
        self.tally.computed += outcome.computed
        self.tally.copied += outcome.copied
        if outcome.error:
            self.tally.failed[case.id] = dict(outcome.error)
        else:
            self.tally.cases += 1
        self._change(case.id, outcome.record)
        self.progress.finished(outcome, self._finished, len(self.plan.todo))

    def _outcome(self, future: Future, case: Case) -> Outcome:
        error: Any = future.exception() if future.status != "finished" else None
        if error is None:
            return future.result()
        # tasks never raise: it is the worker that died, or the cluster that went away
        return failed(
            self.plan.job,
            case,
            self._base.get(case.id),
            {
                "step": "worker",
                "message": f"case {case.id}: its worker process died ({type(error).__name__})",
                "remedy": "most often memory: build with fewer --workers, then with --retry-failed",
            },
        )

    def _change(self, case: str, record: CaseRecord) -> None:
        base = self._base.get(case)
        if record != base:
            self._uncommitted[case] = Change(base, record)

    def _commit_is_due(self) -> bool:
        waited = time.monotonic() - self._committed_at
        return len(self._uncommitted) >= COMMIT_CASES or waited >= COMMIT_SECONDS
