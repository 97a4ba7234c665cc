"""The paper's run-time comparison (section 4.3): its eight parametric maps, ours against PyRadiomics.

    python -m benchmarks.published [--cases 50] [--catalog FILE] [--engine cpu|cuda] [--radius 2] [--quick]

Every case of a catalog (by default a synthetic cohort of 50), every map of `pipelines/published.yaml` in a
call of its own, from image and mask in memory to the map: window, resampling, filter, features. PyRadiomics
computes only the band that is asked for, with bounded batches; PyTorchRadiomics takes part where it is
installed. The paper's own figures: 16.28 s a feature and case on a GPU, 53.42 s with PyRadiomics.

Written: every second taken (JSON), and a figure. The test is paired by case, on a case's mean over the maps:
Wilcoxon's signed ranks, and Student's t of the logarithms.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy import stats

from benchmarks import peers
from benchmarks.measure import RESULTS, machine, save, seconds
from radstore import phantom
from radstore.catalog import load_catalog
from radstore.engines.registry import choose
from radstore.inputs import prepare_case
from radstore.spec import Spec

LIST = Path(__file__).parents[1] / "pipelines" / "published.yaml"
OURS, PYRADIOMICS, TOGETHER = "radstore", "PyRadiomics", "radstore, all at once"
COLOURS = ("#1b6ca8", "#b0413e", "#7a7a7a")

Contender = Callable[[peers.Case, str], peers.Call]


def document(radius: int | None) -> dict[str, Any]:
    """The published list, its shape features left out: they have no map."""
    read: dict[str, Any] = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    read["features"] = [name for name in read["features"] if "_shape_" not in name]
    if radius is not None:
        read["voxelSetting"]["kernelRadius"] = radius
    return read


def contenders(asked: dict[str, Any], engine: str, threads: int, torch: bool) -> dict[str, Contender]:
    """Who takes part: name → what makes the call for one map of one case."""
    found: dict[str, Contender] = {
        OURS: lambda case, name: peers.our_maps(case, {**asked, "features": [name]}, threads, engine),
        PYRADIOMICS: lambda case, name: peers.pyradiomics_map(case, asked, name),
    }
    if torch and peers.has(*peers.TORCH):
        label = f"PyTorchRadiomics, {peers.torch_device()}"
        found[label] = lambda case, name: peers.torch_map(case, asked, name)
    return found


def cohort(
    catalog: Path | None, count: int, folder: Path, asked: dict[str, Any]
) -> Iterator[tuple[str, peers.Case]]:
    """Case id, image and mask of the region that the list names, for the first `count` cases."""
    spec = Spec.from_dict(asked)
    cases = (
        load_catalog(catalog).cases
        if catalog
        else phantom.cases("demo", {"cases": count, "folder": "cohort"}, None, folder)
    )
    for case in cases[:count]:
        yield case.id, prepare_case(case, asked["region"], spec.settings)


def measure(
    case: peers.Case, asked: dict[str, Any], who: dict[str, Contender], repeat: int
) -> dict[str, Any]:
    """Contender → map → seconds, for one case."""
    return {
        name: {feature: seconds(make(case, feature), repeat) for feature in asked["features"]}
        for name, make in who.items()
    }


def summarise(rows: list[dict[str, Any]], ours: str = OURS) -> dict[str, Any]:
    """Contender → seconds a feature and case (mean, deviation between cases), ratio to ours, paired tests."""
    means = {
        name: np.array([np.mean(list(row["seconds"][name].values())) for row in rows])
        for name in rows[0]["seconds"]
    }
    summary: dict[str, Any] = {}
    for name, taken in means.items():
        summary[name] = {"mean_s": taken.mean(), "sd_s": taken.std(ddof=1) if len(taken) > 1 else 0.0}
        if name != ours:
            summary[name]["times_ours"] = taken.mean() / means[ours].mean()
            if len(taken) > 1:
                summary[name]["wilcoxon_p"] = stats.wilcoxon(taken, means[ours]).pvalue
                summary[name]["t_of_logs_p"] = stats.ttest_rel(np.log(taken), np.log(means[ours])).pvalue
    together = np.array([row["together"] for row in rows])
    summary[TOGETHER] = {"mean_s": together.mean() / len(rows[0]["seconds"][ours]), "case_s": together.mean()}
    return {name: {k: float(v) for k, v in values.items()} for name, values in summary.items()}


def figure(rows: list[dict[str, Any]], title: str) -> Any:
    """A dot a case: mean seconds a map, contenders side by side, each case's dots joined."""
    from matplotlib.figure import Figure

    names = list(rows[0]["seconds"])
    values = np.array([[np.mean(list(row["seconds"][name].values())) for name in names] for row in rows])
    drawing = Figure(figsize=(1.5 + 1.8 * len(names), 4))
    axes = drawing.subplots()
    axes.plot(range(len(names)), values.T, color="#d5d5d5", linewidth=0.6, zorder=1)
    for place, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        axes.scatter(np.full(len(rows), place), values[:, place], s=14, color=colour, zorder=2, label=name)
        axes.hlines(values[:, place].mean(), place - 0.2, place + 0.2, color=colour, zorder=3)
    axes.set(yscale="log", ylabel="seconds a feature and case", title=title)
    axes.set_xticks(range(len(names)), [name.replace(", ", "\n") for name in names])
    axes.margins(x=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return drawing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalog", type=Path, help="a catalog.yaml instead of the synthetic cohort")
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--engine", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--radius", type=int, help="kernelRadius, if another than the list's (5: 11³ windows)"
    )
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--no-torch", action="store_true", help="without PyTorchRadiomics")
    parser.add_argument("--quick", action="store_true", help="three cases")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    asked = document(options.radius)
    count = 3 if options.quick else options.cases
    who = contenders(asked, options.engine, options.threads, not options.no_torch)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for identifier, case in cohort(options.catalog, count, Path(folder), asked):
            if not rows:  # what is compiled or imported at first use is not what is compared
                peers.our_maps(case, asked, options.threads, options.engine)()
            taken = measure(case, asked, who, options.repeat)
            together = seconds(peers.our_maps(case, asked, options.threads, options.engine), options.repeat)
            voxels = int(case[1].array.sum())
            rows.append({"case": identifier, "voxels": voxels, "seconds": taken, "together": together})
            means = ", ".join(f"{name} {np.mean(list(s.values())):.3f} s" for name, s in taken.items())
            print(
                f"{identifier}: {voxels:,} voxels; a map: {means}; all together {together:.3f} s", flush=True
            )
    summary = summarise(rows)
    side = 2 * asked["voxelSetting"]["kernelRadius"] + 1
    for name, told in summary.items():
        print(name, {key: float(f"{value:.4g}") for key, value in told.items()})
    title = f"{len(asked['features'])} maps, {len(rows)} cases, {side}³ windows, {options.engine}"
    result = {
        "machine": machine(choose(options.engine)[0].device),
        "threads": options.threads,
        "asked": asked,
        "summary": summary,
        "cases": rows,
    }
    save(f"published-{options.engine}-{side}", result, figure(rows, title), options.out)


if __name__ == "__main__":
    main()
