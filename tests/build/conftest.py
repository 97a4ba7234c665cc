"""A folder of tiny cases, the store built from it, and two workers that all tests share."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.build import BuildReport, build
from radstore.build.job import Job
from radstore.catalog import Catalog
from radstore.catalog.model import Region, Source
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume
from radstore.spec import Spec
from radstore.store import admin, log
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.manifest import CaseRecord, Manifest
from radstore.store.query import Snapshot, open_store

GEOMETRY = Geometry((12, 11, 10), (0.8, 0.8, 2.0), (-10.0, 20.0, 5.0))
DOCUMENT: dict[str, Any] = {
    "features": [
        "original_firstorder_Mean",
        "original_firstorder_Entropy",
        "original_glcm_Contrast",
        "original_shape_MeshVolume",
    ],
    "region": "organ",
    "setting": {"binWidth": 20},
    "maps": True,
}
VECTOR, MAPS = 4, 3  # columns of a case under DOCUMENT


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """The address of a Dask scheduler with two workers in processes of their own."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster.scheduler_address


ENGINE = "pyradiomics"  # named everywhere, since what `auto` chooses has other keys


@dataclass(frozen=True)
class Site:
    """A folder of cases with a catalog, and a store beside it."""

    root: Path
    scheduler: str

    def spec(self, *changes: Mapping[str, Any], name: str = "tiny") -> Spec:
        """The test's spec; each change replaces top-level keys, `setting` merged."""
        document = copy.deepcopy(DOCUMENT)
        for change in changes:
            setting = {**document["setting"], **change.get("setting", {})}
            document = {**document, **change, "setting": setting}
        return Spec.from_dict(document, name)

    def job(self, *changes: Mapping[str, Any], region: str = "organ") -> Job:
        return Job(self.spec(*changes), region, ENGINE, str(self.root / "store"))

    def image(self, seed: int = 0) -> np.ndarray:
        return np.random.default_rng(seed).integers(-50, 150, GEOMETRY.shape).astype(np.int16)

    def labels(self) -> np.ndarray:
        """Label 1 and 2: two boxes of 4 × 4 × 3 voxels side by side."""
        labels = np.zeros(GEOMETRY.shape, np.uint8)
        labels[3:6, 3:7, 2:6] = 1
        labels[3:6, 3:7, 6:10] = 2
        return labels

    def image_path(self, case: str) -> Path:
        return self.root / "cases" / f"{case}_image.nii.gz"

    def labels_path(self, case: str) -> Path:
        return self.root / "cases" / f"{case}_labels.nii.gz"

    def add(self, *cases: str, image: np.ndarray | None = None, labels: np.ndarray | None = None) -> None:
        """Write cases, each with voxels of its own unless they are given."""
        for case in cases:
            seed = int.from_bytes(case.encode(), "big") % 2**32
            self.put(self.image_path(case), self.image(seed) if image is None else image)
            self.put(self.labels_path(case), self.labels() if labels is None else labels)

    def put(self, path: Path, array: np.ndarray, geometry: Geometry = GEOMETRY) -> None:
        """Write an image, as if a while ago: a file that just changed is not trusted to stay as it is."""
        self.settle(write_volume(Volume(array, geometry), path))

    def settle(self, path: Path, seconds_ago: float = 1000.0) -> None:
        then = time.time() - seconds_ago
        os.utime(path, (then, then))

    def table(self, text: str) -> None:
        """Give the cases columns."""
        (self.root / "table.csv").write_text(text)

    @property
    def catalog(self) -> Catalog:
        """What lies in the folder now."""
        cases = self.root / "cases"
        args = {"image": f"{cases}/{{case}}_image.nii.gz", "labels": f"{cases}/{{case}}_labels.nii.gz"}
        if (self.root / "table.csv").exists():
            args |= {"table": str(self.root / "table.csv"), "case_column": "id"}
        regions = {"organ": Region((1,)), "both": Region((1, 2)), "absent": Region((7,))}
        source = Source("files", "files", args, regions)
        return Catalog(self.root / "catalog.yaml", str(self.root / "store"), {"files": source})

    def command(self, *changes: Mapping[str, Any], engine: str = ENGINE) -> list[str]:
        """Write the spec and the catalog as files; the command line that builds them."""
        cases = self.root / "cases"
        files = {
            "tiny.yaml": self.spec(*changes).document | {"region": "organ"},
            "catalog.yaml": {
                "store": "./store",
                "sources": {
                    "files": {
                        "driver": "files",
                        "args": {
                            "image": f"{cases}/{{case}}_image.nii.gz",
                            "labels": f"{cases}/{{case}}_labels.nii.gz",
                        },
                        "regions": {"organ": [1]},
                    }
                },
            },
        }
        for name, content in files.items():
            (self.root / name).write_text(json.dumps(content))  # which is YAML
        features, catalog = self.root / "tiny.yaml", self.root / "catalog.yaml"
        where = ["--features", str(features), "--catalog", str(catalog)]
        return ["build", *where, "--workers", "2", "--engine", engine]

    def build(self, spec: Spec | None = None, **keywords: Any) -> BuildReport:
        """Build on the shared workers."""
        keywords = {"catalog": self.catalog, "scheduler": self.scheduler, **keywords}
        keywords.setdefault("engine", ENGINE)
        return build(spec or self.spec(), **keywords)

    @property
    def bucket(self) -> Bucket:
        return open_bucket(self.root / "store")

    @property
    def snapshot(self) -> Snapshot:
        return open_store(self.root / "store")

    @property
    def version(self) -> int:
        return log.head(self.bucket).number

    def records(self) -> dict[str, CaseRecord]:
        """Case id → what the latest version says of it."""
        return dict(Manifest(self.bucket, log.head(self.bucket).manifest).items())

    def keys(self) -> dict[tuple[str, str], str]:
        """(case, block name) → key."""
        return {(c, name): e.key for c, r in self.records().items() for name, e in r.blocks.items()}

    def verify(self) -> int:
        """Read every block of the latest version again; how many there are."""
        found = admin.verify(self.root / "store")
        assert not found.damaged
        return found.blocks


