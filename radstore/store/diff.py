"""What changed between two versions of a store."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from radstore.store.manifest import CaseRecord
from radstore.store.merge import same_value
from radstore.store.query import Snapshot
from radstore.store.table import FEATURES

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Difference:
    """What `b` has that `a` has not, and the other way round.

    Parameters
    ----------
    cases_added, cases_removed
        Case ids.
    cases_changed
        Case id → names of the blocks (or ``info``, ``marks``) that differ.
    features_added, features_removed
        View → features that no case of the other version has.
    features_changed
        View → feature → largest absolute change over the cases that have the view in both versions
        (NaN against a number counts as inf); only features that changed.
    """

    cases_added: list[str] = field(default_factory=list)
    cases_removed: list[str] = field(default_factory=list)
    cases_changed: dict[str, list[str]] = field(default_factory=dict)
    features_added: dict[str, list[str]] = field(default_factory=dict)
    features_removed: dict[str, list[str]] = field(default_factory=dict)
    features_changed: dict[str, dict[str, float]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.cases_added or self.cases_removed or self.cases_changed)


def diff(a: Snapshot, b: Snapshot) -> Difference:
    """Compare two snapshots, from `a` to `b`: cases, blocks, and the features' values."""
    before, after = dict(a.manifest.items()), dict(b.manifest.items())
    result = Difference(
        cases_added=sorted(after.keys() - before.keys()),
        cases_removed=sorted(before.keys() - after.keys()),
    )
    views: set[str] = set()
    for case in sorted(before.keys() | after.keys()):
        changed = _changed_names(before.get(case), after.get(case))
        if changed and case in before and case in after:
            result.cases_changed[case] = changed
        views.update(name.removeprefix(FEATURES) for name in changed if name.startswith(FEATURES))
    for view in sorted(views):
        _compare_values(result, view, _values(a, view), _values(b, view))
    return result


def _changed_names(a: CaseRecord | None, b: CaseRecord | None) -> list[str]:
    a, b = a or CaseRecord(), b or CaseRecord()
    names = [
        name
        for name in sorted({*a.blocks, *b.blocks})
        if name not in a.blocks or name not in b.blocks or a.blocks[name].identity != b.blocks[name].identity
    ]
    beside = (("info", a.info, b.info), ("marks", a.marks, b.marks))
    return [*(name for name, x, y in beside if not same_value(dict(x), dict(y))), *names]


def _values(snapshot: Snapshot, view: str) -> pd.DataFrame:
    """A view's features (case × feature); empty where the version has no such view."""
    import pandas as pd

    if view not in snapshot.views:
        return pd.DataFrame()
    frame: pd.DataFrame = snapshot.table(view)["value"].to_pandas()  # type: ignore[assignment]
    return frame


def _compare_values(result: Difference, view: str, old: pd.DataFrame, new: pd.DataFrame) -> None:
    for found, these, others in (
        (result.features_added, new.columns, old.columns),
        (result.features_removed, old.columns, new.columns),
    ):
        if only := _only(these, others):
            found[view] = only
    cases, names = old.index.intersection(new.index), old.columns.intersection(new.columns)
    x, y = old.loc[cases, names].to_numpy(dtype=float), new.loc[cases, names].to_numpy(dtype=float)
    largest = _distance(x, y).max(axis=0, initial=0.0)
    if largest.any():
        result.features_changed[view] = {
            str(name): float(most) for name, most in zip(names, largest, strict=True) if most
        }


def _distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    far = np.isnan(x) | np.isnan(y) | np.isinf(x) | np.isinf(y)
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, np.where(far, np.inf, abs(y - x)))


def _only(names: Collection[str], others: Collection[str]) -> list[str]:
    there = set(others)
    return [str(name) for name in names if name not in there]
