"""How many processes of this machine shall work on a plan, and on which GPUs."""

from __future__ import annotations

from collections.abc import Sequence

from radstore.build import devices
from radstore.build.crew import Crew, with_gpus
from radstore.build.devices import Device
from radstore.build.job import Job
from radstore.build.needs import Needs, crew_that_fits, workers_that_fit
from radstore.build.plan import Plan
from radstore.engines.registry import ON_GPU, available
from radstore.errors import BadInput


def gpus_for(
    job: Job, asked: str | Sequence[int] | None, scheduler: str | None
) -> tuple[tuple[Device, ...], str]:
    """The devices of this machine that a job shall use and why; none for a CPU engine, or on a cluster.

    Raises
    ------
    BadInput
        If devices were asked for that are not there, or that nothing here would use.
    """
    if asked is not None and not job.on_gpu:
        others = {name: state for name, state in available().items() if name in ON_GPU}
        told = "; ".join(f"engine {name}: {state}" for name, state in others.items())
        raise BadInput(
            f"--gpus {asked} beside engine {job.engine}, which uses none",
            f"Leave it out, or choose an engine that does ({told or 'none is installed'}).",
        )
    if asked is not None and scheduler:
        raise BadInput(
            f"--gpus {asked} beside --scheduler, whose workers have GPUs of their own",
            "Leave it out; say where those workers start which GPU each may see.",
        )
    if not job.on_gpu or scheduler:
        return (), ""
    why = "all that CUDA shows" if asked in (None, devices.ALL) else "as asked"
    return devices.chosen(asked, devices.visible()), why


def hire(
    plan: Plan, needs: Needs | None, gpus: Sequence[Device], *, asked: int | None, scheduler: str | None
) -> Crew:
    """Who shall work on a plan.

    Parameters
    ----------
    needs
        None if there is nothing to compute.
    gpus
        Devices to use.
    asked
        How many processes the user wants; with GPUs these are the readers. None: as many as make sense.
    scheduler
        Given: its workers do it, nobody is hired.

    Raises
    ------
    BadInput
        If they do not fit into memory.
    """
    if asked is not None and asked < 1:
        raise BadInput(f"{asked} workers cannot compute anything", "Give a whole number from 1 on.")
    if needs is None or scheduler:
        return Crew()
    given = asked is not None
    if gpus:
        wanted = with_gpus(gpus, len(plan.todo), cores(), asked)
        return crew_that_fits(needs, wanted, given=given)
    return Crew(workers=workers_that_fit(needs, min(asked or cores(), len(plan.todo)), given=given))


def jobs_that_fit(needs: Needs | None, jobs: int | None) -> int | None:
    """How many processes shall look at a sample of cases beside a build.

    Parameters
    ----------
    needs
        Of one case; None where nothing is to be computed, or it was built already: then memory sufficed.
    jobs
        As many as the user asked for; None: one a core, fewer where memory does not allow it.

    Raises
    ------
    BadInput
        If not one fits into memory, or fewer than the user asked for.
    """
    if needs is None:
        return jobs
    return workers_that_fit(needs, jobs or cores(), given=jobs is not None)


def cores() -> int:
    """How many cores this process may use (a container's share, if it has one)."""
    from dask.system import CPU_COUNT

    return int(CPU_COUNT)
