"""What selection finds in two stored cohorts: one with a signal in the texture, one without.

`cohorts.npz` is part of the recorded run in docs/experiments.md; `benchmarks.cohort_tables` made it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radstore.select import Cohort, Options, Selection, cohort_of, select_features

TABLES = Path(__file__).with_name("cohorts.npz")
OPTIONS = Options(folds=5)


def stored(signal: bool) -> Cohort:
    with np.load(TABLES) as file:
        values, label = file["value"].astype(float), file["label"]
        if not signal:
            values[label == 1] = file["control"]
        frame = pd.DataFrame(values, index=file["case"], columns=file["feature"])
        return cohort_of(frame.assign(patient=file["patient"], label=label))


@pytest.fixture(scope="module")
def signal() -> Selection:
    return select_features(stored(signal=True), OPTIONS, jobs=1)


def test_the_file_is_small() -> None:
    assert TABLES.stat().st_size < 1e6


def test_the_cohorts_are_what_they_should() -> None:
    signal, control = stored(signal=True), stored(signal=False)
    assert len(signal) == len(control) == 600
    assert len(set(signal.patients)) == 500
    assert signal.positive.sum() == 300
    differs = (signal.values != control.values).any(axis=1)
    np.testing.assert_array_equal(differs, signal.positive)


def test_the_signal_is_found(signal: Selection) -> None:
    """By the honest estimate, well above what labels that mean nothing give, and not by luck of a fold."""
    assert signal.nested.honest.mean_auroc > 0.72
    assert min(signal.nested.honest.auroc) > 0.6
    assert len(signal.features) == 10
    assert signal.stability.low > 0.2
    assert (signal.table.loc[list(signal.features), "q"] < 0.05).all()


def test_labels_that_mean_nothing_give_nothing() -> None:
    found = select_features(stored(signal=True), Options(folds=3), permutations=20, jobs=1).null
    assert found is not None
    assert not found.inside
    assert max(found.auroc) < 0.65


@pytest.mark.parametrize("alpha", [0.05, 1.0], ids=["defaults", "no filter"])
def test_nothing_is_found_in_the_control(alpha: float) -> None:
    """Also without a filter, where whatever can leak does."""
    control = stored(signal=False)
    options = Options(folds=3, alpha=alpha, size=5)
    found = select_features(control, options, permutations=100 if alpha < 1 else 12, jobs=1)
    assert found.null is not None
    low, high = found.null.interval if alpha < 1 else (min(found.null.auroc), max(found.null.auroc))
    assert low <= found.nested.honest.mean_auroc <= high
    assert found.nested.honest.mean_auroc == pytest.approx(0.5, abs=0.08)
