"""What a build will take: memory for each worker, bytes on disk. Refused at once if it cannot fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radstore.build.job import engine
from radstore.build.plan import Plan
from radstore.catalog import Case
from radstore.errors import BadInput, CaseError
from radstore.images.read import read_header
from radstore.images.volume import Geometry
from radstore.store.table import MAPS

HEADERS = 200  # headers looked at, evenly spread over the cases to do
REGION_SHARE = 0.02  # of the image's volume: the box of a pancreas in an abdominal CT, generously
COMPRESSED = 0.5  # of the raw bytes: CTs and maps under blosc(zstd 3, shuffle), roughly
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
    """

    case_bytes: int
    disk_bytes: int
    free_bytes: int
    looked_at: int


def estimate(plan: Plan) -> Needs:
    """Look at headers and estimate; cases whose header cannot be read are left to fail on their own."""
    step = max(1, len(plan.todo) // HEADERS)
    sizes = [size for case in plan.todo[::step] if (size := _sizes(plan, case)) is not None]
    memory = max((memory for memory, _ in sizes), default=0)
    disk = sum(disk for _, disk in sizes) * len(plan.todo) // max(1, len(sizes))
    return Needs(memory, disk, free_memory(), len(sizes))


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


def free_memory() -> int:
    """Bytes of memory that are free, as Dask sees them (a container's limit included)."""
    import psutil
    from distributed.system import MEMORY_LIMIT

    return int(min(psutil.virtual_memory().available, MEMORY_LIMIT))


def gigabytes(size: float) -> str:
    """A size for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _sizes(plan: Plan, case: Case) -> tuple[int, int] | None:
    """Memory and disk bytes of one case; None if its header cannot be read."""
    try:
        header = read_header(case.image)
    except CaseError:
        return None
    job = plan.job
    memory = max(engine(job.engine).memory(graph, header.geometry) for graph in job.graphs.values())
    raw = int(np.prod(header.geometry.size)) * (header.dtype.itemsize + 1)
    maps = sum(len(graph.features) for name, graph in job.graphs.items() if name.startswith(MAPS))
    return memory, int(COMPRESSED * (raw + maps * _map_bytes(header.geometry)))


def _map_bytes(geometry: Geometry) -> int:
    return int(np.prod(geometry.size) * REGION_SHARE * 4)
