"""Before a build starts: are there workers who can run its tasks? Dask would let them wait for ever."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from radstore.build.crew import GPU, IO
from radstore.build.devices import label
from radstore.build.job import Job, engine
from radstore.errors import BadInput, RadstoreError

if TYPE_CHECKING:
    from distributed import Client

_ADD = (
    "Add `dask cuda worker ADDRESS --nthreads 2 --resources GPU=1` on machines with GPUs and, to decode for "
    "them, `dask worker ADDRESS --nworkers 12 --nthreads 1 --resources IO=1`; or build with --engine cpu."
)


def muster(client: Client, job: Job) -> None:
    """Make sure that workers can run a job, where it takes special ones.

    A cluster without a single worker passes: they may still be waiting in a queue.

    Raises
    ------
    BadInput
        If none declares a resource that the tasks need, or the engine does not work on one with a GPU.
    """
    missing = short_of(client, job)
    if missing:
        raise BadInput(
            f"no worker of {client.scheduler.address} declares the resource {' or '.join(missing)}, "
            f"which engine {job.engine} needs",
            _ADD,
        )
    if job.on_gpu:
        _require_devices(client, job)


def short_of(client: Client, job: Job) -> list[str]:
    """The resources that a job needs and none of the workers there has."""
    if not job.on_gpu:
        return []
    offers = offered(client)
    return [name for name in (GPU, IO) if not offers[name]] if _workers(client) else []


def offered(client: Client) -> Counter[str]:
    """Resource → how much of it all workers together declare."""
    total: Counter[str] = Counter()
    for worker in _workers(client).values():
        total.update({name: int(amount) for name, amount in worker["resources"].items()})
    return total


def probe(name: str) -> str:
    """In a worker: where the engine computes.

    Raises
    ------
    EngineError
        If it does not work there.
    """
    return label(engine(name))


def _require_devices(client: Client, job: Job) -> None:
    """Have every worker with a GPU open its device."""
    workers = {at: worker for at, worker in _workers(client).items() if worker["resources"].get(GPU)}
    if not workers:
        return
    answers = client.run(probe, job.engine, workers=list(workers), on_error="return")
    for at, answer in answers.items():
        if isinstance(answer, Exception):
            told = (
                answer.message if isinstance(answer, RadstoreError) else f"{type(answer).__name__}: {answer}"
            )
            raise BadInput(
                f"worker {workers[at]['name']} ({at}) cannot compute: {told}",
                "Is another program using its GPU? Choose others with --gpus, or end that worker.",
            ) from answer


def _workers(client: Client) -> dict[str, dict]:
    """Address → what the scheduler knows of the worker there."""
    return dict(client.scheduler_info(n_workers=-1)["workers"])
