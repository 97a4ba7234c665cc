"""How cost grows with the region: seconds against voxels, from 1,000 to 1,000,000.

    python -m benchmarks.scaling [--engine cpu|cuda] [--threads 1] [--limit 120] [--quick]

One line for each window (5³, 11³) and number of grey levels (16, 32, 64), all 93 maps in a call or one map.
Linear cost is a slope of 1 of log seconds over log voxels, taken from `FITTED` voxels on, where fixed costs
are small. A region that would take longer than `--limit` seconds, judged by the one before, is left out.

Written: every second taken, slopes and peak memory (JSON), and a figure.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cases, peers
from benchmarks.measure import RESULTS, machine, save, seconds
from radstore.engines.registry import choose

VOXELS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
RADII = (2, 5)
LEVELS = (16, 32, 64)
FITTED = 10_000
MAPS = {
    "glcm_Imc1": {"glcm": ["Imc1"]},
    "glszm_ZoneEntropy": {"glszm": ["ZoneEntropy"]},
    "all 93": peers.every(),
}

Series = list[tuple[int, float]]


def sweep(what: str, radius: int, levels: int, options: argparse.Namespace) -> Series:
    """(voxels, seconds) of one kind of map, from small regions to large ones."""
    found: Series = []
    for voxels in options.voxels:
        expected = found[-1][1] * voxels / found[-1][0] if found else 0.0
        if expected > options.limit:
            print(f"    {voxels:>9,} voxels left out: about {expected:.0f} s expected")
            break
        case = cases.make(cases.size_for(voxels, levels))
        call = peers.ours(case, MAPS[what], radius, options.threads, options.engine)
        found.append((voxels, seconds(call, options.repeat)))
        print(f"    {voxels:>9,} voxels: {found[-1][1]:9.4f} s", flush=True)
    return found


def slope(series: Series) -> float | None:
    """Of log seconds over log voxels, from `FITTED` voxels on; None without two such regions."""
    used = np.array([pair for pair in series if pair[0] >= FITTED])
    return float(np.polyfit(*np.log(used.T), 1)[0]) if len(used) > 1 else None


def told(found: float | None) -> str:
    """A slope in words."""
    return "too few regions for a slope" if found is None else f"slope {found:.2f}"


def figure(rows: list[dict[str, Any]]) -> Any:
    """A panel for each kind of map: seconds over voxels, both logarithmic, beside a line of slope 1."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(4.2 * len(MAPS), 4))
    panels = drawing.subplots(1, len(MAPS), sharex=True, sharey=True, squeeze=False)[0]
    for axes, what in zip(panels, MAPS, strict=True):
        for row in (row for row in rows if row["map"] == what):
            side, dashed = 2 * row["radius"] + 1, row["radius"] != RADII[0]
            axes.plot(
                *zip(*row["seconds"], strict=True),
                marker="o",
                markersize=3,
                linestyle="--" if dashed else "-",
                color=("#1b6ca8", "#b0413e", "#7a7a7a")[LEVELS.index(row["levels"])],
                label=f"{side}³, {row['levels']} levels: {told(row['slope'])}",
            )
        start = min(t for row in rows if row["map"] == what for _, t in row["seconds"])
        axes.plot(
            [VOXELS[0], VOXELS[-1]], [start, start * VOXELS[-1] / VOXELS[0]], ":", color="black", lw=0.8
        )
        axes.set(xscale="log", yscale="log", title=what, xlabel="voxels of the region")
        axes.legend(fontsize=7, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("seconds")
    return drawing


def peak_memory() -> int:
    """The most bytes that this process ever had; includes the cases."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds that one call may take")
    parser.add_argument("--quick", action="store_true", help="up to 30,000 voxels, 16 levels, no 11³ windows")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.voxels = [n for n in VOXELS if n <= 3 * FITTED] if options.quick else VOXELS
    chosen = choose(options.engine)[0]
    rows = []
    kinds = itertools.product(RADII[:1], LEVELS[:1]) if options.quick else itertools.product(RADII, LEVELS)
    for (radius, levels), what in itertools.product(kinds, MAPS):
        print(f"{what}, {2 * radius + 1}³ windows, {levels} grey levels")
        series = sweep(what, radius, levels, options)
        rows.append(
            {"map": what, "radius": radius, "levels": levels, "seconds": series, "slope": slope(series)}
        )
        print(f"    {told(rows[-1]['slope'])}")
    result = {
        "machine": machine(chosen.device),
        "threads": options.threads,
        "peak_bytes": peak_memory(),
        "series": rows,
    }
    save(f"scaling-{options.engine}", result, figure(rows), options.out)


if __name__ == "__main__":
    main()
