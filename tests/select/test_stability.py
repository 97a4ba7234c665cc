from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radstore.select.stability import stability


def kuncheva(sets: np.ndarray) -> float:
    """Kuncheva's index, which Nogueira's equals for sets of one size k: mean of (r·d − k²) / (k (d − k))."""
    (m, d), k = sets.shape, sets[0].sum()
    pairs = [(sets[i] & sets[j]).sum() for i in range(m) for j in range(i)]
    return float(np.mean([(r * d - k**2) / (k * (d - k)) for r in pairs]))


def test_equal_sets_agree_fully() -> None:
    sets = np.tile(np.arange(20) < 5, (6, 1))
    found = stability(sets)
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))


@given(st.integers(2, 8), st.integers(1, 9), st.integers(0, 10_000))
def test_sets_of_one_size_give_kunchevas_index(m: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sets = np.array([rng.permutation(10) < k for _ in range(m)])
    assert stability(sets).value == pytest.approx(kuncheva(sets))


def test_random_sets_agree_as_chance_has_it() -> None:
    rng = np.random.default_rng(0)
    found = stability(np.array([rng.permutation(1000) < 50 for _ in range(40)]))
    assert abs(found.value) < 0.01
    assert found.low < 0 < found.high


@given(arrays(bool, (5, 12)))
def test_order_of_sets_and_features_does_not_matter(sets: np.ndarray) -> None:
    a, b = stability(sets), stability(sets[::-1, ::-1])
    np.testing.assert_allclose([a.value, a.low, a.high], [b.value, b.low, b.high], rtol=1e-9, atol=1e-12)
    assert np.isnan(a.value) or a.low <= a.value <= a.high


def test_a_worked_example() -> None:
    """M = 3 sets of d = 4: p = (1, 2/3, 1/3, 0), k̄ = 2; Φ = 1 − (3/2 · (4/9)/4) / (1/4) = 1/3."""
    sets = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0]], dtype=bool)
    assert stability(sets).value == pytest.approx(1 / 3)


@pytest.mark.parametrize("sets", [np.zeros((4, 5), bool), np.ones((4, 5), bool), np.ones((1, 5), bool)])
def test_where_it_is_not_defined(sets: np.ndarray) -> None:
    assert np.isnan(stability(sets).value)
