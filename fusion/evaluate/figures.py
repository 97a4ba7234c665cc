"""One figure a cohort: ROC, precision-recall and FROC of all rows, with bootstrap bands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion.evaluate.bootstrap import LEVEL
from fusion.evaluate.curves import FALSE_A_CASE, Curve
from fusion.evaluate.evaluation import Cohort, RowScores
from radstore.output_file import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#4d4d4d", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
"""Okabe & Ito's, which the colour-blind can tell apart; a row keeps its own in all panels."""
BAND = 0.12  # opacity: where bands lie over each other, rows cannot be told apart, and that is to be seen


def write_figure(cohort: Cohort, path: Path) -> None:
    """Draw a cohort and write it as an image; the suffix says which kind."""
    with writing(path) as aside:
        figure(cohort).savefig(aside, dpi=150)


def figure(cohort: Cohort) -> Figure:
    """The figure: three panels."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(16, 5.6), layout="constrained")
    roc, precision_recall, froc = drawn.subplots(1, 3)
    for row, colour in zip(cohort.rows, _colours(len(cohort.rows)), strict=True):
        found = cohort.rows[row]
        _draw(roc, found.curves.roc, colour, _label(row, found, "auroc"))
        _draw(precision_recall, found.curves.precision_recall, colour, _label(row, found, "ap"))
        _draw(froc, found.curves.froc, colour, row)
    _roc(roc)
    _precision_recall(precision_recall)
    _froc(froc)
    drawn.suptitle(f"{_title(cohort)}; bands: {LEVEL:.0%} by bootstrap of patients, at each place")
    return drawn


def _colours(count: int) -> list[str]:
    return [COLOURS[at % len(COLOURS)] for at in range(count)]


def _title(cohort: Cohort) -> str:
    scores = next(iter(cohort.rows.values())).pooled.scores
    what = f"External test, {cohort.name}" if cohort.external else "Cross-validation, all folds pooled"
    return (
        f"{what}: {scores.cases:,} cases ({scores.positives:,} with a lesion), {scores.patients:,} patients"
    )


def _label(row: str, found: RowScores, metric: str) -> str:
    interval = found.pooled.intervals[metric]
    value = found.pooled.scores.metrics()[metric]
    return f"{row}  {value:z.3f} ({interval.low:z.3f} to {interval.high:z.3f})"


def _draw(axes: Any, curve: Curve, colour: str, label: str) -> None:
    axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=BAND, linewidth=0)
    axes.plot(curve.x, curve.y, color=colour, label=label, linewidth=1.6)


def _roc(axes: Any) -> None:
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.5, linestyle=":")
    _square(axes, "false positive rate (cases)", "sensitivity (cases)", "ROC: AUROC")
    axes.legend(loc="lower right", fontsize=8)


def _precision_recall(axes: Any) -> None:
    _square(axes, "recall (lesions)", "precision (candidates)", "Precision-recall: AP")
    axes.legend(loc="lower left", fontsize=8)


def _froc(axes: Any) -> None:
    axes.set_xscale("log")
    axes.set_xlim(FALSE_A_CASE[0], FALSE_A_CASE[-1])
    axes.set_ylim(0, 1.01)
    axes.set_xlabel("false candidates a case")
    axes.set_ylabel("sensitivity (lesions)")
    axes.set_title("FROC", fontsize=10)
    axes.grid(alpha=0.2)
    axes.legend(loc="upper left", fontsize=8)


def _square(axes: Any, x: str, y: str, title: str) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.2)