@pytest.fixture
def site(tmp_path: Path, scheduler: str) -> Site:
    """An empty site."""
    return Site(tmp_path, scheduler)


@pytest.fixture
def offline(tmp_path: Path) -> Site:
    """An empty site for what needs no workers."""
    return Site(tmp_path, "")


@pytest.fixture
def built(site: Site) -> Site:
    """A site with two cases, built."""
    site.add("a", "b")
    report = site.build()
    assert report.tally is not None
    assert report.tally.computed == 2 * (VECTOR + MAPS)
    assert not report.failed
    return site


@pytest.fixture
def program() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``programs.py VERB …`` in a process group of its own; what is left of it is killed afterwards."""
    started = []

    def start(verb: str, *args: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(Path(__file__).with_name("programs.py")), verb, *map(str, args)]
        started.append(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        with process, contextlib.suppress(ProcessLookupError):  # nobody of the group is left
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two GPUs that are not there, for this process and its workers; the module `fake_gpu`."""
    import dask
    import distributed  # noqa: F401  # adds its part to the configuration, which must not be undone below

    from radstore import cuda
    from radstore.build import devices, nannies, work
    from radstore.engines import registry

    path = Path(__file__).with_name("fake_gpu.py")
    described = importlib.util.spec_from_file_location("fake_gpu", path)
    module = importlib.util.module_from_spec(described)
    monkeypatch.setitem(sys.modules, "fake_gpu", module)
    described.loader.exec_module(module)
    monkeypatch.setenv(module.COUNT, "2")
    monkeypatch.setenv(module.LOG, str(tmp_path / "events"))
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    # undone at the end, whatever `install` puts there
    monkeypatch.setattr(registry, "ENGINES", dict(registry.ENGINES))
    for owner, name in ((cuda, "runtime"), (nannies, "pinning"), (work, "prepare_case")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    module.install()
    with dask.config.set({"distributed.worker.preload": [str(path)]}):
        yield module
    cuda.forget()
