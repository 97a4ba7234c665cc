"""Nobody may be judged by a model that learnt from them: checked by patient, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusion.evaluate.rows import Rows
from fusion.folds import patient_of
from radstore.catalog import Case, Catalog
from radstore.errors import BadInput
from radstore.split.folds import require_disjoint
from radstore.store import layout
from radstore.store.bucket import open_bucket
from radstore.store.manifest import FOLD
from radstore.store.query import open_store

SHOWN = 10  # patients named in a message


def require_unseen(
    catalog: Catalog, cases: Mapping[str, Case], rows: Rows, trained_on: Sequence[str] | None
) -> list[str]:
    """Make sure that no model is judged by a patient that it was trained on.

    1. A case with a fold was predicted by the chain that held it out, and by no other.
    2. No patient is in two folds.
    3. The patient of a case without a fold, an external one, is in no fold of these predictions or of the
       catalog's store, and in no source that was trained on.

    Parameters
    ----------
    trained_on
        The sources that models were trained on; by default all of the catalog without external cases.

    Returns
    -------
    list of str
        What the reader must know.

    Raises
    ------
    BadInput
        Naming the patients, or the case.
    """
    _require_held_out(rows)
    first = next(iter(rows.values()))
    folds = {case: p.said.fold for case, p in first.items() if p.said.fold is not None}
    require_disjoint({case: cases[case].patient for case in first}, folds, "the predictions")
    external = [cases[case] for case in first if case not in folds]
    if not external:
        return []
    training = _training(catalog, external, trained_on)
    training |= {cases[case].patient: f"{cases[case].source}: {case}" for case in folds}
    seen = sorted({case.patient for case in external} & set(training))
    if seen:
        listed = ", ".join(f"{patient} ({training[patient]})" for patient in seen[:SHOWN])
        more = f" and {len(seen) - SHOWN} more" if len(seen) > SHOWN else ""
        raise BadInput(
            f"this is no external test: {len(seen)} of its patients may have been trained on: {listed}{more}",
            "Leave them out; or, if a source was not trained on, say which were with --trained-on. Patients "
            "are told apart by the ids of the catalog's tables.",
        )
    if not training:
        return ["no training patient is known: that external ones were not trained on was not checked"]
    return [f"no external patient is among the {len(training):,} that may have been trained on"]


def _require_held_out(rows: Rows) -> None:
    for row, cases in rows.items():
        for case, predicted in cases.items():
            said = predicted.said
            if said.fold is not None and set(said.chains) - {said.fold}:
                raise BadInput(
                    f"row {row!r}: case {case} of fold {said.fold} was predicted by chains "
                    f"{', '.join(map(str, said.chains))}, which were trained on it",
                    "Predict cases that have a fold by the chain of that fold alone.",
                )


def _training(catalog: Catalog, external: Sequence[Case], trained_on: Sequence[str] | None) -> dict[str, str]:
    """Patient → a case of theirs that may have been trained on, and where."""
    outside = {case.source for case in external}
    sources = [name for name in catalog.sources if name not in outside] if trained_on is None else trained_on
    found = {case.patient: f"{name}: {case.id}" for name in sources for case in catalog.cases(name)}
    return _in_store(catalog.store) | found


def _in_store(location: str) -> dict[str, str]:
    """The patients that have a fold in the store, if there is one: folds are what models are trained in."""
    if not layout.is_store(open_bucket(location)):
        return {}
    return {
        patient_of(case, record): f"fold {record.marks[FOLD]} of {location}: {case}"
        for case, record in open_store(location).manifest.items()
        if record.marks.get(FOLD) is not None
    }
