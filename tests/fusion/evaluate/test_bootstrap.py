"""Intervals: they contain the estimate, know patients, and do not depend on the order of cases."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.evaluate.bootstrap import Draws, intervals
from fusion.evaluate.cases import CaseResult
from fusion.evaluate.curves import curves
from fusion.evaluate.picai import quietly
from fusion.evaluate.scores import _metrics, score
from radstore.errors import BadInput


@settings(max_examples=15)
@given(seed=st.integers(0, 999), order=st.randoms())
def test_interval_contains_the_estimate_in_any_order(draw_cohort: Callable, seed: int, order) -> None:  # type: ignore[no-untyped-def]
    results = draw_cohort(seed, 60)
    found = intervals(Draws.of(results, 300), results)
    for name, value in score(results).metrics().items():
        assert found[name].low <= value <= found[name].high
    shuffled = list(results)
    order.shuffle(shuffled)
    again = intervals(Draws.of(shuffled, 300), shuffled)
    for name in found:
        assert (again[name].low, again[name].high) == pytest.approx((found[name].low, found[name].high))


def test_seed(draw_cohort: Callable) -> None:
    results = draw_cohort()
    draws = [Draws.of(results, 50, seed).weights for seed in (1, 1, 2)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()


def test_studies_of_a_patient_are_drawn_together(draw_cohort: Callable) -> None:
    alone = draw_cohort(3, 60)
    thrice = [
        CaseResult(**{**vars(result), "case": f"{result.case}.{n}"}) for result in alone for n in range(3)
    ]
    one, three = (intervals(Draws.of(results, 500), results)["auroc"] for results in (alone, thrice))
    assert (three.low, three.high) == pytest.approx((one.low, one.high))  # not √3 narrower


def test_every_draw_has_both_classes(draw_cohort: Callable) -> None:
    results = draw_cohort(0, 6)
    drawn = Draws.of(results, 500)
    assert (drawn.weights.sum(axis=1) == 6).all()
    assert not np.isnan(drawn.metrics(results)["auroc"]).any()
    free = Draws.of(results, 500, stratified=False)
    assert np.isnan(free.metrics(results)["auroc"]).any()


def test_like_picai_evals_own_bootstrap(draw_cohort: Callable) -> None:
    """It draws cases, without strata."""
    results = draw_cohort(1, 60)
    theirs = _metrics(results).bootstrap_score_ci(300, seed=0)
    ours = intervals(Draws.of(results, 4000, stratified=False), results)
    for name in ("ap", "auroc", "score"):
        assert (ours[name].low, ours[name].high) == pytest.approx(theirs[f"{name}_95_ci"], abs=0.03)


def test_not_defined(make: Callable[..., CaseResult]) -> None:
    results = [make("a", 0.5, [(True, 0.5)])]
    found = intervals(Draws.of(results, 20), results)
    assert math.isnan(found["auroc"].low)
    assert (found["ap"].low, found["ap"].high) == (1, 1)
    with pytest.raises(BadInput, match="0 bootstrap resamples"):
        Draws.of(results, 0)


def test_curves_are_picai_evals(draw_cohort: Callable) -> None:
    results = draw_cohort(5, 50)
    draws = Draws.of(results, 100)
    found, metrics = curves(draws, results), _metrics(results)
    roc = metrics.calculate_ROC()
    np.testing.assert_allclose(found.roc.y, np.interp(found.roc.x, roc["FPR"], roc["TPR"]))
    steps = np.nan_to_num(found.precision_recall.y).mean()  # AP is the area under these steps
    assert steps == pytest.approx(metrics.AP, abs=0.02)
    for false_a_case in (0.1, 0.5):
        at = np.argmin(abs(found.froc.x - false_a_case))
        expected = quietly("metrics").Metrics.lesion_TPR_at_FPR(metrics, found.froc.x[at])
        assert found.froc.y[at] == pytest.approx(expected)
    for curve in (found.roc, found.froc):
        assert (np.diff(curve.y) >= 0).all()
        assert (curve.low <= curve.y + 1e-12).all()
        assert (curve.y <= curve.high + 1e-12).all()
