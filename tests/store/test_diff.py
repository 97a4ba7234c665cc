"""diff: which cases, blocks and features differ between two versions, and by how much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.store.diff import Difference, diff
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.query import open_store

FAILED = Entry("key", "failed", error={"step": "read", "message": "truncated", "remedy": "again"})
MEAN, ENERGY, IMC = "original_firstorder_Mean", "original_firstorder_Energy", "original_glcm_Imc1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def commit(make: Any, case: str, values: dict[str, float] | None, view: str = "v", **info: Any) -> None:
    before = make.now(case) or make.record(case)
    entries = dict(before.blocks)
    if values is not None:
        entries[f"features/{view}"] = make.vector(case, values)
    assert make.commit(case, CaseRecord({**before.info, **info}, entries)).written


def between(root: Path, a: int, b: int) -> Difference:
    return diff(open_store(root, a), open_store(root, b))


def test_no_difference(make: Any, root: Path) -> None:
    commit(make, "a", {MEAN: 1.0})
    assert between(root, 1, 1) == Difference()
    assert not between(root, 1, 1)


def test_cases(make: Any, root: Path) -> None:
    commit(make, "a", {MEAN: 1.0})
    commit(make, "b", {MEAN: 1.0})
    make.commit("a", None)
    assert between(root, 1, 2) == Difference(cases_added=["b"])
    assert between(root, 2, 3) == Difference(cases_removed=["a"])
    assert between(root, 1, 3) == Difference(cases_added=["b"], cases_removed=["a"])
    assert between(root, 1, 3)


def test_values(make: Any, root: Path) -> None:
    commit(make, "a", {MEAN: 1.0, ENERGY: 5.0})
    commit(make, "b", {MEAN: 1.0, ENERGY: 5.0})
    commit(make, "a", {MEAN: 1.5, ENERGY: 5.0})
    commit(make, "b", {MEAN: -2.0, ENERGY: 5.0})
    assert between(root, 2, 4) == Difference(
        cases_changed={"a": ["features/v"], "b": ["features/v"]}, features_changed={"v": {MEAN: 3.0}}
    )
    assert between(root, 4, 2).features_changed == {"v": {MEAN: 3.0}}


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (np.nan, 1.0, np.inf),
        (1.0, np.nan, np.inf),
        (np.nan, np.nan, None),
        (np.inf, np.inf, None),
        (np.inf, -np.inf, np.inf),
        (1.0, np.inf, np.inf),
        (-1.0, 1.0, 2.0),
    ],
)
def test_special_values(make: Any, root: Path, old: float, new: float, change: float | None) -> None:
    commit(make, "a", {MEAN: old, ENERGY: 1.0})
    commit(make, "a", {MEAN: new, ENERGY: 2.0})
    expected = {ENERGY: 1.0} if change is None else {ENERGY: 1.0, MEAN: change}
    assert between(root, 1, 2).features_changed == {"v": expected}


def test_features_added_and_removed(make: Any, root: Path) -> None:
    commit(make, "a", {MEAN: 1.0, ENERGY: 2.0})
    commit(make, "a", {MEAN: 1.0, IMC: 3.0})
    assert between(root, 1, 2) == Difference(
        cases_changed={"a": ["features/v"]},
        features_added={"v": [IMC]},
        features_removed={"v": [ENERGY]},
    )


def test_a_feature_that_another_case_had_is_not_new(make: Any, root: Path) -> None:
    commit(make, "a", {MEAN: 1.0})
    make.commit("b", make.record("b", features__v=FAILED))
    commit(make, "b", {MEAN: 2.0})
    assert between(root, 2, 3) == Difference(cases_changed={"b": ["features/v"]})


def test_a_view_that_came_or_went(make: Any, root: Path) -> None:
    commit(make, "a", {MEAN: 1.0})
    commit(make, "a", {ENERGY: 1.0, IMC: 2.0}, view="w")
    assert between(root, 1, 2).features_added == {"w": [ENERGY, IMC]}
    assert between(root, 2, 1).features_removed == {"w": [ENERGY, IMC]}
    assert between(root, 1, 2).cases_changed == {"a": ["features/w"]}


def test_columns_and_other_blocks(make: Any, root: Path) -> None:
    commit(make, "a", {MEAN: 1.0})
    commit(make, "a", None, age=50)
    make.commit_image("a")
    assert between(root, 1, 2) == Difference(cases_changed={"a": ["info"]})
    assert between(root, 2, 3) == Difference(cases_changed={"a": ["image"]})
    assert between(root, 1, 3) == Difference(cases_changed={"a": ["info", "image"]})
