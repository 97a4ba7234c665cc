"""The section of the report on radiomics alone, from what the steps left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from pipelines.page import Block, Figure, Heading, Table
from pipelines.radiomics import CATALOG, CHECKED, SELECTED, flags
from radstore.errors import BadInput
from radstore.output_file import writing

# The paper's linear SVM on its ten features, PANORAMA, five folds: mean and sd.
PAPER = {"auroc": 0.824, "auroc_sd": 0.035, "ap": 0.667, "ap_sd": 0.046}
SCORES = "scores.png"


def blocks(out: Path) -> list[Block]:
    """What radiomics alone is worth; draws ``scores.png`` into the folder of the steps' results.

    Raises
    ------
    BadInput
        If a step has not been run.
    """
    whole = read(out, f"{SELECTED}.json")
    chains = [read(out, path.name) for path in sorted(out.glob(f"{SELECTED}.fold*.json"))]
    if not chains:
        raise BadInput(f"{out} has no {SELECTED}.foldK.json", "Run the step svm first.")
    with writing(out / SCORES) as aside:
        _draw(whole, chains, aside)
    found = _section(whole, chains, read(out, CATALOG), read(out, CHECKED))
    return [Heading("Radiomics alone"), *found]


def read(out: Path, name: str) -> dict[str, Any]:
    """A JSON file of the results.

    Raises
    ------
    BadInput
        If it is not there: its step has not been run.
    """
    try:
        found: dict[str, Any] = json.loads((out / name).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"{out / name} is missing", "Run the steps before the report first.") from error
    return found


def _section(
    whole: Mapping[str, Any],
    chains: Sequence[Mapping[str, Any]],
    catalog: Mapping[str, Any],
    checked: Mapping[str, Any],
) -> list[Block]:
    scores = whole["scores"]
    rows = [
        _row(f"each fold's ten features and SVM, on the {len(chains)} folds held out", _held_out(chains)),
        _row(
            f"nested cross-validation, {_folds(scores['nested'])} folds: the whole procedure",
            scores["nested"],
        ),
        _row(
            "optimistic: features chosen on all cases, only the SVM cross-validated", scores["chosen_outside"]
        ),
        _row("the paper, PANORAMA, features chosen on all cases", PAPER),
    ]
    found: list[Block] = [
        f"{whole['cases']:,} labelled cases ({whole['positives']:,} with label {whole['positive']!r}) of "
        f"{whole['patients']:,} patients; {catalog['cases']:,} in the catalog, {len(catalog['refused']):,} "
        f"of them refused. {whole['offered']:,} features of {whole['view']}, store version "
        f"{whole['version']}.",
        f"Check on a sample: {'; '.join(flags(checked))}.",
        Table(("a linear SVM on ten features", "AUROC", "AP"), rows),
        Figure(SCORES, "AUROC of each fold; bars: mean. The paper's number is of another set of cases."),
        _null(scores.get("null")),
        Table(("selected on all cases", "of folds", "AUROC alone", "Hedges' g", "q"), _features(whole)),
        f"Stability of the sets of {_folds(scores['nested'])} folds (Nogueira): "
        f"{_number(whole['stability']['value'])}.",
        Figure(
            f"{SELECTED}.png",
            "Selection frequency, ROC curves of the nested cross-validation, and "
            "what each selected feature tells apart alone.",
        ),
        *(f"Note: {note}." for note in whole["notes"]),
    ]
    return [block for block in found if block]


def _held_out(chains: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and sd over the folds; a fold without both classes has no score."""
    scored = [chain["scores"]["held_out"] for chain in chains if "held_out" in chain["scores"]]
    auroc, ap = ([one[name] for one in scored] for name in ("auroc", "ap"))
    spread = [stdev(values) if len(values) > 1 else None for values in (auroc, ap)]
    return {
        "auroc": mean(auroc) if auroc else None,
        "auroc_sd": spread[0],
        "ap": mean(ap) if ap else None,
        "ap_sd": spread[1],
        "folds": {"auroc": auroc, "ap": ap},
    }


def _row(what: str, scores: Mapping[str, Any]) -> tuple[str, str, str]:
    return what, _spread(scores, "auroc"), _spread(scores, "ap")


def _spread(scores: Mapping[str, Any], name: str) -> str:
    value, sd = scores[name], scores[f"{name}_sd"]
    return _number(value) if sd is None else f"{value:.3f} ± {sd:.3f}"


def _number(value: float | None) -> str:
    """Three decimals; a dash for what is not defined."""
    return "–" if value is None else f"{value:.3f}"


def _folds(scores: Mapping[str, Any]) -> int:
    return len(scores["folds"]["auroc"])


def _null(null: Mapping[str, Any] | None) -> str:
    if not null:
        return ""
    low, high = null["central_95"]
    where = "inside" if null["inside"] else "outside"
    return (
        f"Permutation null of the nested AUROC: {null['permutations']} permutations, central 95 % {low:.3f} "
        f"to {high:.3f}; the observed one is {where}, p = {null['p']:.3g}."
    )


def _features(whole: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (name, f"{one['frequency']:.0%}", f"{one['auroc']:.3f}", f"{one['hedges_g']:+.2f}", f"{one['q']:.2g}")
        for name, one in whole["features"].items()
    ]
    return rows or [("nothing passed the filter", "", "", "", "")]


def _draw(whole: Mapping[str, Any], chains: Sequence[Mapping[str, Any]], path: Path) -> None:
    """AUROC of each fold, for each way of scoring, and the paper's mean ± sd."""
    from matplotlib.figure import Figure as Drawing

    groups = {
        "held-out folds": _held_out(chains),
        "nested": whole["scores"]["nested"],
        "chosen on all cases": whole["scores"]["chosen_outside"],
    }
    drawn = Drawing(figsize=(6, 3), layout="constrained")
    axes = drawn.subplots()
    for at, scores in enumerate(groups.values()):
        values = scores["folds"]["auroc"]
        axes.plot(values, [at] * len(values), "o", color="tab:blue", alpha=0.4)
        if scores["auroc"] is not None:
            axes.plot(scores["auroc"], at, "|", color="black", markersize=24)
    axes.errorbar(PAPER["auroc"], len(groups), xerr=PAPER["auroc_sd"], fmt="s", color="grey", capsize=4)
    axes.axvline(0.5, color="black", linewidth=0.5, linestyle=":")
    axes.set_yticks(range(len(groups) + 1), [*groups, "the paper (PANORAMA)"])
    axes.invert_yaxis()
    axes.set_xlabel("AUROC")
    drawn.savefig(path, dpi=150)
