"""What the experiment on phantom cohorts found: JSON, a page of tables, a figure."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fusion.evaluate.bootstrap import LEVEL
from fusion.evaluate.cases import CaseResult
from pipelines.over_seeds import OverSeeds, Resampled, differences, over_seeds
from pipelines.page import Block, Figure, Heading, Table, markdown
from pipelines.signal_design import Design
from radstore.output_file import writing

METRICS = {"ap": "AP", "auroc": "AUROC"}
SVM = "SVM on the vector"
RESULTS, REPORT, FIGURE = "results.json", "report.md", "rows.png"
COLOURS = {"signal": "#0072b2", "control": "#999999"}
Json = dict[str, Any]


def write(
    out: Path, design: Design, resamples: int, base: str, found: Mapping[str, Mapping[str, Any]]
) -> Path:
    """Write ``results.json``, ``report.md`` and ``rows.png``; returns the report's path.

    Parameters
    ----------
    out
        The folder.
    design
        What was held fixed.
    resamples
        Of the bootstrap.
    base
        The row that others are compared with.
    found
        Cohort → what `Cohort.prepare` says of it, and ``results``: row → [seed][case].
    """
    told: Json = {
        "design": design.to_json(),
        "resamples": resamples,
        "level": LEVEL,
        "cohorts": {name: summary(one, resamples, base) for name, one in found.items()},
    }
    with writing(out / FIGURE) as aside:
        _draw(told["cohorts"], aside)
    with writing(out / RESULTS) as aside:
        aside.write_text(json.dumps(told, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    with writing(out / REPORT) as aside:
        aside.write_text(
            "\n\n".join(markdown(block) for block in blocks(told, base)) + "\n", encoding="utf-8"
        )
    return out / REPORT


def summary(found: Mapping[str, Any], resamples: int, base: str) -> Json:
    """One cohort as plain JSON."""
    rows: Mapping[str, Sequence[Sequence[CaseResult]]] = found["results"]
    first = rows[base][0]
    draws = Resampled.of(first, len(rows[base]), resamples)
    once = Resampled.of(first, 1, resamples)  # an SVM has no seed: these are draws of patients alone
    svm = over_seeds({SVM: [[replace(one, score=found["svm"][one.case]) for one in first]]}, once)[SVM][
        "auroc"
    ]
    return {
        "features": found["features"],
        "stand_in": found["stand_in"],
        "cases": len(first),
        "positives": sum(one.positive for one in first),
        "patients": len({one.patient for one in first}),
        "svm": {"auroc": _plain(svm)},
        "rows": {
            row: {metric: _plain(values[metric]) for metric in METRICS} | _behaviour(rows[row])
            for row, values in over_seeds(rows, draws).items()
        },
        f"differences to {base}": {
            row: {metric: _plain(values[metric]) for metric in METRICS}
            for row, values in differences(rows, draws, base).items()
        },
    }


def _behaviour(trained: Sequence[Sequence[CaseResult]]) -> Json:
    """Whether networks do anything at all: Dice of lesions, negatives with a candidate, failures."""
    results = [one for results in trained for one in results]
    dice = [value for one in results if not math.isnan(value := one.dice.get("lesion", math.nan))]
    negatives = [one.score > 0 for one in results if not one.positive]
    return {
        "lesion_dice": _rounded(float(np.mean(dice)) if dice else math.nan),
        "negatives_with_a_candidate": _rounded(float(np.mean(negatives)) if negatives else math.nan),
        "failed": sum(one.status == "failed" for one in results),
    }


def _plain(found: OverSeeds) -> Json:
    plain = dataclasses.asdict(found)
    ends = plain.pop("interval")
    rounded = {name: _rounded(value) for name, value in (plain | ends).items() if isinstance(value, float)}
    return {"values": [_rounded(value) for value in found.values]} | {
        name: rounded[name] for name in ("mean", "sd", "low", "high")
    }


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def blocks(told: Mapping[str, Any], base: str) -> list[Block]:
    """The page."""
    made: list[Block] = []
    for name, cohort in told["cohorts"].items():
        made += [Heading(name.capitalize()), _who(cohort), _rows(cohort), _differences(cohort, base)]
    return [
        *made,
        Figure(FIGURE, "Each row on each cohort: mean over seeds with its interval, and the seeds."),
    ]


def _who(cohort: Mapping[str, Any]) -> str:
    nothing = f" In folds {cohort['stand_in']} nothing was selected, and the list that stands in was used."
    return (
        f"{cohort['cases']} held-out cases of {cohort['patients']} patients, {cohort['positives']} with a "
        "PDAC. "
        f"{SVM} of the same cases: AUROC {_text(cohort['svm']['auroc'], spread=False)}."
        f"{nothing if cohort['stand_in'] else ''}"
    )


def _rows(cohort: Mapping[str, Any]) -> Table:
    head = ("row", *METRICS.values(), "Dice of lesions", "negatives with a candidate")
    return Table(
        head,
        [
            (
                row,
                *(_text(values[metric]) for metric in METRICS),
                _number(values["lesion_dice"]),
                _number(values["negatives_with_a_candidate"]),
            )
            for row, values in cohort["rows"].items()
        ],
    )


def _differences(cohort: Mapping[str, Any], base: str) -> Table:
    rows = cohort[f"differences to {base}"].items()
    head = (f"row − {base}", *METRICS.values())
    return Table(head, [(row, *(_text(values[metric]) for metric in METRICS)) for row, values in rows])


def _text(value: Mapping[str, Any], spread: bool = True) -> str:
    """Mean ± sd over seeds (interval)."""
    sd = f" ± {_number(value['sd'])}" if spread else ""
    return f"{_number(value['mean'])}{sd} ({_number(value['low'])} to {_number(value['high'])})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _draw(cohorts: Mapping[str, Any], path: Path) -> None:
    from matplotlib.figure import Figure as Drawing

    drawn = Drawing(figsize=(9, 3.2), layout="constrained")
    for axes, (metric, name) in zip(drawn.subplots(1, len(METRICS)), METRICS.items(), strict=True):
        for shift, (cohort, told) in enumerate(cohorts.items()):
            for at, values in enumerate(told["rows"].values()):
                _estimate(
                    axes, values[metric], at + 0.2 * shift, COLOURS.get(cohort), cohort if not at else None
                )
        rows = list(next(iter(cohorts.values()))["rows"])
        axes.set_yticks(range(len(rows)), rows)
        axes.invert_yaxis()
        axes.set_xlabel(f"{name}: mean, {LEVEL:.0%} interval, seeds")
        axes.grid(axis="x", alpha=0.3)
    axes.axvline(0.5, color="black", linewidth=0.6, linestyle=":")
    axes.legend(fontsize=8)
    drawn.savefig(path, dpi=110, format="png")


def _estimate(axes: Any, value: Mapping[str, Any], y: float, colour: str | None, label: str | None) -> None:
    seeds = [one for one in value["values"] if one is not None]
    axes.plot(seeds, [y] * len(seeds), ".", color=colour, alpha=0.5, markersize=4)
    if value["low"] is not None:
        axes.plot([value["low"], value["high"]], [y, y], color=colour, linewidth=1.5)
    axes.plot(value["mean"], y, "o", color=colour, markersize=5, label=label)
