"""How many processes may make samples at once: as many as fit into memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusion.samples.job import Job
from radstore.build.hire import cores
from radstore.build.needs import HEADERS, MEMORY_SHARE, free_memory, gigabytes
from radstore.catalog import Case
from radstore.errors import BadInput, CaseError
from radstore.images.read import read_header
from radstore.images.volume import Geometry

BASE = 600e6  # bytes of a process that has imported nnunetv2 and torch
WHOLE = 8.0  # bytes a voxel of the CT: as read, its labels and region, and what is compared of them
CROP = 40.0  # bytes a voxel of what the network sees, on the CT's or the network's grid, whichever has more
CHANNEL = 8.0  # bytes a voxel and channel on the network's grid: the values, and a copy for their digest
ROI = 0.25  # of the CT, that an ROI takes: generously (around a pancreas it is 0.15)


def processes(cases: Sequence[Case], job: Job, asked: int | None) -> int:
    """How many processes to use.

    Raises
    ------
    BadInput
        If not one fits into memory, or fewer than were asked for.
    """
    wanted = min(asked or cores(), max(1, len(cases)))
    needed = max((_bytes(case, job) for case in cases[:: max(1, len(cases) // HEADERS)]), default=BASE)
    allowed = free_memory() * MEMORY_SHARE
    fit = int(allowed // needed)
    if fit < (wanted if asked else 1):
        raise BadInput(
            f"not enough memory: {wanted if asked else 1} × {gigabytes(needed)} for samples, "
            f"{gigabytes(allowed)} may be used ({MEMORY_SHARE:.0%} of what is free)",
            f"Use --jobs {fit}." if fit else "Use a machine with more memory, or a coarser --spacing.",
        )
    return min(wanted, fit)


def memory(ct: Geometry, spacing: Sequence[float], maps: int, *, roi: bool) -> float:
    """Bytes that making one sample takes, roughly.

    Parameters
    ----------
    ct
        The CT's grid.
    spacing
        The network's, mm.
    maps
        How many.
    roi
        Whether an ROI is cut out, or the network sees the whole CT.
    """
    voxels = float(np.prod(ct.size))
    finer = ct.voxel_volume / float(np.prod(spacing))
    seen = voxels * (ROI if roi else 1.0)
    return BASE + voxels * WHOLE + seen * (CROP * max(1.0, finer) + CHANNEL * finer * (1 + maps))


def _bytes(case: Case, job: Job) -> float:
    """The same of a case; one whose header cannot be read is left to fail on its own."""
    try:
        header = read_header(case.image)
    except CaseError:
        return BASE
    recipe = job.recipe
    return memory(header.geometry, job.preparation.spacing, len(recipe.maps), roi=recipe.stage == 2)
