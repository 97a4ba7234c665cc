"""`Evaluation`: everything that was found, as records that become JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fusion.evaluate.bootstrap import Interval
from fusion.evaluate.cases import CaseResult
from fusion.evaluate.compare import Comparison
from fusion.evaluate.curves import Curves
from fusion.evaluate.dice import DiceSummary
from fusion.evaluate.scores import Scores, Spread
from fusion.protocol import Protocol
from radstore.output_file import writing


@dataclass(frozen=True)
class Estimate:
    """Scores with their intervals.

    Parameters
    ----------
    scores
        Of all cases together.
    intervals
        Metric → patient-level bootstrap interval.
    """

    scores: Scores
    intervals: Mapping[str, Interval]


@dataclass(frozen=True)
class RowScores:
    """What one row is worth on one cohort.

    Parameters
    ----------
    pooled
        Of all cases together.
    folds
        Fold → the scores of its held-out cases; none of an external cohort.
    spread
        Metric → mean ± sd over folds.
    dice
        Structure → Dice.
    status
        ``ok``, ``fallback``, ``failed`` → how many cases.
    curves
        ROC, precision-recall, FROC.
    protocol
        How out of fold the predictions are, in words of `fusion.protocol.MEANING`.
    """

    pooled: Estimate
    folds: Mapping[int, Scores]
    spread: Mapping[str, Spread]
    dice: Mapping[str, DiceSummary]
    status: Mapping[str, int]
    curves: Curves
    protocol: Protocol = ()


@dataclass(frozen=True)
class Cohort:
    """All rows on one cohort.

    Parameters
    ----------
    name
        ``cross-validation``, or the external source.
    external
        Which of the two.
    rows
        Row → what it is worth.
    comparisons
        Of rows, pair by pair.
    strata
        By what → stratum → row → scores.
    notes
        What the reader must know.
    """

    name: str
    external: bool
    rows: Mapping[str, RowScores]
    comparisons: tuple[Comparison, ...]
    strata: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """Everything that was found.

    Parameters
    ----------
    cohorts
        The cross-validation first, then each external source.
    results
        Row → case → what it made of it.
    left_out
        Case → why its truth could not be used: ``step``, ``message``, ``remedy``.
    settings
        Metric declared, matching, resamples, permutations, seed.
    notes
        What the reader must know.
    """

    cohorts: tuple[Cohort, ...]
    results: Mapping[str, Mapping[str, CaseResult]]
    left_out: Mapping[str, Mapping[str, str]]
    settings: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> dict[str, dict[str, Mapping[str, str]]]:
        """Row → case → why its prediction failed; such cases count as score 0 without candidates."""
        return {
            row: {case: result.error or {} for case, result in cases.items() if result.status == "failed"}
            for row, cases in self.results.items()
        }

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; NaN as null."""
        plain: dict[str, Any] = _plain(self)
        return plain

    def write(self, folder: Path | str) -> Path:
        """Write ``evaluation.json``, ``report.md`` and a figure a cohort; returns the report's path."""
        from fusion.evaluate.figures import write_figure
        from fusion.evaluate.tables import report

        folder = Path(folder)
        for cohort in self.cohorts:
            write_figure(cohort, folder / figure_name(cohort))
        with writing(folder / "evaluation.json") as aside:
            aside.write_text(json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        with writing(folder / "report.md") as aside:
            aside.write_text(report(self), encoding="utf-8")
        return folder / "report.md"


def figure_name(cohort: Cohort) -> str:
    """The file of a cohort's curves."""
    return f"curves.{cohort.name}.png"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, Scores):
        return {**_fields(value), "score": _plain(value.score)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
