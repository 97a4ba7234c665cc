from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radstore.phantom.texture import field


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32), sigma=st.floats(0.5, 1.6), kind=st.sampled_from([np.float32, np.float64]))
def test_fields_have_unit_variance_and_the_stated_correlation(seed: int, sigma: float, kind: type) -> None:
    values = field(np.random.default_rng(seed), (48, 48, 48), (sigma, sigma, sigma), kind)
    assert values.dtype == kind
    assert values.std() == pytest.approx(1, abs=0.08)
    lag = np.mean(values * np.roll(values, 2, axis=2)) / values.var()
    assert lag == pytest.approx(np.exp(-(2**2) / (4 * sigma**2)), abs=0.08)
