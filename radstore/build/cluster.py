"""Cases on Dask: a window of them in flight, and a worker that dies takes only its own case with it."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

from radstore.build.job import Job
from radstore.build.work import Outcome, failed, work
from radstore.catalog import Case
from radstore.errors import BadInput, RadstoreError
from radstore.store.manifest import CaseRecord

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

WINDOW = 3  # cases in flight for each thread of a worker: enough to keep it busy, few enough to cancel
TRIES = 3  # how many workers a case may take with it before it is given up
ANSWER = 10.0  # seconds in which a scheduler must answer
TICK = 1.0  # seconds after which the caller gets a word though no case is finished

# Tasks hold no data that could be spilled, and a worker that pauses until it gets memory back may never do.
# One that outgrows its share is still restarted, and its case tried again.
_MEMORY = {f"distributed.worker.memory.{step}": False for step in ("target", "spill", "pause")}


@contextlib.contextmanager
def client_for(scheduler: str | None, workers: int) -> Iterator[Client]:
    """A Dask client: of an existing scheduler, or of an embedded cluster of `workers` processes.

    Raises
    ------
    BadInput
        If the scheduler does not answer.
    """
    with _connected(scheduler) if scheduler else _embedded(workers) as client:
        yield client


def _connected(scheduler: str) -> Client:
    from distributed import Client

    try:
        return Client(scheduler, timeout=ANSWER, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"no Dask scheduler answers at {scheduler} ({error})",
            "Start one with `dask scheduler`, or leave out --scheduler for an embedded cluster.",
        ) from error


@contextlib.contextmanager
def _embedded(workers: int) -> Iterator[Client]:
    from distributed import Client

    opened = contextlib.ExitStack()
    try:
        with _uninterrupted():
            cluster = opened.enter_context(_local_cluster(workers))
            client = opened.enter_context(Client(cluster, set_as_default=False))
        yield client
    finally:
        with _uninterrupted():
            opened.close()


def _local_cluster(workers: int) -> LocalCluster:
    import dask
    from distributed import LocalCluster

    # Dask's own words help nobody: what matters of them becomes a record or an error of ours. A worker is
    # told by its environment, before it can have said anything.
    environ = "distributed.nanny.pre-spawn-environ"
    silent = {environ: {**dask.config.get(environ), "DASK_LOGGING__DISTRIBUTED": "critical"}}
    try:
        with dask.config.set(silent):
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",  # a free port: several builds may run on one machine
                scheduler_kwargs={"dashboard": False, "allowed_failures": 0},  # `outcomes` does the retries
                config=_MEMORY,
                silence_logs=logging.CRITICAL,
            )
    except RuntimeError as error:
        raise BadInput(
            f"the worker processes do not start ({error})",
            'They run a script again that calls this without `if __name__ == "__main__":`; add it there.',
        ) from error


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the block is done; processes that are started in it never see one."""
    came: list[int] = []
    ours = threading.current_thread() is threading.main_thread()  # only there Python handles signals
    usual = signal.signal(signal.SIGINT, lambda number, _: came.append(number)) if ours else None
    # threads and processes inherit what is blocked; starting the resource tracker would unblock it
    resource_tracker.ensure_running()
    blocks = hasattr(signal, "pthread_sigmask")  # not on Windows
    if blocks:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if blocks:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        if ours:
            signal.signal(signal.SIGINT, usual)
        if came:
            signal.raise_signal(signal.SIGINT)


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
        If the scheduler went away, or its cluster cannot run radstore.
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
    error = {
        "step": "worker",
        "message": f"case {case.id}: every worker process that got it died ({TRIES} tries)",
        "remedy": "Most often memory: build with fewer --workers and --retry-failed.",
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
    try:
        while True:
            with _scheduler_errors(client):
                room = WINDOW * max(1, sum(client.nthreads().values())) - len(flying)
                for case in itertools.islice(queue, max(0, room)):
                    # key: shown on a Dask dashboard; unique, since a case may be worked on twice
                    key = f"case-{case.id}-{os.urandom(4).hex()}"
                    flying[client.submit(work, job, case, known.get(case.id), key=key, pure=False)] = case
            if not flying:
                return
            finished = _finished(client, list(flying))
            for future in finished:
                yield _Landed(flying.pop(future), _outcome(client, future))
            if not finished:
                yield None
    finally:
        if flying and client.status == "running":
            client.cancel(list(flying), force=True)


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
