from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.errors import BadInput
from radstore.split.folds import assign, require_disjoint


def cohort(patients: int, seed: int = 0) -> tuple[list[str], list[str], list[str]]:
    """Cases, patients (one to three studies each) and strata."""
    rng = np.random.default_rng(seed)
    studies = [(f"P{p:03d}_{s}", f"P{p:03d}") for p in range(patients) for s in range(rng.integers(1, 4))]
    cases, owners = (list(column) for column in zip(*studies, strict=True))
    return cases, owners, [str(rng.integers(0, 2)) for _ in cases]


@given(st.integers(10, 40), st.integers(2, 5), st.integers(0, 3))
def test_no_patient_is_torn_and_no_fold_is_empty(patients: int, k: int, seed: int) -> None:
    cases, owners, strata = cohort(patients, seed)
    folds = assign(cases, owners, strata, k, seed)
    assert set(folds.tolist()) == set(range(k))
    for patient in set(owners):
        assert len({fold for fold, owner in zip(folds, owners, strict=True) if owner == patient}) == 1


@given(st.randoms(use_true_random=False))
def test_order_does_not_matter(random: Any) -> None:
    cases, owners, strata = cohort(25)
    expected = dict(zip(cases, assign(cases, owners, strata, 4, 7), strict=True))
    rows = list(zip(cases, owners, strata, strict=True))
    random.shuffle(rows)
    shuffled = [list(column) for column in zip(*rows, strict=True)]
    assert dict(zip(shuffled[0], assign(*shuffled, 4, 7), strict=True)) == expected


def test_the_seed_matters() -> None:
    rows = cohort(40)
    assert (assign(*rows, 5, 0) != assign(*rows, 5, 1)).any()
    assert (assign(*rows, 5, 0) == assign(*rows, 5, 0)).all()


def test_strata_are_even() -> None:
    cases = [f"c{n:03d}" for n in range(200)]
    strata = ["rare" if n % 10 == 0 else "common" for n in range(200)]
    folds = assign(cases, cases, strata, 5, 0)
    rare = np.bincount(folds[np.array(strata) == "rare"], minlength=5)
    assert rare.tolist() == [4] * 5
    assert np.bincount(folds).tolist() == [40] * 5


@pytest.mark.parametrize(
    ("patients", "k", "says"),
    [
        (3, 5, "5 folds need at least 5 patients, there are 3\n  → Use at most 3 folds"),
        (1, 2, "2 folds need at least 2 patients, there are 1\n  → Add cases of other patients"),
        (4, 1, "1 folds: nothing could be held out\n  → Use at least 2 folds"),
    ],
)
def test_too_few_patients(patients: int, k: int, says: str) -> None:
    with pytest.raises(BadInput, match=says.replace("\n", "\\n")):
        assign(*cohort(patients), k, 0)


def test_no_stratum_large_enough() -> None:
    with pytest.raises(BadInput, match=r"no stratum has more than 3 cases\n.*at most 3 folds"):
        assign(list("abcdef"), list("abcdef"), list("xxxyyy"), 4, 0)


def test_a_torn_patient_is_named_with_its_cases() -> None:
    patients = {"a1": "A", "a2": "A", "b1": "B", "c1": "C", "c2": "C"}
    require_disjoint(patients, {"a1": 0, "a2": 0, "b1": 1}, "here")
    with pytest.raises(BadInput, match=r"here: 1 patient is in more .*: A \(fold 0: a1, fold 1: a2\)"):
        require_disjoint(patients, {"a1": 0, "a2": 1, "b1": 1}, "here")
    with pytest.raises(BadInput, match=r"2 patients are .* C \(fold 0: c1, fold 2: c2\)"):
        require_disjoint(patients, {"a1": 0, "a2": 1, "c1": 0, "c2": 2}, "here")
