"""A tiny cohort, split and built once, of which each test may change a copy."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusion.inputs import Inputs
from fusion.plan import PlanReport, plan
from fusion.recipe import Channel, Recipe
from radstore.build import build
from radstore.catalog import Catalog, load_catalog
from radstore.images.read import read_labels
from radstore.images.volume import Volume
from radstore.images.write import write_volume
from radstore.spec import load_spec
from radstore.split import split
from radstore.store import log
from radstore.store.bucket import open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord
from radstore.store.query import Snapshot, open_store

CATALOG = """\
store: ./store
sources:
  demo:
    driver: phantom
    args: {cases: 6, seed: 0}
    regions: {pancreas: [1, 4, 5], lesion: [1]}
"""
SPEC = """\
features: [original_firstorder_Mean, original_glcm_Correlation, original_shape_MeshVolume]
region: pancreas
setting: {binWidth: 20, resampledPixelSpacing: [2, 2, 2.5]}
maps: true
"""
VIEW = "tiny@pancreas"


@dataclass(frozen=True)
class Site:
    """A catalog with a store of three folds."""

    root: Path

    @property
    def spec(self) -> Path:
        return self.root / "tiny.yaml"

    @property
    def catalog(self) -> Catalog:
        return load_catalog(self.root / "catalog.yaml")

    @property
    def snapshot(self) -> Snapshot:
        return open_store(self.root / "store")

    def records(self) -> dict[str, CaseRecord]:
        return dict(self.snapshot.manifest.items())

    def fold(self, number: int) -> list[str]:
        return [case for case, record in self.records().items() if record.marks["fold"] == number]

    def record(self, case: str, record: CaseRecord) -> None:
        """Let the store say something else of a case."""
        bucket = open_bucket(self.root / "store")
        log.commit(bucket, {case: Change(self.records()[case], record)})

    def relabel(self, case: str, **values: Any) -> None:
        """Change the label image of a case: ``{"1": 4}``-like, old value → new."""
        path = next(c for c in self.catalog.cases() if c.id == case).labels[0][1]
        labels = read_labels(path)
        array = np.array(labels.array)
        for old, new in values.items():
            array[labels.array == int(old.lstrip("_"))] = new
        write_volume(Volume(array, labels.geometry), path)

    def plan(self, stage: int = 2, fold: int | None = 0, **keywords: Any) -> PlanReport:
        """Stage 2 in the drawn pancreas, hence in paper mode, without samples, in this process."""
        if stage == 2:
            keywords = {"features": self.spec, "region": "pancreas", "paper": True, **keywords}
        keywords = {"samples": False, "jobs": 1, **keywords}
        return plan(stage, fold, catalog=self.catalog, models=self.root / "models", **keywords)


@pytest.fixture(scope="session")
def first_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    root = tmp_path_factory.mktemp("plan")
    (root / "catalog.yaml").write_text(CATALOG)
    (root / "tiny.yaml").write_text(SPEC)
    catalog = load_catalog(root / "catalog.yaml")
    assert not build(load_spec(root / "tiny.yaml"), catalog=catalog, workers=1, check=False).failed
    split(catalog=catalog, k=3)
    return Site(root)


@pytest.fixture
def site(first_site: Site, tmp_path: Path) -> Site:
    """A copy, to be changed."""
    shutil.copytree(first_site.root, tmp_path / "site", ignore=shutil.ignore_patterns("models"))
    return Site(tmp_path / "site")


@pytest.fixture
def recipe() -> Recipe:
    """Of a stage 2 with three maps and a vector of four."""
    channels = tuple(Channel(f"feature {n}", float(n), 1.0 + n) for n in range(4))
    return Recipe(2, 0, Inputs("ct"), region="pancreas", maps=channels[:3], vector=channels)


def fingerprint(spacing: tuple[float, ...], shape: tuple[int, ...], cases: int = 40) -> dict[str, Any]:
    """Of a dataset whose cases are all alike."""
    intensities = {"mean": 90.0, "std": 40.0, "percentile_00_5": -30.0, "percentile_99_5": 200.0}
    return {
        "spacings": [list(spacing)] * cases,
        "shapes_after_crop": [list(shape)] * cases,
        "foreground_intensity_properties_per_channel": {"0": intensities},
        "median_relative_size_after_cropping": 0.3,
    }


@pytest.fixture
def whole() -> dict[str, Any]:
    """Whole CTs as PANORAMA's."""
    return fingerprint((2.0, 0.75, 0.75), (180, 512, 512))


@pytest.fixture
def crops() -> dict[str, Any]:
    """ROIs of small images."""
    return fingerprint((2.5, 1.5, 1.5), (40, 64, 80))
