"""The figure of a measurement of robustness: the ICC of every feature, by class and by image type."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radstore.output_file import writing
from radstore.quality.icc import CLASSES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from radstore.quality.robustness import Robustness

POINT = {"marker": ".", "linestyle": "", "color": "tab:blue", "alpha": 0.5}
SPREAD = 0.3  # of the points across their row


def write_figure(found: Robustness, path: Path) -> None:
    """Draw a measurement and write it as an image; the suffix says which kind."""
    with writing(path) as aside:
        figure(found).savefig(aside, dpi=150)


def figure(found: Robustness) -> Figure:
    """The figure: ICC by feature class, by image type, and by perturbation."""
    from matplotlib.figure import Figure

    table = found.table()
    alone = [f"icc_{kind}" for kind in found.kinds[1:]]
    each = table[alone].rename(columns=lambda name: name.removeprefix("icc_")).melt(value_name="icc")
    panels = [
        ("feature class", table, "feature_class"),
        ("image type", table, "image_type"),
        ("one perturbation alone", each, "variable"),
    ]
    rows = max(part[by].nunique() for _, part, by in panels)
    drawn = Figure(figsize=(18, max(4, 0.4 * rows + 1.5)), layout="constrained")
    for axes, (title, part, by) in zip(drawn.subplots(1, 3), panels, strict=True):
        _panel(axes, part, by)
        axes.set_title(title)
    drawn.suptitle(
        f"ICC(1,1) of {len(found.features):,} features over {len(found.kinds) - 1} perturbations, "
        f"{len(found.cases)} cases"
    )
    return drawn


def _panel(axes: Any, table: pd.DataFrame, by: str) -> None:
    """A row a group: its quartiles as a box, its features as points."""
    names = list(dict.fromkeys(table[by]))[::-1]
    groups = [table.loc[table[by] == name, "icc"].dropna().to_numpy() for name in names]
    axes.boxplot(groups, orientation="horizontal", positions=range(len(names)), widths=0.6, showfliers=False)
    for at, values in enumerate(groups):
        across = np.linspace(-SPREAD, SPREAD, len(values)) if len(values) > 1 else np.zeros(len(values))
        axes.plot(values, at + across, **POINT)
    for limit, _ in CLASSES:
        axes.axvline(limit, color="grey", linewidth=0.5, linestyle=":")
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_xlabel("ICC(1,1); dotted: moderate, good, excellent from here on")
    axes.set_xlim(right=1.02)
