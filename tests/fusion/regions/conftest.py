"""A small cohort with folds in a store, and Stage-1 models that are not there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusion.recipe import Recipe
from fusion.regions import RegionRule, RegionsReport, Stage1, predict_regions
from radstore.catalog import Catalog
from radstore.catalog.model import Region, Source
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume
from radstore.split import split
from radstore.store.query import Snapshot, open_store

GRID = Geometry((12, 11, 10), (2.0, 2.0, 4.0), (-10.0, 20.0, 5.0))
BOX = (slice(3, 6), slice(3, 7), slice(2, 6))
CASES, EXTERNAL = [f"c{number}" for number in range(6)], ["x0", "x1"]
PATIENTS = {"c5": "p4"}  # two studies of one patient; the others have one each


@dataclass
class Fakes:
    """Stage-1 models that find the same box in every CT, and remember what they were asked.

    `empty`: cases in which they find nothing; `broken`: those that make them fail.
    """

    calls: list[tuple[tuple[int, ...], str]] = field(default_factory=list)
    opened: list[tuple[int, ...]] = field(default_factory=list)
    empty: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    version: int = 0
    rule: RegionRule = field(default_factory=RegionRule)
    trained_on: Callable[[tuple[int, ...]], frozenset[str] | None] = lambda held: None

    def __call__(self, held: tuple[int, ...]) -> Stage1:
        self.opened.append(held)

        def labels(image: Volume) -> Volume:
            case = Path(image.source).name.split(".")[0]
            self.calls.append((held, case))
            if case in self.broken:
                raise MemoryError
            array = np.zeros(image.geometry.shape, np.uint8)
            if case not in self.empty:
                array[BOX] = 4
            return Volume(array, image.geometry, image.source)

        digest = f"model {held} {self.version}"
        return Stage1(f"chain{held}", digest, held, labels, self.rule, self.trained_on(held))

    def asked(self) -> dict[str, tuple[int, ...]]:
        """Case → the folds that its model held out."""
        assert len({case for _, case in self.calls}) == len(self.calls)  # each once
        return {case: held for held, case in self.calls}


@dataclass(frozen=True)
class Cohort:
    """Six cases of five patients in three folds, and two external cases; only images, no labels."""

    root: Path

    @property
    def catalog(self) -> Catalog:
        regions = {"drawn": Region((1,), "labels")}
        args = {"labels": f"{self.root}/labels/{{case}}.nii.gz"}
        sources = {
            "own": Source("own", "files", {"image": f"{self.root}/own/{{case}}.nii.gz", **args}, regions),
            "other": Source("other", "files", {"image": f"{self.root}/other/{{case}}.nii.gz"}),
        }
        table = self.root / "table.csv"
        sources["own"].args.update(table=str(table), case_column="id", patient_column="who")  # type: ignore[attr-defined]
        return Catalog(self.root / "catalog.yaml", str(self.root / "store"), sources)

    @property
    def store(self) -> str:
        return str(self.root / "store")

    @property
    def snapshot(self) -> Snapshot:
        return open_store(self.store)

    def folds(self) -> dict[str, int]:
        return {
            case: record.marks["fold"]
            for case, record in self.snapshot.manifest.items()
            if "fold" in record.marks
        }

    def predict(self, models: Any, fold: int | None = 0, **keywords: Any) -> RegionsReport:
        return predict_regions(models, None, self.catalog, fold, **keywords)

    def write(self, folder: str, cases: Sequence[str], seed: int = 0) -> None:
        for number, case in enumerate(cases):
            voxels = np.random.default_rng([seed, number]).integers(-100, 200, GRID.shape)
            write_volume(Volume(voxels.astype(np.int16), GRID), self.root / folder / f"{case}.nii.gz")


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    made = Cohort(tmp_path)
    made.write("own", CASES)
    lines = [f"{case},{PATIENTS.get(case, 'p' + case[1:])},{number % 2}" for number, case in enumerate(CASES)]
    (tmp_path / "table.csv").write_text("id,who,label\n" + "\n".join(lines) + "\n")
    only = Catalog(made.catalog.path, made.catalog.store, {"own": made.catalog.sources["own"]})
    split(catalog=only, k=3)
    made.write("other", EXTERNAL, seed=1)
    return made


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
def write_stage1(write_model: Callable[..., Path]) -> Callable[[Path, Recipe], None]:
    """Write an untrained tiny Stage 1 as `fusion train` leaves one."""

    def write(folder: Path, recipe: Recipe) -> None:
        write_model(folder, recipe, seed=recipe.fold, mirroring=None, spacing=[8.0, 4.0, 4.0])

    return write
