"""What ``make demo`` shows after its build: the features, a map over a CT, and what to do next."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import radstore
from radstore.images import Geometry, Volume

if TYPE_CHECKING:
    import xarray as xr

    from radstore.build import BuildReport
    from radstore.store.query import CaseView, Snapshot

RADSTORE = ".venv/bin/radstore"


def main(argv: Sequence[str] | None = None) -> None:
    """Print and draw what the store holds, and build it again."""
    asked = _arguments(argv)
    snapshot = radstore.open(asked.store)
    case = snapshot.case(_lesion_case(snapshot))
    again = radstore.build.build(asked.features, catalog=asked.catalog, store=asked.store)
    print(snapshot.features, end="\n\n")
    print(f"Picture: {draw(case, asked.out)}")
    print(_repeated(again), end="\n\n")
    print("Next:")
    print(
        _aligned(
            ("ls", "the views and cases of the store"),
            (f"show {case.id}", "one case: its blocks and its features"),
            ("export features features.csv", "a table for other programs"),
            (f"build -f {asked.features} --set setting.binWidth=25", "another bin width: a new version"),
            ("diff 1", "what that changed"),
        )
    )
    print("  and in Python (.venv/bin/python):")
    print(f"  import radstore; radstore.open({asked.store!r}).features", end="\n\n")
    print("Your own CTs:")
    print(
        _aligned(
            ("init FOLDER -c mine.yaml", "look at CTs and masks, write a first catalog"),
            (f"check -f {asked.features} -c mine.yaml", "what would run, what would be refused and why"),
            (f"build -f {asked.features} -c mine.yaml", "run it"),
            (f"extract CT.nii.gz MASK.nii.gz -f {asked.features}", "one case, without a store"),
        )
    )


def draw(case: CaseView, path: Path) -> Path:
    """A PNG of one case: the CT, and over it the first map of the default view."""
    from radstore.report.slices import case_figure

    maps = case.maps
    name = str(maps["feature"].values[0])
    region = case.region(str(maps.attrs["region"]))
    return case_figure(
        _volume(case.image, case.id),
        _volume(maps.sel(feature=name), case.id),
        _volume(region, case.id),
        path,
        feature=name,
        title=f"case {case.id}",
    )


def _lesion_case(snapshot: Snapshot) -> str:
    """The first case with a lesion, where there is more to see; else the first."""
    ill = (case for case in snapshot.cases if snapshot.case(case).info.get("label") == 1)
    return next(ill, snapshot.cases[0])


def _volume(array: xr.DataArray, source: str) -> Volume:
    return Volume(array.values, Geometry.from_json(array.attrs["geometry"]), source)


def _repeated(report: BuildReport) -> str:
    computed = report.tally.computed if report.tally else 0
    if computed or report.failed:
        return f"A second build computed {computed} features and maps; {len(report.failed)} cases failed."
    return f"A second build computed nothing: all {report.prepared.plan.total} cases are up to date."


def _aligned(*commands: tuple[str, str]) -> str:
    width = max(len(command) for command, _ in commands)
    return "\n".join(f"  {RADSTORE} {command:{width}}   {what}" for command, what in commands)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Show what the demo build made.")
    parser.add_argument("--features", default="selected.yaml")
    parser.add_argument("--catalog", default="catalog.yaml")
    parser.add_argument("--store", default="./store")
    parser.add_argument("--out", type=Path, default=Path("demo/demo.png"))
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
