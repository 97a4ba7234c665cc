"""AUROC, average precision and their mean: picai_eval's numbers, or NaN with the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fusion.evaluate.cases import CaseResult
from fusion.evaluate.picai import quietly


@dataclass(frozen=True)
class Scores:
    """How well cancers are told (AUROC, cases) and found (AP, lesions).

    Parameters
    ----------
    ap
        Average precision of the candidates, the primary metric; NaN without lesions.
    auroc
        Of the case scores; NaN without positive or without negative cases.
    cases, positives, patients, lesions, candidates
        What they were computed on.
    notes
        Why a number is NaN.
    """

    ap: float
    auroc: float
    cases: int
    positives: int
    patients: int
    lesions: int
    candidates: int
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """(AUROC + AP) / 2, the challenges' ranking score."""
        return (self.auroc + self.ap) / 2

    def metrics(self) -> dict[str, float]:
        """Metric → value."""
        return {"ap": self.ap, "auroc": self.auroc, "score": self.score}


@dataclass(frozen=True)
class Spread:
    """Mean and sd (n − 1) of a metric over the folds in which it is defined.

    Parameters
    ----------
    mean, sd
        NaN where there are too few.
    folds
        In how many it is defined.
    """

    mean: float
    sd: float
    folds: int


def score(results: Sequence[CaseResult]) -> Scores:
    """The scores of some cases of a row.

    Parameters
    ----------
    results
        One a case.
    """
    positives = sum(result.positive for result in results)
    lesions = sum(finding.lesion for result in results for finding in result.findings)
    notes = []
    if not positives:
        notes.append("no positive case: AUROC and AP are not defined")
    elif positives == len(results):
        notes.append("no negative case: AUROC is not defined")
    metrics = _metrics(results) if results else None
    return Scores(
        ap=float(metrics.AP) + 0.0 if metrics and lesions else math.nan,  # picai_eval has −0 for nothing
        auroc=float(metrics.auroc) if metrics and 0 < positives < len(results) else math.nan,
        cases=len(results),
        positives=positives,
        patients=len({result.patient for result in results}),
        lesions=lesions,
        candidates=sum(finding.confidence > 0 for result in results for finding in result.findings),
        notes=tuple(notes),
    )


def _metrics(results: Sequence[CaseResult]) -> Any:
    return quietly("metrics").Metrics(
        lesion_results={r.case: [tuple(finding) for finding in r.findings] for r in results},
        case_target={r.case: int(r.positive) for r in results},
        case_pred={r.case: r.score for r in results},
    )


def by_fold(results: Sequence[CaseResult]) -> dict[int, Scores]:
    """Fold → the scores of its cases; those without a fold are in none."""
    folds = sorted({result.fold for result in results if result.fold is not None})
    return {fold: score([result for result in results if result.fold == fold]) for fold in folds}


def spread(folds: Mapping[int, Scores]) -> dict[str, Spread]:
    """Metric → mean and sd over folds."""
    return {
        name: _spread([fold.metrics()[name] for fold in folds.values()]) for name in ("ap", "auroc", "score")
    }


def _spread(values: Sequence[float]) -> Spread:
    known = [value for value in values if not math.isnan(value)]
    mean = float(np.mean(known)) if known else math.nan
    return Spread(mean, float(np.std(known, ddof=1)) if len(known) > 1 else math.nan, len(known))
