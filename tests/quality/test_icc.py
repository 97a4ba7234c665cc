"""The intraclass correlation against published numbers, and what it must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radstore.quality.icc import class_of, icc

# Shrout and Fleiss (1979), table 2: six targets, four judges; table 4 gives ICC(1,1) = 0.17.
RATINGS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)

TABLES = arrays(np.float64, (5, 3, 1), elements=st.floats(-100, 100).map(lambda x: round(x, 2)))


def test_the_published_example() -> None:
    found = icc(RATINGS[:, :, None])
    # BMS = 11.24 and WMS = 6.26 in table 3; the interval as R's psych::ICC gives it for these data
    assert found.value[0] == pytest.approx(0.17, abs=0.005)
    assert found.low[0] == pytest.approx(-0.13, abs=0.005)
    assert found.high[0] == pytest.approx(0.72, abs=0.005)
    assert found.cases[0] == 6


def test_the_formula_by_analysis_of_variance() -> None:
    values = np.random.default_rng(0).normal(size=(9, 4, 3)) + np.arange(9)[:, None, None]
    n, k = 9, 4
    between = k * values.mean(axis=1).var(axis=0, ddof=1)
    within = values.var(axis=1, ddof=1).mean(axis=0)
    np.testing.assert_allclose(
        icc(values).value, (between - within) / (between + (k - 1) * within), rtol=1e-12
    )
    assert n == icc(values).cases[0]


@given(TABLES, st.floats(0.1, 100), st.floats(-1e3, 1e3))
def test_units_do_not_matter(values: np.ndarray, scale: float, offset: float) -> None:
    before, after = icc(values), icc(values * scale + offset)
    if values.var(axis=1).max() > 1e-3:
        np.testing.assert_allclose(after.value, before.value, atol=1e-6, equal_nan=True)
        assert before.low[0] <= before.value[0] <= before.high[0]
        assert -1 / 2 - 1e-9 <= before.value[0] <= 1


@given(TABLES)
def test_neither_does_the_order_of_replicates_and_cases(values: np.ndarray) -> None:
    np.testing.assert_allclose(icc(values[::-1, ::-1]).value, icc(values).value, atol=1e-9, equal_nan=True)


def test_whole_agreement() -> None:
    found = icc(np.repeat(np.arange(4.0)[:, None, None], 3, axis=1))
    assert (found.value[0], found.low[0], found.high[0]) == (1, 1, 1)


def test_a_case_with_an_undefined_replicate_is_left_out() -> None:
    holed = np.concatenate([RATINGS, [[1, np.nan, 1, 1]]])[:, :, None]
    found, whole = icc(holed), icc(RATINGS[:, :, None])
    assert (found.value[0], found.cases[0]) == (pytest.approx(whole.value[0]), 6)


def test_what_cannot_be_known_is_nan() -> None:
    assert np.isnan(icc(RATINGS[:1, :, None]).value[0])  # one case
    assert np.isnan(icc(np.ones((4, 3, 1))).value[0])  # nothing varies
    with pytest.raises(ValueError, match="two"):
        icc(RATINGS[:, :1, None])


def test_classes() -> None:
    named = [class_of(value) for value in (-0.2, 0.5, 0.75, 0.9, np.nan)]
    assert named == ["poor", "moderate", "good", "excellent", ""]
