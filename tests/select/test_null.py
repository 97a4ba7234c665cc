from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.select import Options, select_features
from radstore.select.cohort import Cohort
from radstore.select.null import Null, permuted

# Every feature passes: what would leak, leaks.
OPEN = Options(size=5, folds=3, alpha=1.0)


def of_patients(sizes: list[int], seed: int) -> Cohort:
    rng = np.random.default_rng(seed)
    patients = np.array([f"p{n}" for n, size in enumerate(sizes) for _ in range(size)])
    count = len(patients)
    cases = np.array([f"c{n}" for n in range(count)])
    return Cohort(np.zeros((count, 1)), rng.random(count) < 0.5, cases, patients, ("f",))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=20), st.integers(0, 1000))
def test_blocks_of_labels_move_between_patients_of_one_size(sizes: list[int], seed: int) -> None:
    cohort = of_patients(sizes, seed)

    def blocks(labels: np.ndarray) -> Counter[tuple[bool, ...]]:
        return Counter(tuple(labels[cohort.patients == p].tolist()) for p in set(cohort.patients))

    assert blocks(permuted(cohort, (seed,))) == blocks(cohort.positive)


def test_permutations_differ_and_come_back() -> None:
    cohort = of_patients([1] * 40, 0)
    assert (permuted(cohort, (0, 1)) != permuted(cohort, (0, 2))).any()
    assert (permuted(cohort, (0, 1)) == permuted(cohort, (0, 1))).all()


def test_interval_and_p() -> None:
    null = Null(tuple(np.linspace(0.4, 0.6, 101)), 0.59)
    assert null.interval == pytest.approx((0.405, 0.595))
    assert null.inside
    assert null.p == pytest.approx((1 + 6) / 102)
    far = replace(null, observed=0.9)
    assert (far.inside, far.p) == (False, 1 / 102)


def test_leakage() -> None:
    """Noise: features chosen outside the folds seem to tell the classes apart, ours do not."""
    rng = np.random.default_rng(1)
    ids = np.array([f"c{n:02d}" for n in range(60)])
    names = tuple(f"f{n:03d}" for n in range(400))
    noise = Cohort(rng.normal(size=(60, 400)), rng.permutation(np.arange(60) % 2 == 0), ids, ids, names)
    found = select_features(noise, replace(OPEN, size=10), permutations=20, jobs=1)
    assert found.nested.chosen_outside.mean_auroc > 0.8
    assert found.nested.same_data.mean_auroc > 0.85
    assert found.null is not None
    assert found.null.inside
    assert found.null.observed == found.nested.honest.mean_auroc < 0.65


def test_signal_lies_outside_the_null(make: Any) -> None:
    found = select_features(make(effect=1.5), replace(OPEN, alpha=0.05), permutations=20, jobs=1)
    assert found.null is not None
    assert not found.null.inside
    assert found.null.p == pytest.approx(1 / 21)


def test_with_stored_folds_the_null_has_as_many(make: Any) -> None:
    cohort = make()
    folds = np.array([int(patient[1:]) % 3 for patient in cohort.patients])
    found = select_features(replace(cohort, folds=folds), Options(size=3, folds=None), permutations=2, jobs=1)
    assert found.null is not None
    assert len(found.null.auroc) == 2
