"""ROC, precision-recall and FROC curves with bootstrap bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fusion.evaluate.bootstrap import LEVEL, Draws
from fusion.evaluate.cases import CaseResult

RATES = np.linspace(0, 1, 201)  # false positive rates
RECALLS = np.linspace(0, 1, 201)[1:]
FALSE_A_CASE = np.geomspace(0.01, 10, 121)  # false candidates a case


@dataclass(frozen=True)
class Curve:
    """A curve and, at each place, the percentile interval of the bootstrapped curves there.

    Parameters
    ----------
    x, y, low, high
        (n,); NaN where it is not defined.
    """

    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Curves:
    """The three curves of a row.

    Parameters
    ----------
    roc
        Sensitivity by false positive rate, of cases.
    precision_recall
        Precision by recall, of lesions.
    froc
        Share of lesions found by false candidates a case.
    """

    roc: Curve
    precision_recall: Curve
    froc: Curve


def curves(draws: Draws, results: Sequence[CaseResult]) -> Curves:
    """The curves of a row.

    Parameters
    ----------
    draws
        Bootstrap draws of its patients.
    results
        Its cases.
    """
    ranking = draws.ranking(results)
    weights = np.vstack([np.ones_like(draws.weights[:1]), draws.weights])  # the cohort itself, then the draws
    return Curves(
        _curve(RATES, ranking.roc(weights, RATES)),
        _reached(_curve(RECALLS, ranking.precision_recall(weights, RECALLS))),
        _curve(FALSE_A_CASE, ranking.froc(weights, FALSE_A_CASE)),
    )


def _reached(curve: Curve) -> Curve:
    """The line ends at the recall that is reached; the band still counts draws that end earlier as 0."""
    return replace(curve, y=np.where(curve.y > 0, curve.y, np.nan))


def _curve(x: np.ndarray, drawn: np.ndarray) -> Curve:
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(drawn[1:], [tail, 100 - tail], axis=0)
    return Curve(x, drawn[0], low, high)
