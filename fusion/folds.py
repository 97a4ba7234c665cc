"""The folds that a version of a store keeps, and which split they come from."""

from __future__ import annotations

from radstore.split.stored import stored_folds
from radstore.store.manifest import FOLD, SPLIT, CaseRecord
from radstore.store.query import Snapshot


def folds_of(snapshot: Snapshot) -> dict[str, int]:
    """Case → fold, for the cases of a version that have one; a table's column `fold` is no fold.

    Raises
    ------
    BadInput
        As `radstore.split.stored.stored_folds`.
    """
    rows = {
        case: {**record.marks, "patient": patient_of(case, record)}
        for case, record in snapshot.manifest.items()
    }
    return stored_folds(rows, f"{snapshot.bucket.location}, version {snapshot.version.number}")


def patient_of(case: str, record: CaseRecord) -> str:
    """Whose case it is; where a store does not say, everybody has one case."""
    return str(record.info.get("patient", case))


def split_of(snapshot: Snapshot) -> str:
    """The id of the split that the folds of a version come from; empty where there are none."""
    splits = (r.marks.get(SPLIT) for _, r in snapshot.manifest.items() if r.marks.get(FOLD) is not None)
    return str(next(splits, ""))
