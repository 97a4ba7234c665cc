"""Cohorts with and without signal, as small as will do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from radstore.select import Cohort, cohort_of


def _table(
    cases: int = 120, features: int = 60, signal: int = 5, seed: int = 0, effect: float = 1.0
) -> pd.DataFrame:
    """Correlated noise features; the first `signal` ones shifted by `effect` in positives; three studies for
    two patients."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(cases) % 2)
    common = rng.normal(size=(cases, 8)) @ rng.normal(size=(8, features)) * 0.3
    values = common + rng.normal(size=(cases, features))
    values[:, :signal] += effect * label[:, None]
    names = [f"f{n:03d}" for n in range(features)]
    frame = pd.DataFrame(values, columns=names, index=[f"c{n:04d}" for n in range(cases)])
    patients = [f"p{n // 3 * 2 + min(n % 3, 1):04d}" for n in range(cases)]
    return frame.assign(label=label, patient=patients)


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """A table of cases."""
    return _table


@pytest.fixture
def make() -> Callable[..., Cohort]:
    """A cohort of such a table."""

    def cohort(**keywords: float) -> Cohort:
        frame = _table(**keywords)
        return cohort_of(frame, features=[name for name in frame.columns if name.startswith("f")])

    return cohort
