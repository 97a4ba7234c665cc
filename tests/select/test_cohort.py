from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from radstore.errors import BadInput
from radstore.select import cohort_of

NAMES = ["original_glcm_Imc1", "original_firstorder_Mean", "log-sigma-4-0-mm-3D_glcm_Imc2"]


def frame(**columns: Any) -> pd.DataFrame:
    values = np.arange(18.0).reshape(6, 3)
    made = pd.DataFrame(values, columns=NAMES, index=list("fbdaec"))
    base = {"label": [0, 1, 0, 1, 0, 1], "patient": ["P1", "P2", "P3", "P4", "P1", "P5"]}
    return made.assign(**base | columns)


def dataset(table: pd.DataFrame) -> xr.Dataset:
    coords = {name: ("case", table[name].values) for name in table.columns if name not in NAMES}
    return xr.Dataset(
        {"value": (("case", "feature"), table[NAMES].to_numpy())},
        coords={"case": table.index.to_list(), "feature": NAMES, **coords},
    )


@pytest.mark.parametrize("as_table", [lambda f: f, dataset])
def test_sorted_by_case_and_name(as_table: Any) -> None:
    cohort = cohort_of(as_table(frame(age=50)))
    assert cohort.cases.tolist() == list("abcdef")
    assert cohort.features == tuple(sorted(NAMES))
    assert cohort.values[0].tolist() == [11.0, 10.0, 9.0]
    assert cohort.positive.tolist() == [True, True, True, False, False, False]
    assert cohort.patients.tolist() == ["P4", "P2", "P5", "P3", "P1", "P1"]
    assert (cohort.folds, cohort.notes) == (None, ())
    assert (cohort.patients_of(True), cohort.patients_of(False)) == (3, 2)


def test_infinite_values_are_undefined() -> None:
    table = frame()
    table.iloc[0, 0], table.iloc[1, 1] = np.inf, np.nan
    cohort = cohort_of(table)
    assert np.isnan(cohort.values).sum() == 2
    assert "2 of 18 values are undefined" in cohort.notes[0]


@pytest.mark.parametrize("missing", [None, np.nan, ""])
def test_cases_without_a_label_are_left_out_aloud(missing: Any) -> None:
    table = frame(label=pd.Series([0, missing, 0, 1, 0, missing], index=list("fbdaec"), dtype=object))
    cohort = cohort_of(table)
    assert cohort.cases.tolist() == list("adef")
    assert cohort.notes == ("2 cases (b, c) without a label in 'label': not part of the selection",)


@pytest.mark.parametrize(
    ("labels", "positive", "expected"),
    [
        (["yes", "No", "YES", "no", "no", "no"], None, [False, False, False, True, False, True]),
        ([True, False, False, False, False, False], None, [False] * 5 + [True]),
        (["1.0", "0", "0", "0", "0", "0"], "1.0", [False] * 5 + [True]),
        (["PDAC", "non-PDAC", "PDAC", "PDAC", "PDAC", "PDAC"], None, [True, False] + [True] * 4),
        (["IPMN", "PNET", "PDAC", "PDAC", "x", "x"], "ipmn", [False] * 5 + [True]),
        ([2, 1, 1, 1, 1, 1], "2", [False] * 5 + [True]),
    ],
)
def test_words_for_classes(labels: list[Any], positive: str | None, expected: list[bool]) -> None:
    table = frame(label=pd.Series(labels, index=list("fbdaec"), dtype=object))
    assert cohort_of(table, positive=positive).positive.tolist() == expected


@pytest.mark.parametrize(
    ("columns", "keywords", "says"),
    [
        ({"label": 1}, {}, r"one class: 'label' has only '1' \(6 cases\)\n.*nothing to tell apart"),
        ({"label": "ill"}, {}, r"label of case f is 'ill'; .* 'ill' \(6 cases\)\n.*--positive VALUE"),
        ({"label": list("ababab")}, {"positive": "c"}, r"no case has the label 'c' .* 'a' \(3 cases\), 'b'"),
        ({"label": [None] * 6}, {}, "no case has a value in the column 'label'"),
        ({}, {"label": "lable"}, "no column 'lable'\n.*Did you mean 'label'"),
        ({}, {"patient": "person"}, "no column 'person'"),
        ({}, {"features": ["nope"]}, "no feature 'nope'"),
        ({"fold": [0, 1, 0, 1, 1, 0]}, {}, r"1 patient is .*: P1 \(fold 0: f, fold 1: e\)"),
        ({"fold": list("ababab")}, {}, "the fold of case f is 'a'"),
        ({"fold": 0.5}, {}, "the fold of case f is 0.5"),
    ],
)
def test_bad_input(columns: Any, keywords: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        cohort_of(frame(**columns), **keywords)


def test_tables_that_are_none() -> None:
    with pytest.raises(BadInput, match="the table has no feature"):
        cohort_of(frame().drop(columns=NAMES))
    with pytest.raises(BadInput, match="the table has no case"):
        cohort_of(frame().iloc[:0])
    with pytest.raises(BadInput, match="the case 'a' stands in it twice"):
        cohort_of(pd.concat([frame(), frame().loc[["a"]]]))
    with pytest.raises(BadInput, match="no variable `value`"):
        cohort_of(xr.Dataset())


def test_stored_folds_come_along() -> None:
    cohort = cohort_of(frame(fold=[0.0, 1.0, np.nan, 1.0, 0.0, 1.0]))
    assert cohort.folds is not None
    assert cohort.folds.tolist() == [1, 1, 1, -1, 0, 0]
    assert cohort_of(frame(fold=np.nan)).folds is None
