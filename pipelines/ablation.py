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
    rows = cohort["rows"]
    pooled = next(iter(rows.values()))["pooled"]["scores"]
    head = (
        "row",
        *(f"{name}, folds" for name in METRICS.values()),
        *(f"{name}, pooled" for name in METRICS.values()),
    )
    table = Table(head, [_row(name, row) for name, row in rows.items()])
    title = "Table 2, external test" if cohort["external"] else "Table 1"
    return [
        f"{title}, {cohort['name']}: {pooled['cases']:,} cases, {pooled['positives']:,} with a lesion. Mean "
        "± sd over folds; of all cases together, with 95 % intervals over patients. AP is primary.",
        table,
        *_comparisons(cohort["comparisons"]),
        Figure(
            f"{EVALUATION}/curves.{cohort['name']}.png", f"ROC, precision-recall and FROC: {cohort['name']}."
        ),
        *(f"Note: {note}" for note in cohort["notes"]),
    ]


def _row(name: str, row: Mapping[str, Any]) -> list[str]:
    spread, pooled = row["spread"], row["pooled"]
    return [
        name,
        *(_number(spread[metric]["mean"], f" ± {_number(spread[metric]['sd'])}") for metric in METRICS),
        *(_number(pooled["scores"][metric], _interval(pooled["intervals"][metric])) for metric in METRICS),
    ]


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
