"""Moments merge to those of all values at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fusion.plan.statistics import Moments, Standards, standards

VALUES = arrays(
    np.float32,
    st.integers(0, 20),
    elements=st.floats(-1e4, 1e4, width=32) | st.just(np.nan) | st.just(np.inf),
)


@given(st.lists(VALUES, min_size=1, max_size=6))
def test_cases_merge_to_their_pool(cases: list[np.ndarray]) -> None:
    (found,) = standards(["a"], [Moments.of([values]) for values in cases], "map").channels
    pool = np.concatenate(cases).astype(np.float64)
    pool = pool[np.isfinite(pool)]
    assert found.mean == pytest.approx(pool.mean() if len(pool) else 0.0, rel=1e-9, abs=1e-9)
    if len(pool) and pool.std() > 1e-6 * abs(pool).max():
        assert found.sd == pytest.approx(pool.std(), rel=1e-6)
    assert found.sd > 0
    assert np.isfinite(found.standard(pool)).all()


def test_large_offsets_do_not_cancel() -> None:
    values = 1e8 + np.arange(1000.0)
    (found,) = standards(["a"], [Moments.of([part]) for part in np.split(values, 10)], "map").channels
    assert found.sd == pytest.approx(values.std(), rel=1e-9)


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        ([[0.1, 0.1], [0.1]], "the map flat is always 0.1 in the training cases"),
        ([[np.nan], []], "the map flat is undefined in the training cases"),
    ],
)
def test_what_never_varies_is_told_and_becomes_zero(cases: list[list[float]], told: str) -> None:
    found = standards(["flat"], [Moments.of([np.array(values)]) for values in cases], "map")
    assert found.channels[0].sd == 1.0
    assert told in found.notes[0]
    np.testing.assert_allclose(found.channels[0].standard(np.array(cases[0])), 0, atol=1e-15)


def test_without_channels_there_is_nothing_to_tell() -> None:
    assert standards([], [], "map") == Standards()
