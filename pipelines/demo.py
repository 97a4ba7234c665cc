"""What ``make demo`` shows after its build: the features, a map over a CT, and what to do next.

    python -m pipelines.demo [--store ./store] [--out demo/demo.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import radstore
from radstore.build import build
from radstore.images import Geometry, Volume
from radstore.report.slices import case_figure
from radstore.store.query import CaseView

SPEC = "selected.yaml"
SHOWN_MAP = "log-sigma-4-0-mm-3D_glcm_Correlation"

NEXT = """\
Next:
  .venv/bin/radstore ls                                  the cases of the store
  .venv/bin/radstore show {case}                  one case, its features and blocks
  .venv/bin/radstore build -f selected.yaml --set setting.binWidth=25     another spec, another version
  .venv/bin/radstore log                                 the versions; `radstore diff 1` compares
  .venv/bin/python -c 'import radstore; print(radstore.open("./store").features)'

Your own CTs:
  .venv/bin/radstore init FOLDER --catalog mine.yaml     look at a folder of CTs and masks, write a catalog
  .venv/bin/radstore check -f selected.yaml -c mine.yaml what would run, what would be refused and why
  .venv/bin/radstore build -f selected.yaml -c mine.yaml
  .venv/bin/radstore extract CT.nii.gz MASK.nii.gz -f selected.yaml       one case, no store
"""


def main() -> None:
    """Print and draw what the store holds."""
    arguments = _arguments()
    snapshot = radstore.open(arguments.store)
    print(snapshot.features, end="\n\n")
    case = next(name for name in snapshot.cases if snapshot.case(name).info.get("label") == 1)
    print(f"Picture: {draw(snapshot.case(case), arguments.out)}")
    again = build(SPEC, store=arguments.store, dry_run=True)
    print(f"A second build would work on {len(again.prepared.plan.todo)} of {again.prepared.plan.total} cases.\n")
    print(NEXT.format(case=case))


def draw(case: CaseView, path: Path) -> Path:
    """A PNG of one case: the CT with a map over it."""
    one = case.get_map(SHOWN_MAP)
    region = case.region(case.snapshot.view.split("@")[1])
    return case_figure(
        _volume(case.image, case.id),
        _volume(one, case.id),
        _volume(region, case.id),
        path,
        feature=SHOWN_MAP,
        title=f"case {case.id}",
    )


def _volume(array: object, source: str) -> Volume:
    return Volume(array.values, Geometry.from_json(array.attrs["geometry"]), source)  # type: ignore[attr-defined]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Show what the demo build made.")
    parser.add_argument("--store", default="./store")
    parser.add_argument("--out", type=Path, default=Path("demo/demo.png"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
