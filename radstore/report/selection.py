"""The figure of a selection: how often each feature was selected, ROC curves, what each tells apart alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radstore.output_file import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from radstore.select.selection import Selection

SHOWN = 20  # features in the bar chart
GRID = np.linspace(0, 1, 101)  # false positive rates at which the folds' curves are averaged
CHOSEN, OTHER = "tab:blue", "lightgrey"


def write_figure(selection: Selection, path: Path) -> None:
    """Draw a selection and write it as an image; the suffix says which kind."""
    with writing(path) as aside:
        figure(selection).savefig(aside, dpi=150)


def figure(selection: Selection) -> Figure:
    """The figure: three panels, and a fourth for the permutation null if there is one."""
    from matplotlib.figure import Figure

    panels = [_frequency, _roc, _single] + ([_null] if selection.null else [])
    drawn = Figure(figsize=(6 * len(panels), 6), layout="constrained")
    for axes, draw in zip(drawn.subplots(1, len(panels)), panels, strict=True):
        draw(axes, selection)
    return drawn


def _frequency(axes: Any, selection: Selection) -> None:
    table = selection.table
    table = table[table["frequency"] > 0].head(SHOWN)[::-1]
    colours = [CHOSEN if chosen else OTHER for chosen in table["selected"]]
    axes.barh(range(len(table)), table["frequency"], color=colours)
    axes.set_yticks(range(len(table)), table.index, fontsize=7)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"share of {len(selection.nested.whole.chosen)} folds that selected it")
    index = selection.stability
    axes.set_title(f"Selection (stability {index.value:.2f}, 95 % CI {index.low:.2f} to {index.high:.2f})")


def _roc(axes: Any, selection: Selection) -> None:
    from sklearn.metrics import roc_curve

    found, truth = selection.nested, selection.cohort.positive
    curves = []
    for fold in np.unique(found.folds):
        inside = found.folds == fold
        false, true, _ = roc_curve(truth[inside], found.decision[inside])
        axes.plot(false, true, color=OTHER, linewidth=1)
        curves.append(np.interp(GRID, false, true))
    axes.plot([0, *GRID], [0, *np.mean(curves, axis=0)], color=CHOSEN, linewidth=2, label="mean of the folds")
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.5, linestyle=":")
    axes.set_aspect("equal")
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    axes.legend(loc="lower right")
    axes.set_title(f"Nested cross-validation: {found.honest}", fontsize=10)


def _single(axes: Any, selection: Selection) -> None:
    table = selection.table.loc[list(selection.features)][::-1]
    places = range(len(table))
    axes.plot(table["auroc"], places, "o", color=CHOSEN)
    for at, (_, row) in enumerate(table.iterrows()):
        axes.annotate(
            f"g {row['hedges_g']:+.2f}, q {row['q']:.1g}",
            (row["auroc"], at),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    axes.set_yticks(places, table.index, fontsize=7)
    axes.set_xlim(0.5, 1)
    axes.set_xlabel("AUROC alone, on the cases it was selected on")
    axes.set_title("Selected features")


def _null(axes: Any, selection: Selection) -> None:
    null = selection.null
    if null is None:
        return
    low, high = null.interval
    axes.hist(null.auroc, bins=20, color="grey")
    axes.axvspan(low, high, color=OTHER, alpha=0.4, label="central 95 %")
    axes.axvline(null.observed, color=CHOSEN, label=f"observed {null.observed:.3f}")
    axes.set_xlabel(f"nested AUROC of {len(null.auroc)} permutations")
    axes.legend()
    axes.set_title(f"Permutation null (p = {null.p:.3g})")
