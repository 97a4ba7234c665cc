"""A small cohort on disk, built once through the command line, and a way to run verbs on it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.cli import main, output
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume

OBLIQUE = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
GRID = Geometry((12, 11, 10), (0.8, 0.9, 2.0), (-10.0, 20.0, 5.0), OBLIQUE)
FEATURES = ("original_firstorder_Mean", "original_glcm_Imc1", "original_shape_Sphericity")
SPEC = f"features: [{', '.join(FEATURES)}]\nregion: organ\nsetting: {{binWidth: 20}}\nmaps: %s\n"
CATALOG = """\
store: ./store
sources:
  tiny:
    driver: files
    args:
      image: images/{case}.nii.gz
      labels: labels/{case}.nii.gz
      table: table.csv
      case_column: id
      patient_column: patient
    regions: {organ: [1], pair: [2]}
"""
TABLE = "id,patient,age,label\nP1_1,P1,061Y,1\nP1_2,P1,062Y,0\nP2_1,P2,,1\nP3_1,P3,045Y,0\n"


@dataclass(frozen=True)
class Result:
    """What a run of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output, all of it JSON, read strictly: NaN is not JSON."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} in JSON")

        return json.loads(self.out, parse_constant=refuse)


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``radstore …`` in this process, in the folder the test is in."""

    def do(*argv: object) -> Result:
        output.stdout.cache_clear()  # they remember whether they are terminals
        output.stderr.cache_clear()
        capsys.readouterr()
        code = main([str(word) for word in argv])
        said = capsys.readouterr()
        return Result(code, said.out, said.err)

    return do


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """The address of a Dask scheduler with a worker, so that tests do not start one each."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster.scheduler_address


def write_case(folder: Path, case: str, seed: int) -> None:
    """An image, and labels with an organ (1) and two voxels that do not touch (2)."""
    voxels = np.random.default_rng(seed).integers(-50, 150, GRID.shape).astype(np.int16)
    labels = np.zeros(GRID.shape, np.uint8)
    labels[3:6, 3:7, 2:6] = 1
    labels[8, 1, 1] = labels[8, 5, 5] = 2
    write_volume(Volume(voxels, GRID), folder / "images" / f"{case}.nii.gz")
    write_volume(Volume(labels, GRID), folder / "labels" / f"{case}.nii.gz")


def write_site(folder: Path) -> Path:
    """Four cases, one of them with an empty mask, a table, a catalog, and two specs."""
    for seed, case in enumerate(("P1_1", "P1_2", "P2_1", "P3_1")):
        write_case(folder, case, seed)
    empty = Volume(np.zeros(GRID.shape, np.uint8), GRID)
    write_volume(empty, folder / "labels" / "P3_1.nii.gz")
    (folder / "table.csv").write_text(TABLE)
    (folder / "catalog.yaml").write_text(CATALOG)
    (folder / "tiny.yaml").write_text(SPEC % "true")
    (folder / "flat.yaml").write_text(SPEC.replace("organ", "pair") % "false")
    for file in folder.glob("*/*.nii.gz"):  # as if written a while ago: what just changed is read again
        os.utime(file, (time.time() - 1000,) * 2)
    return folder


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> Path:
    """The site with three versions: tiny@organ of two cases, of all, flat@pair; `first` tags version 1."""
    site = write_site(tmp_path_factory.mktemp("site"))
    build = ["build", "-c", f"{site}/catalog.yaml", "--scheduler", scheduler]
    assert main([*build, "-f", f"{site}/tiny.yaml", "--limit", "2", "-m", "two cases"]) == 0
    assert main([*build, "-f", f"{site}/tiny.yaml", "-m", "the others"]) == 1
    assert main([*build, "-f", f"{site}/flat.yaml", "--cases", "P1_1,P1_2"]) == 0
    assert main(["tag", "first", "1", "-s", f"{site}/store"]) == 0
    return site


@pytest.fixture
def built(_built: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The built site, as the folder we are in; tests that change it take `copied`."""
    monkeypatch.chdir(_built)
    return _built


@pytest.fixture
def copied(_built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built site that the test may change, as the folder we are in."""
    site = tmp_path / "copy"
    shutil.copytree(_built, site)
    monkeypatch.chdir(site)
    return site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site without a store, as the folder we are in."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return write_site(folder)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, as the one we are in."""
    folder = tmp_path / "nowhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
