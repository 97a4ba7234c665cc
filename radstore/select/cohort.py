"""`Cohort`: the labelled cases of a table, ready for selection, in an order of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from radstore.errors import BadInput
from radstore.select.classes import two_classes
from radstore.spec.columns import read_image
from radstore.split.labels import label_text, labels_of
from radstore.split.roll import some
from radstore.split.stored import stored_folds
from radstore.store.manifest import FOLD
from radstore.suggest import suggest
from radstore.texture.names import FEATURES

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    Table: TypeAlias = xr.Dataset | pd.DataFrame

NO_FOLD = -1


@dataclass(frozen=True, eq=False)
class Cohort:
    """Cases with a class, and their features. Sorted by case and by feature name, so that no result depends
    on the order of a table.

    Parameters
    ----------
    values
        float64 [case, feature]; NaN where a feature is undefined (infinities count as that).
    positive
        bool [case].
    cases, patients
        Their ids, as many as rows.
    features
        Names, as many as columns.
    folds
        int64 [case]: the stored folds; −1 for a case without; None where the table has none.
    sites
        Where each case was scanned, as many as rows: the effects of sites are taken off, estimated on
        training cases only (`radstore.select.sites`). None: values are used as they are.
    words
        The class called positive and the one called negative, as the table writes them.
    notes
        What the user should know: who was left out.
    """

    values: np.ndarray
    positive: np.ndarray
    cases: np.ndarray
    patients: np.ndarray
    features: tuple[str, ...]
    folds: np.ndarray | None = None
    sites: np.ndarray | None = None
    words: tuple[str, str] = ("1", "0")
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.cases)

    def only(self, rows: np.ndarray) -> Cohort:
        """The cases of a boolean mask, or of indices in ascending order."""
        return replace(
            self,
            values=self.values[rows],
            positive=self.positive[rows],
            cases=self.cases[rows],
            patients=self.patients[rows],
            folds=None if self.folds is None else self.folds[rows],
            sites=None if self.sites is None else self.sites[rows],
        )

    def patients_of(self, positive: bool) -> int:
        """How many patients have a case of one class."""
        return len(set(self.patients[self.positive == positive]))


def cohort_of(
    table: Table,
    *,
    label: str = "label",
    positive: str | None = None,
    patient: str = "patient",
    harmonise: str | None = None,
    features: Sequence[str] | None = None,
    where: str = "the table",
) -> Cohort:
    """The labelled cases of a table.

    Parameters
    ----------
    table
        An `xarray.Dataset` as a store's view gives it: ``value`` (case, feature) and coords along ``case``;
        or a `pandas.DataFrame`, one row a case, its index the case ids, columns beside features.
    label
        The coord or column with the class.
    positive
        Its value for the positive class; default: see `radstore.select.classes.POSITIVE`.
    patient
        The coord or column with the group that must not straddle folds.
    harmonise
        The coord or column with the site whose effect shall be taken off in every fold; default: none is.
    features
        Which; default: all of a Dataset, and the columns of a DataFrame with names of radiomics features.
    where
        What messages name.

    Raises
    ------
    BadInput
        If a column is missing, the labels are not two classes, a labelled case has no site, no feature is
        there, or stored folds tear a patient apart.
    """
    cases, rows, names, values = _parts(table, features, where)
    if len(set(cases)) < len(cases):
        twice = next(case for case in cases if cases.count(case) > 1)
        raise BadInput(f"{where}: the case {twice!r} stands in it twice", "Keep one row a case.")
    by_case = dict(zip(cases, rows, strict=True))
    if patient not in rows[0]:
        raise BadInput(f"{where} has no column {patient!r}", suggest(patient, rows[0], "Its columns are"))
    labels = labels_of(by_case, label, where)
    truth, words = two_classes(labels, positive, label, where)
    order = [at for at in np.argsort(np.array(cases, dtype=str)) if truth[cases[at]] is not None]
    ids = [cases[at] for at in order]
    columns = np.argsort(np.array(names, dtype=str))
    kept = np.asarray(values, dtype=np.float64)[np.ix_(order, columns)]
    notes = []
    if left := [case for case in sorted(cases) if truth[case] is None]:
        notes.append(f"{some(left)} without a label in {label!r}: not part of the selection")
    if undefined := np.count_nonzero(~np.isfinite(kept)):
        notes.append(f"{undefined:,} of {kept.size:,} values are undefined (NaN or infinite)")
    return Cohort(
        values=np.where(np.isfinite(kept), kept, np.nan),
        positive=np.array([truth[cases[at]] for at in order], dtype=bool),
        cases=np.array(ids, dtype=str),
        patients=np.array([str(rows[at][patient]) for at in order], dtype=str),
        features=tuple(names[at] for at in columns),
        folds=_folds(by_case, patient, ids, where),
        sites=None if harmonise is None else _sites(by_case, harmonise, ids, where),
        words=words,
        notes=tuple(notes),
    )


def _parts(
    table: Table, features: Sequence[str] | None, where: str
) -> tuple[list[str], list[dict[str, Any]], list[str], np.ndarray]:
    """Case ids, the other columns of each case, feature names, and values [case, feature]."""
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        frame, found = table, [str(name) for name in table.columns if _is_feature(str(name))]
    else:
        frame, found = _frame(table, where), [str(name) for name in table["feature"].values]
    names = found if features is None else list(features)
    known = [str(name) for name in frame.columns]
    if missing := [name for name in names if name not in known]:
        raise BadInput(f"{where} has no feature {missing[0]!r}", suggest(missing[0], known, "It has"))
    if not names or frame.empty:
        what = "feature" if len(frame) else "case"
        raise BadInput(f"{where} has no {what}", "Name another view, or give the features' names.")
    rest = frame.drop(columns=names)
    rows = [{str(name): value for name, value in row.items()} for row in rest.to_dict("records")]
    return [str(case) for case in frame.index], rows, names, frame[names].to_numpy(dtype=np.float64)


def _frame(table: xr.Dataset, where: str) -> pd.DataFrame:
    import pandas as pd

    if "value" not in table or table["value"].dims != ("case", "feature"):
        raise BadInput(
            f"{where} has no variable `value` (case, feature)", "Give a table as `rs.features` is one."
        )
    coords = {
        str(name): coord.values
        for name, coord in table.coords.items()
        if coord.dims == ("case",) and name != "case"
    }
    index = pd.Index(table["case"].values, name="case")
    values = pd.DataFrame(table["value"].values, index, table["feature"].values.tolist())
    return pd.concat([pd.DataFrame(coords, index=index), values], axis=1)


def _is_feature(name: str) -> bool:
    image, _, rest = name.partition("_")
    family, _, feature = rest.partition("_")
    return read_image(image) is not None and feature in FEATURES.get(family, ())


def _folds(
    rows: dict[str, dict[str, Any]], patient: str, cases: Sequence[str], where: str
) -> np.ndarray | None:
    """The stored fold of each case; None if no case has one."""
    marks = {case: {**row, "patient": row[patient]} for case, row in rows.items() if _has_fold(row)}
    if not marks:
        return None
    found = stored_folds(marks, where)
    return np.array([found.get(case, NO_FOLD) for case in cases], dtype=np.int64)


def _sites(rows: dict[str, dict[str, Any]], column: str, cases: Sequence[str], where: str) -> np.ndarray:
    """The site of each case."""
    known = dict.fromkeys(name for row in rows.values() for name in row)
    if column not in known:
        raise BadInput(
            f"{where} has no column {column!r} to harmonise over", suggest(column, known, "Its columns are")
        )
    sites = {case: label_text(rows[case].get(column)) for case in cases}
    if without := [case for case, site in sites.items() if site is None]:
        raise BadInput(
            f"{where}: {some(without)} without a site in the column {column!r}",
            "Name one for each, for instance `unknown`, or leave --harmonise out.",
        )
    return np.array([sites[case] for case in cases], dtype=str)


def _has_fold(row: dict[str, Any]) -> bool:
    return label_text(row.get(FOLD)) is not None
