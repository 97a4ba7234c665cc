"""No training case's region may come from a model that saw the case: it would be too good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusion.folds import folds_of, patient_of
from radstore.errors import BadInput
from radstore.split.roll import some
from radstore.store.manifest import SPLIT, CaseRecord
from radstore.store.query import Snapshot
from radstore.store.table import REGION

PREDICT = (
    "Predict it out of fold with `fusion regions`, and build again; or say --paper, and call it optimistic."
)
NESTED = "Predict it with `fusion regions --fold {} --nested`, and build again; or plan without --nested."


def region_name(fold: int | None) -> str:
    """``stage1-foldK``: what Stage 1 of chain K found; without a fold (paper mode) ``stage1``."""
    return "stage1" if fold is None else f"stage1-fold{fold}"


def require_out_of_fold(
    snapshot: Snapshot,
    region: str,
    fold: int,
    cases: Sequence[str],
    *,
    paper: bool = False,
    nested: bool = False,
) -> tuple[str, ...]:
    """Make sure that the region of each case comes from a model that did not train on the case.

    A region proves it by its provenance: its model held out the case's own fold, in the same split; or
    ``trained_on`` lists the model's patients, and the case's is not among them.

    Parameters
    ----------
    snapshot
        The version that is trained from.
    region
        Name of the region, such as ``stage1-fold0``.
    fold
        The fold that the training holds out.
    cases
        Those that are trained on, and validated.
    paper
        Accept all that is there, also regions that were drawn (ground truth), and say what is wrong with it.
    nested
        Ask that the model of each region did not see the labels of `fold` either: of none of its patients.

    Returns
    -------
    tuple of str
        In paper mode, why scores are optimistic: one line for each kind of leak.

    Raises
    ------
    BadInput
        If a case has no such region; and outside paper mode if one is not out of fold, naming the cases.
    """
    remedy = NESTED.format(fold) if nested else PREDICT
    missing = [case for case in cases if not _has(snapshot.manifest.get(case), region)]
    if missing:
        raise BadInput(f"{some(missing)}: no region {region!r} in the store", remedy)
    folds = folds_of(snapshot)
    held = {fold: _patients(snapshot, folds, fold)} if nested else {}
    wrong: dict[str, list[str]] = {}
    for case in cases:
        record = snapshot.manifest.get(case) or CaseRecord()
        why = _leak(record, region, folds.get(case), held)
        if why:
            wrong.setdefault(why, []).append(case)
    told = tuple(f"region {region!r} of {some(these)}: {why}" for why, these in wrong.items())
    if told and not paper:
        raise BadInput("; ".join(told), remedy)
    return told


def _has(record: CaseRecord | None, region: str) -> bool:
    entry = record.blocks.get(REGION + region) if record else None
    return entry is not None and entry.ok


def _patients(snapshot: Snapshot, folds: Mapping[str, int], fold: int) -> frozenset[str]:
    cases = [case for case, number in folds.items() if number == fold]
    return frozenset(patient_of(case, snapshot.case(case).record) for case in cases)


def _leak(
    record: CaseRecord, region: str, fold: int | None, held: Mapping[int, frozenset[str]]
) -> str | None:
    """Why a region is not out of fold, or None. `held`: what else its model must not have seen, by fold."""
    origin = record.blocks[REGION + region].origin
    if origin is None:
        return "it was read from label files, not predicted"
    if "trained_on" in origin:
        if record.info.get("patient") in origin["trained_on"]:
            return "its model trained on the patient"
        saw = [number for number, patients in held.items() if not patients.isdisjoint(origin["trained_on"])]
        return f"its model trained on patients of fold {saw[0]}" if saw else None
    if fold is None:
        return "the case has no fold, and nothing says whom the model trained on"
    if origin.get("split") != record.marks.get(SPLIT):
        return "it was predicted for another split of the cases"
    for number in sorted({fold, *held}):
        if number not in origin.get("held_out", ()):
            return f"its model did not hold out fold {number}"
    return None
