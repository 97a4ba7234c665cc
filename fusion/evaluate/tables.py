"""The report: the paper's Table 1 (cross-validation) and Table 2 (external), and what stands behind them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from fusion.evaluate.bootstrap import Interval
from fusion.evaluate.compare import Comparison
from fusion.evaluate.dice import STRUCTURES, DiceSummary
from fusion.evaluate.evaluation import Cohort, Estimate, Evaluation, RowScores, figure_name
from fusion.evaluate.picai import MIN_OVERLAP
from fusion.evaluate.ranking import METRICS
from fusion.evaluate.scores import Spread

NAMES = {"ap": "AP", "auroc": "AUROC", "score": "score"}
NOTHING = "–"


def report(evaluation: Evaluation) -> str:
    """The whole report, Markdown."""
    parts = ["# Evaluation", _what(evaluation), _bullets(evaluation.notes)]
    for cohort in evaluation.cohorts:
        parts += _cohort(cohort)
    return "\n\n".join(part for part in parts if part) + "\n"


def table_1(cohort: Cohort) -> str:
    """The cross-validation, Markdown: mean ± sd over folds, pooled with intervals, how out of fold."""
    head = ["row"]
    head += [f"{NAMES[name]}, folds" for name in METRICS] + [f"{NAMES[name]}, pooled" for name in METRICS]
    head.append("protocol")
    rows = (
        [
            name,
            *(spread(row.spread[metric]) for metric in METRICS),
            *pooled(row.pooled),
            ", ".join(row.protocol) or NOTHING,
        ]
        for name, row in cohort.rows.items()
    )
    return markdown(head, rows)


def table_2(cohort: Cohort) -> str:
    """An external cohort, Markdown: the ensemble's scores with intervals."""
    rows = ([name, *pooled(row.pooled)] for name, row in cohort.rows.items())
    return markdown(["row", *(NAMES[name] for name in METRICS)], rows)


def fold_table(cohort: Cohort) -> str:
    """Each fold by itself, Markdown."""
    folds = list(next(iter(cohort.rows.values())).folds)
    rows = (
        [name, NAMES[metric], *(number(row.folds[fold].metrics()[metric]) for fold in folds)]
        for name, row in cohort.rows.items()
        for metric in METRICS
    )
    return markdown(["row", "metric", *(f"fold {fold}" for fold in folds)], rows)


def comparison_table(comparisons: Iterable[Comparison]) -> str:
    """Pairs of rows, Markdown."""
    head = ["metric", "rows", "difference", "p", "p (Holm)", "permutations"]
    rows = (
        [
            NAMES[one.metric],
            f"{one.second} − {one.first}",
            _estimate(one.difference, one.interval, "+"),
            p_value(one.p),
            p_value(one.p_holm),
            f"{one.permutations:,}" + (" (all)" if one.exact else ""),
        ]
        for one in comparisons
    )
    return markdown(head, rows)


def dice_table(rows: Mapping[str, RowScores]) -> str:
    """Dice of each structure, Markdown; how many cases have it, behind its name."""
    first = next(iter(rows.values())).dice
    head = ["row", *(f"{name.replace('_', ' ')} (n = {first[name].cases:,})" for name in STRUCTURES)]
    return markdown(head, ([name, *(_dice(row.dice[s]) for s in STRUCTURES)] for name, row in rows.items()))


def strata_table(strata: Mapping[str, Mapping[str, Estimate]]) -> str:
    """Strata, Markdown; cases, those with a lesion, and each row's AP and AUROC."""
    rows = (
        [stratum, f"{e.scores.cases:,}", f"{e.scores.positives:,}", row, *pooled(e)]
        for stratum, estimates in strata.items()
        for row, e in estimates.items()
    )
    return markdown(["stratum", "cases", "with a lesion", "row", *(NAMES[name] for name in METRICS)], rows)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, the rest to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def number(value: float, sign: str = "") -> str:
    """Three decimals; a dash where there is none."""
    return NOTHING if math.isnan(value) else f"{value:{sign}z.3f}"  # z: no -0.000


def p_value(p: float) -> str:
    """Three decimals, or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else number(p)


def spread(found: Spread) -> str:
    """Mean ± sd."""
    return number(found.mean) if math.isnan(found.sd) else f"{number(found.mean)} ± {number(found.sd)}"


def pooled(estimate: Estimate) -> list[str]:
    """Each metric with its interval, the primary one first."""
    values = estimate.scores.metrics()
    return [_estimate(values[name], estimate.intervals[name]) for name in METRICS]


def _estimate(value: float, interval: Interval, sign: str = "") -> str:
    if math.isnan(value) or math.isnan(interval.low):
        return number(value, sign)
    return f"{number(value, sign)} ({number(interval.low, sign)} to {number(interval.high, sign)})"


def _dice(found: DiceSummary) -> str:
    return number(found.mean) if math.isnan(found.sd) else f"{number(found.mean)} ± {number(found.sd)}"


def _what(evaluation: Evaluation) -> str:
    said = evaluation.settings
    return (
        f"Primary metric, declared before: **AP** of lesions; secondary: AUROC of cases, and their mean "
        f"(score). A candidate finds a lesion with an intersection over union of {MIN_OVERLAP:.2f} or more "
        f"(picai_eval), on the full CT: what lies outside the region of interest is missed. "
        f"Intervals: {said['level']:.0%}, percentile bootstrap of patients ({said['resamples']:,} draws, "
        f"patients with and without a lesion drawn apart). p: two-sided paired permutation test, "
        f"Holm-corrected over the pairs of a metric; it asks of other patients, not of other trainings: what "
        f"another seed of the same row would change is in no interval and no p. Seed {said['seed']}."
    )


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _cohort(cohort: Cohort) -> list[str]:
    scores = next(iter(cohort.rows.values())).pooled.scores
    title = f"Table 2: external test on {cohort.name}" if cohort.external else "Table 1: cross-validation"
    parts = [
        f"## {title}",
        f"{scores.cases:,} cases of {scores.patients:,} patients; {scores.positives:,} cases with a lesion, "
        f"{scores.lesions:,} lesions.",
        _bullets(cohort.notes),
        table_2(cohort) if cohort.external else table_1(cohort),
        f"![ROC, precision-recall, FROC]({figure_name(cohort)})",
    ]
    if cohort.comparisons:
        parts += ["### Rows compared", comparison_table(cohort.comparisons)]
    if not cohort.external:
        parts += ["### Folds", fold_table(cohort)]
    parts += ["### Dice", dice_table(cohort.rows)]
    for by, strata in cohort.strata.items():
        parts += [f"### By {by}", strata_table(strata)]
    return parts
