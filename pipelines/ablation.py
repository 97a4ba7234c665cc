"""The section of the report on the ablation: what radiomics adds to an nnU-Net, from what the steps left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipelines.page import Block, Figure, Heading, Table
from pipelines.section import read
from pipelines.stages import EVALUATION, MODELS, REFERENCE

METRICS = {"ap": "AP", "auroc": "AUROC", "score": "their mean"}
ROWS = {
    "ct": "the CT alone",
    "ct+global": "the vector of the region's features looks into the bottleneck",
    "ct+maps": "the features' maps are channels beside the CT",
    "ct+maps+global": "both",
    "ct+region": "control: the region's mask is a channel, and no radiomics",
    "ct+permuted": "control: each case has the vector of another",
    REFERENCE: "outside reference: the CT alone, trained by nnU-Net's own SGD",
}


def blocks(out: Path) -> list[Block]:
    """The ablation: chains, one table and one figure a cohort, tests; nothing if it was not evaluated."""
    if not (out / EVALUATION / "evaluation.json").is_file():
        return []
    found = read(out, f"{EVALUATION}/evaluation.json")
    parts: list[Block] = [Heading("What radiomics adds to an nnU-Net"), *_chains(out)]
    shown = dict.fromkeys(row for cohort in found["cohorts"] for row in cohort["rows"])
    parts.append("Rows: " + "; ".join(f"{row}: {ROWS[row]}" if row in ROWS else row for row in shown) + ".")
    for cohort in found["cohorts"]:
        parts += _cohort(cohort)
    return [*parts, *(f"Note: {note}" for note in found["notes"])]


def _chains(out: Path) -> Iterable[str]:
    """Which features each chain's maps and vector are."""
    for plans in sorted((out / MODELS / "plans").glob("stage2*/plans.json")):
        recipe = read(out, str(plans.relative_to(out)))["fusion"]
        names = [channel["name"] for channel in recipe["vector"]]
        fold = recipe["fold"]
        nothing = not (out / f"selected.fold{fold}.yaml").is_file()
        instead = ": its selection found nothing, so these stand in" if nothing else ""
        yield f"Chain {fold}, view {recipe['view']}{instead}: {', '.join(names)}."


def _cohort(cohort: Mapping[str, Any]) -> list[Block]:
    pooled = next(iter(cohort["rows"].values()))["pooled"]["scores"]
    title = "Table 2, external test" if cohort["external"] else "Table 1"
    of = "Of" if cohort["external"] else "Mean ± sd over folds; of"
    return [
        f"{title}, {cohort['name']}: {pooled['cases']:,} cases, {pooled['positives']:,} with a lesion. "
        f"{of} all cases together, with 95 % intervals over patients. AP is primary.",
        _table(cohort),
        *_comparisons(cohort["comparisons"]),
        Figure(
            f"{EVALUATION}/curves.{cohort['name']}.png", f"ROC, precision-recall and FROC: {cohort['name']}."
        ),
        *(f"Note: {note}" for note in cohort["notes"]),
    ]


def _table(cohort: Mapping[str, Any]) -> Table:
    """Scores of each row; external cases have no folds to have a spread over."""
    names = tuple(METRICS.values())
    rows = cohort["rows"].items()
    if cohort["external"]:
        return Table(("row", *names), [(name, *_pooled(row)) for name, row in rows])
    head = ("row", *(f"{name}, folds" for name in names), *(f"{name}, pooled" for name in names))
    return Table(head, [(name, *_spread(row), *_pooled(row)) for name, row in rows])


def _spread(row: Mapping[str, Any]) -> list[str]:
    found = (row["spread"][metric] for metric in METRICS)
    return [_number(one["mean"], f" ± {_number(one['sd'])}") for one in found]


def _pooled(row: Mapping[str, Any]) -> list[str]:
    scores, intervals = row["pooled"]["scores"], row["pooled"]["intervals"]
    return [_number(scores[metric], _interval(intervals[metric])) for metric in METRICS]


def _comparisons(found: Iterable[Mapping[str, Any]]) -> list[Block]:
    rows = [
        [
            METRICS[one["metric"]],
            f"{one['second']} − {one['first']}",
            _number(one["difference"], _interval(one["interval"])),
            _number(one["p"]),
            _number(one["p_holm"]),
        ]
        for one in found
        if one["metric"] == "ap"
    ]
    head = ("metric", "rows", "difference", "p", "p (Holm)")
    return [Table(head, rows)] if rows else []


def _interval(ends: Mapping[str, Any] | None) -> str:
    return f" ({_number(ends['low'])} to {_number(ends['high'])})" if ends else ""


def _number(value: float | None, behind: str = "") -> str:
    """Three decimals and what stands behind; a dash for what is not defined."""
    return "–" if value is None else f"{value:z.3f}{behind}"  # z: no -0.000
