"""The Dask cluster of a build: one that exists, or processes here that live as long as the build."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from radstore.build.crew import Crew
from radstore.build.nannies import HOST, specification
from radstore.errors import BadInput

if TYPE_CHECKING:
    from distributed import Client, SpecCluster

ANSWER = 10.0  # seconds in which a scheduler must answer, and a worker be back at the end


@contextlib.contextmanager
def client_for(scheduler: str | None, crew: Crew) -> Iterator[Client]:
    """A Dask client: of an existing scheduler, or of an embedded cluster with the processes of `crew`.

    Raises
    ------
    BadInput
        If the scheduler does not answer.
    """
    with _connected(scheduler) if scheduler else _embedded(crew) as client:
        yield client


def _connected(scheduler: str) -> Client:
    try:
        return _client(scheduler, timeout=ANSWER)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"no Dask scheduler answers at {scheduler} ({error})",
            "Start one with `dask scheduler`, or leave out --scheduler for an embedded cluster.",
        ) from error


@contextlib.contextmanager
def _embedded(crew: Crew) -> Iterator[Client]:
    opened = contextlib.ExitStack()
    try:
        with _uninterrupted():
            cluster = opened.enter_context(_local_cluster(crew))
            client = opened.enter_context(_client(cluster))
        yield client
        # one that has died is being started again, and would complain of a cluster that closes meanwhile
        with contextlib.suppress(TimeoutError):
            client.wait_for_workers(crew.processes, timeout=ANSWER)
    finally:
        with _uninterrupted():
            opened.close()


def _client(scheduler: str | SpecCluster, **options: Any) -> Client:
    """A client that is closed if it cannot start.

    Dask leaves such a one to the garbage collector, which closes it in whatever thread it happens to run: one
    that holds the lock this takes, or that another waits for while it holds it, then stands still for good.
    """
    from distributed import Client

    class Started(Client):  # type: ignore[misc]  # untyped
        def start(self, **given: Any) -> None:
            try:
                super().start(**given)
            except BaseException:
                self.close()
                self._loop_runner.stop()  # `close` does not if the connection has failed
                raise

    return Started(scheduler, set_as_default=False, **options)


def _local_cluster(crew: Crew) -> SpecCluster:
    import dask
    from distributed import Scheduler, SpecCluster

    # Dask's own words help nobody: what matters of them becomes a record or an error of ours. A worker is
    # told by its environment, before it can have said anything.
    environ = "distributed.nanny.pre-spawn-environ"
    silent = {environ: {**dask.config.get(environ), "DASK_LOGGING__DISTRIBUTED": "critical"}}
    scheduler = {
        "host": HOST,
        "dashboard": False,
        "dashboard_address": f"{HOST}:0",  # a free port: several builds may run on one machine
        "allowed_failures": 0,  # `flight` does the retries
    }
    try:
        with dask.config.set(silent):
            return SpecCluster(
                scheduler={"cls": Scheduler, "options": scheduler},
                workers=specification(crew),
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
