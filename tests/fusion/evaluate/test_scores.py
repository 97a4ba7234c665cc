"""Point estimates against scikit-learn and against counting by hand; guards."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from fusion.evaluate.cases import CaseResult
from fusion.evaluate.ranking import Ranking
from fusion.evaluate.scores import by_fold, score, spread


def ap_by_hand(results: list[CaseResult]) -> float:
    """Walk down the confidences: precision each time that recall grows, misses only in the denominator."""
    findings = [finding for result in results for finding in result.findings]
    lesions, total, before = sum(f.lesion for f in findings), 0.0, 0.0
    for threshold in sorted({f.confidence for f in findings if f.confidence > 0}, reverse=True):
        above = [f for f in findings if f.confidence >= threshold]
        hits = sum(f.lesion for f in above)
        total += (hits - before) / lesions * hits / len(above)
        before = hits
    return total


@settings(max_examples=25)
@given(seed=st.integers(0, 999), cases=st.integers(4, 30), order=st.randoms())
def test_against_brute_force_in_any_order(draw_cohort: Callable, seed: int, cases: int, order) -> None:  # type: ignore[no-untyped-def]
    results = draw_cohort(seed, cases)
    found = score(results)
    truth, scores = [r.positive for r in results], [r.score for r in results]
    assert found.auroc == pytest.approx(roc_auc_score(truth, scores))
    assert found.ap == pytest.approx(ap_by_hand(results))
    assert found.score == pytest.approx((found.auroc + found.ap) / 2)
    shuffled = list(results)
    order.shuffle(shuffled)
    assert score(shuffled) == found


@settings(max_examples=25)
@given(seed=st.integers(0, 999), cases=st.integers(4, 30))
def test_a_weight_is_a_repeated_case(draw_cohort: Callable, seed: int, cases: int) -> None:
    results = draw_cohort(seed, cases)
    weights = np.random.default_rng(seed).integers(0, 4, cases)
    weights[:2] = 1  # one positive, one negative
    repeated = [r for r, weight in zip(results, weights, strict=True) for _ in range(weight)]
    place = {result.case: at for at, result in enumerate(results)}
    ranking = Ranking.of(results, lambda result: place[result.case], cases)
    found = ranking.metrics(np.vstack([np.ones(cases), weights]))
    assert found["auroc"][0] == pytest.approx(score(results).auroc)
    assert found["ap"][0] == pytest.approx(score(results).ap)
    truth, scores = [r.positive for r in repeated], [r.score for r in repeated]
    assert found["auroc"][1] == pytest.approx(roc_auc_score(truth, scores))
    assert found["ap"][1] == pytest.approx(ap_by_hand(repeated))


def test_no_negatives_no_positives_nothing(make: Callable[..., CaseResult]) -> None:
    cancer, healthy = make("a", 0.5, [(True, 0.5)]), make("b", 0.2, [(False, 0.2)])
    only = score([cancer])
    assert (only.ap, only.notes) == (1.0, ("no negative case: AUROC is not defined",))
    assert math.isnan(only.auroc)
    assert math.isnan(only.score)
    for results in ([healthy], [make("c")], []):
        none = score(results)
        assert math.isnan(none.ap)
        assert math.isnan(none.auroc)
        assert none.notes == ("no positive case: AUROC and AP are not defined",)
    assert score([make("a", 0, [(True, 0)]), healthy]).ap == 0  # missed


def test_folds(make: Callable[..., CaseResult]) -> None:
    results = [
        make("a", 0.9, [(True, 0.9)], fold=0),
        make("b", 0.1, [(False, 0.1)], fold=0),
        make("c", 0.2, [(False, 0.3), (True, 0.2)], fold=1),
        make("d", 0.3, [(False, 0.3)], fold=1),
        make("e", 0.3, [(False, 0.3)], fold=2),
        make("f", 0.3, [(False, 0.3)], fold=None),
    ]
    folds = by_fold(results)
    assert [folds[fold].auroc for fold in (0, 1)] == [1.0, 0.0]
    found = spread(folds)
    assert (found["auroc"].mean, found["auroc"].folds) == (0.5, 2)
    assert found["auroc"].sd == pytest.approx(np.std([1, 0], ddof=1))
    assert found["ap"].mean == pytest.approx((1 + 1 / 3) / 2)
