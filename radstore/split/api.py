"""`split`: give every case of a store a fold, and commit it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radstore.catalog import Case, Catalog, load_catalog
from radstore.errors import BadInput, ConflictError
from radstore.split.outcome import Split, made, taken
from radstore.split.roll import Roll
from radstore.split.sizes import Progress, Sizes, lesion_sizes
from radstore.split.stored import stored_folds
from radstore.store import layout, log
from radstore.store.blocks import CODEC
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.log import Change, Version
from radstore.store.manifest import FOLD, CaseRecord, Manifest
from radstore.store.query import open_existing


@dataclass(frozen=True)
class SplitReport:
    """What a split is like.

    Parameters
    ----------
    store
        Where it is kept.
    version
        The version that has it; the latest as it was, if nothing was committed.
    folds
        Case → fold.
    counts
        Stratum → fold → how many cases.
    patients
        Fold → how many patients.
    provenance
        How the folds came about; also in the version's log entry, as ``marks["fold"]``.
    notes
        What the user should know.
    written
        Whether the store changed.
    """

    store: str
    version: Version
    folds: Mapping[str, int]
    counts: Mapping[str, Mapping[int, int]]
    patients: Mapping[int, int]
    provenance: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    written: bool = False


def split(
    store: str | os.PathLike[str] | None = None,
    *,
    catalog: str | Path | Catalog | None = None,
    source: str | None = None,
    k: int = 5,
    seed: int = 0,
    label: str = "label",
    size_column: str | None = None,
    size_region: str | None = None,
    from_file: str | Path | None = None,
    check: bool = False,
    jobs: int | None = None,
    message: str = "",
    progress: Progress | None = None,
) -> SplitReport:
    """Split the cases into folds, grouped by patient, stratified by label and lesion size.

    Every case of the store's latest version and of the catalog gets a fold: those that failed and those
    without a label too (in strata of their own), since a segmentation may still train on them. The folds
    are kept as the mark ``fold`` of each case, and become a coord of the features.

    Parameters
    ----------
    store
        Path or URL; default: the catalog's.
    catalog
        Its cases are split too, built or not, and their table columns brought up to date.
    source
        Of the catalog's cases only those of this source; the store's own are all split.
    k, seed
        How many folds, and the seed of the shuffling.
    label
        The column with the class.
    size_column, size_region
        Where the lesion's size in voxels comes from: a column, or a region of the catalog whose voxels are
        counted and kept as the mark ``lesion_voxels``. Default: the region ``lesion``, if the catalog has
        it, else what was counted before. A case without a lesion is in size bin 0.
    from_file
        Take the folds of this file instead; see `radstore.split.files.read_folds`.
    check
        Change nothing: only check the folds that the store has (or those of `from_file`).
    jobs
        Workers that read label images; default: one a core.
    message
        Why; stands in the log.
    progress
        Told how many of how many label images are read.

    Raises
    ------
    BadInput
        If a patient is or would be in two folds, or the cases cannot be split; nothing is changed then.
    ConflictError
        If another split was committed meanwhile; run it again.
    """
    known = load_catalog(catalog) if isinstance(catalog, str | Path) else catalog
    if source is not None and known is None:
        raise BadInput(f"source {source!r} of no catalog", "Name the catalog with --catalog.")
    bucket = _bucket(store, known, check)
    head = log.head(bucket) if layout.is_store(bucket) else log.EMPTY
    before = dict(Manifest(bucket, head.manifest).items())
    cases = {case.id: case for case in known.cases(source)} if known else {}
    records = {**before, **{id_: _record(before.get(id_), case) for id_, case in cases.items()}}
    if not records:
        raise BadInput(f"{bucket.location}: there is no case to split", "Name a catalog with --catalog.")
    roll = Roll(bucket.location, records, label)
    if from_file is not None:
        found = taken(roll, Path(from_file))
    elif check:
        found = _stored(roll, head)
    else:
        sizes = lesion_sizes(roll, known, size_region, size_column, jobs, progress, source=source)
        found = made(roll, sizes, k, seed)
    return _report(found, head) if check else _commit(bucket, before, found, message)


def _bucket(store: str | os.PathLike[str] | None, catalog: Catalog | None, check: bool) -> Bucket:
    where = store or (catalog.store if catalog else None)
    if where is None:
        raise BadInput("split was told no store", "Name a store or a catalog.")
    return open_existing(where) if check or catalog is None else open_bucket(where)


def _record(before: CaseRecord | None, case: Case) -> CaseRecord:
    from radstore.build.outcome import case_info  # SimpleITK comes with it

    old = before or CaseRecord()
    return CaseRecord(case_info(case), old.blocks, old.marks)


def _stored(roll: Roll, head: Version) -> Split:
    folds = stored_folds(roll.rows(), f"{roll.where}, version {head.number}")
    return Split(roll, folds, dict(head.marks.get(FOLD, {})), Sizes(roll.known_voxels()))


def _commit(bucket: Bucket, before: Mapping[str, CaseRecord], split: Split, message: str) -> SplitReport:
    layout.create(bucket, CODEC)
    changes = {
        case: Change(before.get(case), record)
        for case, record in split.records().items()
        if record != before.get(case)
    }
    done = log.commit(bucket, changes, message=message or split.summary, marks={FOLD: split.provenance})
    if held := sorted({*done.conflicts, *done.vanished}):
        raise ConflictError(
            f"{bucket.location}: {len(held)} cases were changed while they were split (as {held[0]})",
            "Another split or gc ran at once: run `radstore split` again.",
        )
    return _report(split, done.version, written=done.written)


def _report(split: Split, version: Version, *, written: bool = False) -> SplitReport:
    return SplitReport(
        store=split.roll.where,
        version=version,
        folds=split.folds,
        counts=split.counts(),
        patients=split.patients(),
        provenance=split.provenance,
        notes=split.notes,
        written=written,
    )
