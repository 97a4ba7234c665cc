"""How large a lesion is: the voxels of a region, counted in the label images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from radstore.catalog import Case, Catalog, is_implicit_region
from radstore.errors import BadInput, CaseError
from radstore.split.roll import Roll, some
from radstore.suggest import suggest

Progress = Callable[[int, int], None]
LESION = "lesion"  # the region that is counted where the catalog defines it and no other is named
PROCESSES = 64  # cases from which processes of their own pay (decoding holds the interpreter's lock)


@dataclass(frozen=True)
class Sizes:
    """How large the lesions are.

    Parameters
    ----------
    voxels
        Case → voxels; a case that is missing counts as 0.
    source
        Where that comes from; None where nothing is known.
    counted
        Whether it was counted in the images just now, and is worth keeping.
    notes
        What the user should know.
    """

    voxels: Mapping[str, int] = field(default_factory=dict)
    source: str | None = None
    counted: bool = False
    notes: tuple[str, ...] = ()


def lesion_sizes(
    roll: Roll,
    catalog: Catalog | None,
    region: str | None,
    column: str | None,
    jobs: int | None = None,
    progress: Progress | None = None,
    *,
    source: str | None = None,
) -> Sizes:
    """The lesions' sizes, from the first of these there is.

    1. `column`, if it is given.
    2. `region`, counted in the catalog's label images; or the region ``lesion``, if the catalog defines it.
    3. What an earlier split counted.

    `source` leaves the catalog's other sources out.

    Raises
    ------
    BadInput
        If both column and region are given, or cannot be used.
    """
    if region is not None and column is not None:
        raise BadInput(f"the lesion's size from column {column!r} and from region {region!r}", "Name one.")
    if region is not None and catalog is None:
        raise BadInput(
            f"the region {region!r} cannot be counted: no catalog says where the label images are",
            "Name one with --catalog.",
        )
    if column is not None:
        return Sizes(roll.voxels_of(column), f"column {column}")
    if catalog is not None and (region is not None or LESION in catalog.regions(source)):
        _require_region(catalog, region or LESION, source)
        counts = count_all(catalog.cases(source), region or LESION, jobs, progress)
        return _counted(roll, region or LESION, counts)
    if known := roll.known_voxels():
        return Sizes(known, "counted by an earlier split")
    return Sizes(
        notes=("no lesion size is known: stratified by label alone (--size-region, --size-column give one)",)
    )


def _require_region(catalog: Catalog, region: str, source: str | None) -> None:
    if region not in (known := catalog.regions(source)) and not is_implicit_region(region):
        raise BadInput(
            f"{catalog.path} defines no region {region!r}", suggest(region, [*known, "label-N"], "There are")
        )


def _counted(roll: Roll, region: str, counts: Mapping[str, int | CaseError]) -> Sizes:
    errors = {case: count for case, count in counts.items() if isinstance(count, CaseError)}
    voxels = {case: count for case, count in counts.items() if not isinstance(count, CaseError)}
    notes = []
    if errors:
        why = next(iter(errors.values())).message
        notes.append(f"the lesion of {some(errors)} could not be counted and counts as none: {why}")
    return Sizes({**roll.known_voxels(), **voxels}, f"region {region}", counted=True, notes=tuple(notes))


def count_voxels(case: Case, region: str) -> int:
    """Voxels of a region in a case's label image; 0 where the image has none of its values.

    Raises
    ------
    CaseError
        If the case has no such region, or its label image cannot be read.
    """
    from radstore.images.read import read_labels

    if case.problem is not None:
        raise case.problem
    where = case.region(region)
    labels = read_labels(case.label_path(where)).array
    return sum(int(np.count_nonzero(labels == value)) for value in dict.fromkeys(where.values))


def count_all(
    cases: Sequence[Case], region: str, jobs: int | None = None, progress: Progress | None = None
) -> dict[str, int | CaseError]:
    """Case → voxels of its region, or why they could not be counted.

    Parameters
    ----------
    jobs
        Workers that read; default: one a core.
    progress
        Told how many of how many cases are read.
    """
    from joblib import Parallel, cpu_count, delayed

    prefer = "processes" if len(cases) >= PROCESSES else "threads"
    workers = Parallel(n_jobs=jobs or cpu_count(), prefer=prefer, return_as="generator")
    counts = workers(delayed(_try)(case, region) for case in cases)
    found: dict[str, int | CaseError] = {}
    for case, count in zip(cases, counts, strict=True):
        found[case.id] = count
        if progress:
            progress(len(found), len(cases))
    return found


def _try(case: Case, region: str) -> int | CaseError:
    try:
        return count_voxels(case, region)
    except CaseError as error:
        return error
