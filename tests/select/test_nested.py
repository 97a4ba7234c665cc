from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from radstore.errors import BadInput
from radstore.select import Options
from radstore.select.nested import nested, outer_folds
from radstore.select.procedure import choose, fitted
from radstore.select.rules import vote
from radstore.select.scores import auroc_of
from radstore.split.folds import assign

OPTIONS = Options(size=4, folds=5)


def test_folds_hold_patients_together_and_have_both_classes(make: Any) -> None:
    cohort = make()
    folds = outer_folds(cohort, OPTIONS)
    assert set(folds.tolist()) == set(range(5))
    for patient in set(cohort.patients):
        assert len(set(folds[cohort.patients == patient])) == 1
    for fold in range(5):
        assert set(cohort.positive[folds == fold]) == {True, False}


def test_an_outer_fold_is_what_its_training_cases_alone_give(make: Any) -> None:
    """The whole of one outer fold, done again on nothing but its training cases."""
    cohort = make(effect=0.8)
    found = nested(cohort, OPTIONS, jobs=1)
    train = cohort.only(np.flatnonzero(found.folds != 2))
    strata = ["1" if truth else "0" for truth in train.positive]
    inner = assign(train.cases.tolist(), train.patients.tolist(), strata, 5, OPTIONS.seed + 1 + 2)
    results = []
    for fold in range(5):
        x, y = train.values[inner != fold], train.positive[inner != fold]
        choice = choose(x, y, OPTIONS)
        model = fitted(x, y, choice.features, OPTIONS)
        held = train.values[inner == fold][:, choice.features]
        results.append((choice, auroc_of(train.positive[inner == fold], model.decision_function(held))))
    expected = vote(results, OPTIONS)
    assert found.inner[2].features == expected.features
    model = fitted(train.values, train.positive, expected.features, OPTIONS)
    held_out = cohort.values[found.folds == 2][:, expected.features]
    np.testing.assert_array_equal(found.decision[found.folds == 2], model.decision_function(held_out))


def test_held_out_cases_have_no_say(make: Any) -> None:
    """Other values and labels in one fold change nothing of what its predictor is."""
    cohort = make(effect=0.8)
    first = nested(cohort, OPTIONS, jobs=1)
    held = first.folds == 1
    values = np.where(held[:, None], cohort.values * 100 + 5, cohort.values)
    changed = nested(replace(cohort, values=values), OPTIONS, jobs=1)
    assert changed.inner[1].features == first.inner[1].features
    np.testing.assert_array_equal(changed.inner[1].ranks, first.inner[1].ranks)
    np.testing.assert_array_equal(changed.whole.chosen[1], first.whole.chosen[1])
    assert (changed.inner[0].ranks != first.inner[0].ranks).any()


def test_no_features_is_a_constant_prediction(make: Any) -> None:
    found = nested(make(signal=0), Options(size=4, folds=3, alpha=1e-9), jobs=1)
    assert found.whole.features == ()
    assert not found.decision.any()
    assert found.honest.auroc == found.chosen_outside.auroc == (0.5, 0.5, 0.5)


def test_stored_folds(make: Any) -> None:
    cohort = make()
    options = Options(size=4, folds=None)
    with pytest.raises(BadInput, match=r"120 of 120 labelled cases have no stored fold\n.*radstore split"):
        outer_folds(cohort, options)
    own = outer_folds(cohort, Options(folds=3, seed=5))
    stored = replace(cohort, folds=own * 2 + 1)  # numbered 1, 3, 5
    assert outer_folds(stored, options).tolist() == own.tolist()
    some = np.where(np.arange(120) < 2, -1, own)
    with pytest.raises(BadInput, match="2 of 120 labelled cases have no stored fold"):
        outer_folds(replace(cohort, folds=some), options)


def test_a_fold_without_positives(make: Any) -> None:
    cohort = make()
    folds = np.where(cohort.positive, 0, np.arange(120) % 2)
    cohort = replace(cohort, patients=cohort.cases, folds=folds)
    with pytest.raises(BadInput, match=r"fold 1 has no case with the label '1' among its \d+\n"):
        outer_folds(cohort, Options(folds=None))


@pytest.mark.parametrize(("positives", "remedy"), [(4, "Use --folds 4"), (2, "Add cases")])
def test_fewer_patients_than_folds(make: Any, positives: int, remedy: str) -> None:
    cohort = make()
    rows = np.sort(np.r_[np.flatnonzero(cohort.positive)[:positives], np.flatnonzero(~cohort.positive)])
    cohort = replace(cohort, patients=cohort.cases).only(rows)
    with pytest.raises(BadInput, match=rf"only {positives} have the label '1'\n  → {remedy}"):
        outer_folds(cohort, Options(folds=10))


def test_as_few_patients_as_folds_is_enough(make: Any) -> None:
    cohort = make(effect=3.0)
    cohort = replace(cohort, patients=cohort.cases)
    rows = np.sort(np.r_[np.flatnonzero(cohort.positive)[:4], np.flatnonzero(~cohort.positive)[:4]])
    found = nested(cohort.only(rows), Options(size=2, folds=4), jobs=1)
    assert [len(inner.auroc) for inner in found.inner] == [3, 3, 3, 3]
