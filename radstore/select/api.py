"""`select`: from a view of a store to selected.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from radstore.errors import BadInput
from radstore.parallel import Progress
from radstore.select import files
from radstore.select.cohort import NO_FOLD, Cohort, cohort_of
from radstore.select.options import Options, Rule
from radstore.select.provenance import provenance_of
from radstore.select.selection import Selection, select_features
from radstore.spec import Spec
from radstore.split.roll import some
from radstore.store import blocks, layout
from radstore.store.manifest import FOLD
from radstore.store.query import Snapshot, open_store
from radstore.store.table import FEATURES
from radstore.suggest import suggest

STORED = "stored"


@dataclass(frozen=True, eq=False)
class SelectReport:
    """What a selection on a store gave.

    Parameters
    ----------
    selection
        The features and their worth.
    provenance
        Where they come from: store, version, view, cases, options, scores; as in the written file.
    files
        What was written, the spec first (which is missing if nothing was selected).
    """

    selection: Selection
    provenance: Mapping[str, Any]
    files: tuple[Path, ...]


def select(
    store: str | os.PathLike[str],
    *,
    version: str | int | None = None,
    view: str | None = None,
    region: str | None = None,
    label: str = "label",
    positive: str | None = None,
    harmonise: str | None = None,
    fold: int | None = None,
    size: int = 10,
    folds: int | str = 10,
    rule: Rule = "stable",
    alpha: float = 0.05,
    redundancy: float = 0.95,
    max_missing: float = 0.2,
    C: float = 0.01,
    permutations: int = 0,
    seed: int = 0,
    jobs: int | None = None,
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> SelectReport:
    """Select the features of a view that tell two classes apart, and write them as a spec.

    Beside the spec go a JSON file with everything, a CSV file with all features, and a figure.

    Parameters
    ----------
    store
        Path or URL.
    version, view, region
        Which table: a tag or number (default: the latest); a view (default: the last one built); or the
        view of the same spec in another region.
    label, positive
        The column with the class, and its value for the positive one; see `radstore.select.classes`.
    harmonise
        The column with the site of each case, whose effects on the features ComBat takes off: fitted on the
        training cases of every fold alone, see `radstore.select.sites`. None: nothing is harmonised.
    fold
        Select on the training cases of this stored fold only, and score the result on its own cases. None:
        on all labelled cases, which makes everything that is later trained and validated on them optimistic.
    size, folds, rule, alpha, redundancy, max_missing, C, seed
        See `Options`; folds ``stored``: those that `radstore split` made.
    permutations
        How many times the whole is repeated on permuted labels.
    jobs
        Processes; default: one a core.
    out
        The spec to write; default: ``selected.yaml``, or ``selected.foldK.yaml``, here.
    force
        Replace files that are there.
    progress
        Told how many of how many steps are done.

    Raises
    ------
    BadInput
        If store, view, labels, sites, folds or options cannot be used; nothing is written then.
    """
    options = Options(
        size=size,
        folds=_number(folds),
        rule=rule,
        alpha=alpha,
        redundancy=redundancy,
        max_missing=max_missing,
        C=C,
        seed=seed,
    )
    path = Path(out or ("selected.yaml" if fold is None else f"selected.fold{fold}.yaml"))
    files.require_free(path, force)
    snapshot = open_store(store, version)
    name = _view(snapshot, view, region)
    where = f"{snapshot.bucket.location}, version {snapshot.version.number}, {name}"
    spec = _spec(snapshot, name, where)
    table = snapshot.table(name)
    cohort = cohort_of(table, label=label, positive=positive, harmonise=harmonise, where=where)
    train, held_out = _parted(cohort, fold, where)
    selection = select_features(
        train, options, held_out=held_out, permutations=permutations, jobs=jobs, progress=progress
    )
    source = {
        "store": snapshot.bucket.location,
        "version": snapshot.version.number,
        "view": name,
        "spec_hash": spec.hash,
        "label": label,
        "harmonise": harmonise,
        "fold": fold,
        "stored_folds": dict(snapshot.version.marks.get(FOLD, {})) or None,
    }
    provenance = provenance_of(selection, source)
    written = files.write(selection, spec, name.rpartition("@")[2], provenance, path)
    return SelectReport(selection, provenance, tuple(written))


def _number(folds: int | str) -> int | None:
    if folds == STORED:
        return None
    try:
        return int(folds)
    except ValueError as error:
        raise BadInput(f"folds is {folds!r}", f"Give a whole number from 2 on, or {STORED}.") from error


def _view(snapshot: Snapshot, view: str | None, region: str | None) -> str:
    """The view that is meant."""
    known = list(snapshot.views)
    if view is not None and view not in known:
        raise BadInput(
            f"{snapshot.bucket.location}: version {snapshot.version.number} has no view {view!r}",
            suggest(view, known, "Its views are"),
        )
    if region is None:
        return view or snapshot.view
    stem = (view or snapshot.view).rpartition("@")[0]
    wanted = f"{stem}@{region}"
    if wanted not in known:
        raise BadInput(
            f"{snapshot.bucket.location}: version {snapshot.version.number} has no view {wanted!r}",
            f"{suggest(wanted, known, 'Its views are')} Build it with `radstore build --region {region}`.",
        )
    return wanted


def _spec(snapshot: Snapshot, view: str, where: str) -> Spec:
    """The spec that the view's numbers were computed with, as their blocks say it."""
    entries = [
        entry
        for _, record in snapshot.manifest.items()
        if (entry := record.blocks.get(FEATURES + view)) and entry.ok
    ]
    hashes = {entry.spec for entry in entries}
    if len(hashes) > 1:
        raise BadInput(
            f"{where}: its cases were built with {len(hashes)} different specs",
            "Numbers of different settings cannot be compared: build all cases with one spec.",
        )
    attrs = blocks.attributes(snapshot.bucket, layout.object_folder(entries[0].key))
    return Spec.from_dict(attrs["provenance"]["spec"], view.rpartition("@")[0])


def _parted(cohort: Cohort, fold: int | None, where: str) -> tuple[Cohort, Cohort | None]:
    """The cases to select on, and those that must have no part in it."""
    if fold is None:
        return cohort, None
    if cohort.folds is None:
        raise BadInput(f"{where}: no case has a fold", "Run `radstore split` first.")
    known = sorted({int(one) for one in cohort.folds} - {NO_FOLD})
    if fold not in known:
        listed = ", ".join(map(str, known))
        raise BadInput(f"{where}: there is no fold {fold}", f"The stored folds are {listed}.")
    train = cohort.only((cohort.folds != fold) & (cohort.folds != NO_FOLD))
    if without := cohort.cases[cohort.folds == NO_FOLD].tolist():
        train = replace(train, notes=(*train.notes, f"{some(without)} without a fold: not part of this"))
    return train, cohort.only(cohort.folds == fold)
