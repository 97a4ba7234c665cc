"""The folds that a version of a store keeps: marks of its cases, checked whenever they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from radstore.errors import BadInput
from radstore.split.folds import require_disjoint
from radstore.store.manifest import FOLD, SPLIT


def stored_folds(rows: Mapping[str, Mapping[str, Any]], where: str) -> dict[str, int]:
    """Case → fold, for the cases that have one.

    Parameters
    ----------
    rows
        Case → its ``patient`` and its marks.
    where
        What messages name.

    Raises
    ------
    BadInput
        If no case has a fold, the folds come from different splits, or a patient is in two.
    """
    folds = {case: _number(case, row[FOLD], where) for case, row in rows.items() if row.get(FOLD) is not None}
    if not folds:
        raise BadInput(f"{where}: no case has a fold", "Run `radstore split` first.")
    splits: dict[str, str] = {}
    for case in folds:
        splits.setdefault(str(rows[case].get(SPLIT)), case)
    if len(splits) > 1:
        some = ", ".join(f"{split} (as {case})" for split, case in sorted(splits.items())[:3])
        raise BadInput(
            f"{where}: its folds come from {len(splits)} splits: {some}",
            "Two splits ran at once: run `radstore split` again.",
        )
    require_disjoint({case: str(rows[case]["patient"]) for case in folds}, folds, where)
    return folds


def _number(case: str, fold: Any, where: str) -> int:
    if isinstance(fold, str | bool) or fold != int(fold) or fold < 0:
        raise BadInput(f"{where}: the fold of case {case} is {fold!r}", "Give whole numbers from 0 on.")
    return int(fold)
