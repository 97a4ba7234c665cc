from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, pointbiserialr, ttest_ind
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from radstore.select import Options
from radstore.select.single import single_features


def test_against_other_libraries(make: Any) -> None:
    cohort = make(features=30, signal=8)
    values = cohort.values.copy()
    values[:, 0] *= -1
    values[:, 3] = np.round(values[:, 3])  # ties
    cohort, y = replace(cohort, values=values), cohort.positive
    found = single_features(cohort, Options())
    p = [pointbiserialr(y, column).pvalue for column in values.T]
    np.testing.assert_allclose(found["p"], p, rtol=1e-9)
    np.testing.assert_allclose(found["q"], multipletests(p, method="fdr_bh")[1], rtol=1e-9)
    for at, column in enumerate(values.T):
        area = roc_auc_score(y, column)
        assert found["auroc"][at] == pytest.approx(max(area, 1 - area))
        assert found["higher_in"][at] == ("1" if area >= 0.5 else "0")
        u = mannwhitneyu(column[y], column[~y]).statistic
        assert area == pytest.approx(u / (y.sum() * (~y).sum()))
        # t = d · √(n m / (n + m))
        d = ttest_ind(column[y], column[~y]).statistic / np.sqrt(y.sum() * (~y).sum() / len(y))
        assert found["hedges_g"][at] == pytest.approx(d * (1 - 3 / (4 * len(y) - 9)))
    assert found["higher_in"][0] == "0"
    assert found["hedges_g"][0] < 0


def test_undefined_values_are_left_out(make: Any) -> None:
    cohort = make(features=4)
    values = cohort.values.copy()
    values[:12, 0], values[:, 1], values[:, 2] = np.nan, np.nan, 1.0
    found = single_features(replace(cohort, values=values), Options())
    there = np.arange(len(cohort)) >= 12
    assert found["auroc"][0] == pytest.approx(roc_auc_score(cohort.positive[there], values[there, 0]))
    assert found["undefined"].tolist() == [0.1, 1.0, 0.0, 0.0]
    for name in ("auroc", "hedges_g", "p", "q"):
        assert np.isnan(found[name][1:3]).all()
    assert found["higher_in"][1] == ""
