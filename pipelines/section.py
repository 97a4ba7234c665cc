"""The section of the report on radiomics alone: Markdown, HTML and figures from what the steps left.

python -m pipelines.section OUT
"""

from __future__ import annotations

import argparse
import base64
import html
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any, TypeAlias

from pipelines.steps import CATALOG, CHECKED, SELECTED, flags
from radstore.cli import exits
from radstore.errors import BadInput, RadstoreError
from radstore.output_file import writing

# The paper's linear SVM on its ten features, PANORAMA, five folds: mean and sd.
PAPER = {"auroc": 0.824, "auroc_sd": 0.035, "ap": 0.667, "ap_sd": 0.046}
SCORES = "scores.png"


@dataclass(frozen=True)
class Table:
    """A table: headings and rows of text."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """A picture beside the page, and what it shows."""

    file: str
    text: str


Block: TypeAlias = str | Table | Figure  # a string is a paragraph


def write(out: Path) -> list[Path]:
    """Write ``report.md``, ``report.html`` and ``scores.png`` into the folder of the steps' results.

    Raises
    ------
    BadInput
        If a step has not been run.
    """
    whole = _read(out, f"{SELECTED}.json")
    chains = [_read(out, path.name) for path in sorted(out.glob(f"{SELECTED}.fold*.json"))]
    if not chains:
        raise BadInput(f"{out} has no {SELECTED}.foldK.json", "Run the step svm first.")
    with writing(out / SCORES) as aside:
        _draw(whole, chains, aside)
    blocks = _section(whole, chains, _read(out, CATALOG), _read(out, CHECKED))
    title = "Radiomics alone"
    with writing(out / "report.md") as aside:
        aside.write_text(f"# {title}\n\n" + "\n\n".join(map(_markdown, blocks)) + "\n", encoding="utf-8")
    with writing(out / "report.html") as aside:
        aside.write_text(_page(title, [_html(block, out) for block in blocks]), encoding="utf-8")
    return [out / name for name in ("report.md", "report.html", SCORES)]


def _read(out: Path, name: str) -> dict[str, Any]:
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
    blocks: list[Block] = [
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
    return [block for block in blocks if block]


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


def _markdown(block: Block) -> str:
    if isinstance(block, Table):
        lines = [block.head, ["---"] * len(block.head), *block.rows]
        return "\n".join(
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines
        )
    if isinstance(block, Figure):
        return f"![{block.text}]({block.file})"
    return block


def _html(block: Block, out: Path) -> str:
    if isinstance(block, Table):
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in block.head)
        rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in block.rows)
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
    if isinstance(block, Figure):
        # inside the page, so that it can be sent as one file
        data = base64.b64encode((out / block.file).read_bytes()).decode()
        text = html.escape(block.text)
        image = f'<img alt="{text}" src="data:image/png;base64,{data}">'
        return f"<figure>{image}<figcaption>{text}</figcaption></figure>"
    return f"<p>{html.escape(block)}</p>"


STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;text-align:left}"
    "img{max-width:100%}figure{margin:1em 0}figcaption{color:#666;font-size:85%}"
)


def _page(title: str, body: Sequence[str]) -> str:
    parts = "\n".join(body)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{STYLE}</style>\n<h1>{title}</h1>\n{parts}\n</html>\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Write the section; the folder is the pipeline's ``--out``. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("out", type=Path)
    try:
        for path in write(parser.parse_args(argv).out):
            print(f"written: {path}")
    except RadstoreError as error:
        print(f"section: {error}", file=sys.stderr)
        return exits.BAD_INPUT
    return exits.OK


if __name__ == "__main__":
    sys.exit(main())
