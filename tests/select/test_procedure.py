"""One training set's choice is what plain scikit-learn, SciPy and statsmodels calls give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.feature_selection import RFE
from sklearn.svm import LinearSVC
from statsmodels.stats.multitest import multipletests

from radstore.select import Options
from radstore.select.nested import nested, outer_folds
from radstore.select.procedure import choose, fitted, imputed, standardised, usable


def plainly(values: np.ndarray, positive: np.ndarray, size: int) -> set[int]:
    """The same procedure, written down naively."""
    scaled = {}
    for at in range(values.shape[1]):
        column = values[:, at].copy()
        if np.isnan(column).mean() > 0.2 or np.nanmin(column) == np.nanmax(column):
            continue
        column[np.isnan(column)] = np.nanmedian(column)
        scaled[at] = (column - column.mean()) / column.std()
    p = {at: pearsonr(column, positive.astype(float)).pvalue for at, column in scaled.items()}
    passed = multipletests(list(p.values()), alpha=0.05, method="fdr_bh")[0]
    kept: list[int] = []
    for at in sorted((at for at, good in zip(p, passed, strict=True) if good), key=lambda at: p[at]):
        if all(abs(np.corrcoef(scaled[at], scaled[other])[0, 1]) <= 0.95 for other in kept):
            kept.append(at)
    svm = LinearSVC(C=0.01, dual=False, class_weight="balanced")
    for number, step in ((4 * size, 0.2), (size, 1)):
        if len(kept) > number:
            rfe = RFE(svm, n_features_to_select=number, step=step)
            rfe.fit(np.column_stack([scaled[at] for at in kept]), positive)
            kept = [at for at, stays in zip(kept, rfe.support_, strict=True) if stays]
    return set(kept)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_fold_agrees_with_a_plain_recomputation(make: Any, seed: int) -> None:
    cohort = make(cases=180, features=150, signal=60, effect=0.6, seed=seed)
    values = cohort.values.copy()
    rng = np.random.default_rng(seed)
    values[rng.random(values.shape) < 0.05] = np.nan
    values[:50, 7], values[:, 9] = np.nan, 3.0  # one that is missing too often, one constant
    values[:, 1] = values[:, 0] + 1e-3 * rng.normal(size=180)  # a near copy
    values[:, 2] *= 1e12
    cohort, options = replace(cohort, values=values), Options(size=6, folds=5, seed=seed)
    folds = outer_folds(cohort, options)
    found = nested(cohort, options, jobs=1)
    for fold in range(5):
        train = folds != fold
        expected = plainly(values[train], cohort.positive[train], 6)
        assert len(expected) == 6
        assert set(np.flatnonzero(found.whole.chosen[fold])) == expected


def test_ranks_follow_the_elimination(make: Any) -> None:
    cohort = make(features=80, signal=50, effect=1.5)
    choice = choose(cohort.values, cohort.positive, Options(size=4))
    assert choice.left["not redundant"] > 16
    assert [choice.ranks[at] for at in choice.features] == [1, 2, 3, 4]
    assert choice.ranks.max() == 80
    assert sorted(rank for rank in choice.ranks if 4 < rank <= 16) == list(range(5, 17))


def test_weights_decide_the_order(make: Any) -> None:
    cohort = make(signal=6, effect=1.5)
    choice = choose(cohort.values, cohort.positive, Options(size=5))
    model = fitted(cohort.values, cohort.positive, choice.features, Options())
    weights = np.abs(model[-1].coef_[0])
    assert (np.diff(weights) <= 0).all()


def test_nothing_passes_is_an_empty_choice(make: Any) -> None:
    cohort = make(signal=0, features=20)
    choice = choose(cohort.values, cohort.positive, Options(alpha=1e-6))
    assert choice.features == ()
    assert choice.left["selected"] == 0
    assert set(choice.ranks) == {20.0}


def test_nothing_can_be_used() -> None:
    values = np.full((10, 3), np.nan)
    values[:, 1] = 5.0
    choice = choose(values, np.arange(10) % 2 == 0, Options())
    assert choice.features == ()
    assert choice.left["defined and not constant"] == 0


@pytest.mark.filterwarnings("ignore:Features .* are constant")
def test_a_column_that_equals_the_label() -> None:
    positive = np.arange(20) % 2 == 0
    values = np.column_stack([np.random.default_rng(0).normal(size=20), positive])
    assert choose(values, positive, Options()).features == (1,)


def test_usable_keeps_the_share_asked_for() -> None:
    values = np.random.default_rng(0).normal(size=(10, 3))
    values[:2, 0] = values[:3, 1] = np.nan
    assert usable(values, 0.2).tolist() == [0, 2]
    assert usable(values, 0.3).tolist() == [0, 1, 2]
    assert usable(np.full((10, 1), 1e9) + 1e-6 * values[:, 2:], 0.2).tolist() == []


def test_imputation_and_scaling() -> None:
    values = np.array([[1.0, 5.0], [np.nan, 7.0], [2.0, 6.0], [9.0, 6.0]])
    assert imputed(values)[1, 0] == 2.0
    assert np.isnan(values[1, 0])
    scaled = standardised(values)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(scaled.std(axis=0), 1)
