"""Cases on Dask: a window of them in flight, and a worker that dies takes only its own case with it."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING

from radstore.build.crew import AHEAD, GPU, IO
from radstore.build.job import Job
from radstore.build.muster import offered, short_of
from radstore.build.outcome import Outcome
from radstore.build.work import compute, failed, read, work, write
from radstore.catalog import Case
from radstore.errors import RadstoreError
from radstore.store.manifest import CaseRecord

if TYPE_CHECKING:
    from distributed import Client, Future

WINDOW = 3  # cases in flight for each thread of a worker: enough to keep it busy, few enough to cancel
TRIES = 3  # how many workers a case may take with it before it is given up
TICK = 1.0  # seconds after which the caller gets a word though no case is finished
PATIENCE = 60.0  # seconds in which workers that a build cannot do without must come back


def outcomes(
    client: Client, job: Job, cases: Iterable[Case], known: Mapping[str, CaseRecord]
) -> Generator[Outcome | None]:
    """What became of each case, in the order they finish; None now and then while none does.

    Dask blames a worker's death on every case that the worker had been given. Here each of those is tried
    again alone, so that only the one at fault fails.

    Parameters
    ----------
    known
        Case id → what the manifest says of it; looked up when the case is submitted.

    Raises
    ------
    RadstoreError
        If the scheduler went away, its cluster cannot run radstore, or has no worker left that can.
    """
    suspects = []
    for landed in _flight(client, job, cases, known):
        if landed is None:
            yield None
        elif landed.outcome is None:
            suspects.append(landed.case)
        else:
            yield landed.outcome
    for case in suspects:
        yield from _alone(client, job, case, known)


def _alone(client: Client, job: Job, case: Case, known: Mapping[str, CaseRecord]) -> Iterator[Outcome | None]:
    for _ in range(TRIES - 1):  # the first try was among the others
        for landed in _flight(client, job, [case], known):
            if landed is None:
                yield None
            elif landed.outcome is not None:
                yield landed.outcome
                return
    gpu = ", or its GPU's driver" if job.on_gpu else ""
    error = {
        "step": "worker",
        "message": f"case {case.id}: every worker process that got it died ({TRIES} tries)",
        "remedy": f"Most often memory{gpu}: build with fewer --workers and --retry-failed.",
    }
    yield failed(job, case, known.get(case.id), error)


@dataclass(frozen=True)
class _Landed:
    """A case that is back; without an outcome if its worker died."""

    case: Case
    outcome: Outcome | None


def _flight(
    client: Client, job: Job, cases: Iterable[Case], known: Mapping[str, CaseRecord]
) -> Iterator[_Landed | None]:
    """Keep a window of cases in flight until all are back; None each `TICK` in which none came."""
    queue = iter(cases)
    flying: dict[Future, Case] = {}
    manned = time.monotonic()
    try:
        while True:
            with _scheduler_errors(client):
                room = _window(client, job) - len(flying)
                for case in itertools.islice(queue, max(0, room)):
                    flying[_submit(client, job, case, known.get(case.id))] = case
                manned = manned if short_of(client, job) else time.monotonic()
            if not flying:
                return
            if time.monotonic() - manned > PATIENCE:
                raise _deserted(client, job)
            finished = _finished(client, list(flying))
            for future in finished:
                yield _Landed(flying.pop(future), _outcome(client, future))
            if not finished:
                yield None
    finally:
        if flying and client.status == "running":
            client.cancel(list(flying), force=True)


def _window(client: Client, job: Job) -> int:
    """How many cases may be in flight."""
    threads = sum(client.nthreads().values())
    if not job.on_gpu:
        return WINDOW * max(1, threads)
    offers = offered(client)
    return AHEAD * max(1, int(offers[GPU] + offers[IO]))


def _submit(client: Client, job: Job, case: Case, known: CaseRecord | None) -> Future:
    """Put a case on its way; the future of its outcome.

    For a GPU in three tasks, of which the last may run anywhere; later ones go first, so that what is decoded
    does not pile up. The arrays go from worker to worker and never come here.
    """
    name = f"{case.id}-{os.urandom(4).hex()}"  # shown on a dashboard; unique, since a case may come twice
    if not job.on_gpu:
        return client.submit(work, job, case, known, key=f"case-{name}", pure=False)
    step = client.submit(read, job, case, known, key=f"read-{name}", resources={IO: 1}, pure=False)
    step = client.submit(compute, step, key=f"compute-{name}", resources={GPU: 1}, priority=1, pure=False)
    return client.submit(write, step, key=f"case-{name}", priority=2, pure=False)


def _deserted(client: Client, job: Job) -> RadstoreError:
    missing = " or ".join(short_of(client, job))
    return RadstoreError(
        f"for {PATIENCE:.0f} s the cluster of {client.scheduler.address} has had no worker with {missing}",
        "What was finished is committed: bring its workers back and build again, it goes on from there.",
    )


def _finished(client: Client, flying: list[Future]) -> list[Future]:
    from distributed import wait

    with _scheduler_errors(client), contextlib.suppress(TimeoutError), client.as_current():
        wait(flying, timeout=TICK, return_when="FIRST_COMPLETED")
    return [future for future in flying if future.done()]


def _outcome(client: Client, future: Future) -> Outcome | None:
    """The outcome behind a future; None if the worker died."""
    from distributed import KilledWorker

    try:
        with _scheduler_errors(client):
            return future.result()
    except KilledWorker:
        return None
    except RadstoreError:
        raise
    except Exception as error:  # tasks never raise: this one could not even begin
        cause = error.__cause__ or error
        raise RadstoreError(
            f"the cluster of {client.scheduler.address} cannot run radstore: {type(cause).__name__}: {cause}",
            "Install the same versions of radstore and of what it needs where scheduler and workers run.",
        ) from error


@contextlib.contextmanager
def _scheduler_errors(client: Client) -> Iterator[None]:
    from distributed.client import ClosedClientError

    try:
        yield
    except TimeoutError:
        raise
    except (CancelledError, ClosedClientError, OSError) as error:
        raise RadstoreError(
            f"the Dask scheduler went away ({type(error).__name__})",
            "What was finished is committed: start the scheduler and build again, it goes on from there.",
        ) from error
