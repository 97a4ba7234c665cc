"""What a build will take: memory for each worker, bytes on disk. Refused at once if it cannot fit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from radstore.build.crew import Crew
from radstore.build.plan import Plan
from radstore.catalog import Case
from radstore.errors import BadInput, CaseError
from radstore.images.read import read_header
from radstore.images.volume import Geometry
from radstore.store.table import MAPS

HEADERS = 200  # headers looked at, evenly spread over the cases to do
REGION_SHARE = 0.02  # of the image's volume: the box of a pancreas in an abdominal CT, generously
COMPRESSED = 0.5  # of the raw bytes: CTs and maps under blosc(zstd 3, shuffle), roughly
READING = 3  # images a reader holds at once: the image, its labels, and what is being written
MEMORY_SHARE = 0.8  # of what is free may be used


@dataclass(frozen=True)
class Needs:
    """Estimates from headers, for the cases still to do.

    Parameters
    ----------
    case_bytes
        Memory that the largest case takes.
    disk_bytes
        What the store will grow by.
    free_bytes
        Memory that is free now.
    looked_at
        How many headers the estimate rests on.
    image_bytes
        Memory of the largest image with its mask.
    """

    case_bytes: int
    disk_bytes: int
    free_bytes: int
    looked_at: int
    image_bytes: int = 0

    def memory(self, crew: Crew) -> int:
        """What all processes of a crew may take at once."""
        computing = (crew.workers + len(crew.devices)) * self.case_bytes
        return computing + (READING * crew.readers + crew.held) * self.image_bytes


def estimate(plan: Plan) -> Needs:
    """Look at headers and estimate; cases whose header cannot be read are left to fail on their own."""
    step = max(1, len(plan.todo) // HEADERS)
    sizes = [size for case in plan.todo[::step] if (size := _sizes(plan, case)) is not None]
    disk = sum(size.disk for size in sizes) * len(plan.todo) // max(1, len(sizes))
    return Needs(
        case_bytes=max((size.memory for size in sizes), default=0),
        disk_bytes=disk,
        free_bytes=free_memory(),
        looked_at=len(sizes),
        image_bytes=max((size.image for size in sizes), default=0),
    )


def workers_that_fit(needs: Needs, wanted: int, *, given: bool) -> int:
    """How many workers fit into memory, up to `wanted`.

    Raises
    ------
    BadInput
        If not one fits, or fewer than the user asked for (`given`).
    """
    allowed = int(needs.free_bytes * MEMORY_SHARE)
    fit = allowed // needs.case_bytes if needs.case_bytes else wanted
    if fit < 1 or (given and fit < wanted):
        many = f"{wanted} workers need" if given else "one case needs"
        needed = needs.case_bytes * (wanted if given else 1)
        raise BadInput(
            f"not enough memory: {many} about {gigabytes(needed)}, {gigabytes(allowed)} may be used "
            f"({MEMORY_SHARE:.0%} of what is free)",
            f"Use --workers {fit}." if fit else "Use a machine with more memory.",
        )
    return min(wanted, fit)


def crew_that_fits(needs: Needs, crew: Crew, *, given: bool) -> Crew:
    """A crew with GPUs with as many of its readers as fit into memory.

    Raises
    ------
    BadInput
        If not one fits, or fewer than the user asked for (`given`).
    """
    allowed = int(needs.free_bytes * MEMORY_SHARE)
    least = crew.readers if given else 1
    for readers in range(crew.readers, least - 1, -1):
        fitting = replace(crew, readers=readers)
        if needs.memory(fitting) <= allowed:
            return fitting
    raise BadInput(
        f"not enough memory: {len(crew.devices)} GPUs and {least} readers need about "
        f"{gigabytes(needs.memory(replace(crew, readers=least)))}, {gigabytes(allowed)} may be used "
        f"({MEMORY_SHARE:.0%} of what is free)",
        "Use fewer --workers (readers) or --gpus." if given else "Use fewer --gpus, or more memory.",
    )


def free_memory() -> int:
    """Bytes of memory that are free, as Dask sees them (a container's limit included)."""
    import psutil
    from distributed.system import MEMORY_LIMIT

    return int(min(psutil.virtual_memory().available, MEMORY_LIMIT))


def gigabytes(size: float) -> str:
    """A size for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


@dataclass(frozen=True)
class _Sizes:
    """Bytes of one case: in memory while it is computed, on disk, and of its image and mask as read."""

    memory: int
    disk: int
    image: int


def _sizes(plan: Plan, case: Case) -> _Sizes | None:
    """What one case takes; None if its header cannot be read."""
    try:
        header = read_header(case.image)
    except CaseError:
        return None
    job = plan.job
    memory = max(job.planner.memory(graph, header.geometry) for graph in job.graphs.values())
    raw = int(np.prod(header.geometry.size)) * (header.dtype.itemsize + 1)
    maps = sum(len(graph.features) for name, graph in job.graphs.items() if name.startswith(MAPS))
    return _Sizes(memory, int(COMPRESSED * (raw + maps * _map_bytes(header.geometry))), raw)


def _map_bytes(geometry: Geometry) -> int:
    return int(np.prod(geometry.size) * REGION_SHARE * 4)
