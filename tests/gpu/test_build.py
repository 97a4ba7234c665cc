"""A real build on real GPUs: the cluster with a process a device, and the devices in the record."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

cupy = pytest.importorskip("cupy")
pytest.importorskip("distributed")
pytest.importorskip("SimpleITK")
pytest.importorskip("zarr")
pytest.importorskip("pydantic")

pytestmark = pytest.mark.gpu

DOCUMENT = {
    "features": ["original_firstorder_Mean", "original_glcm_Contrast", "original_glszm_ZoneEntropy"],
    "region": "organ",
    "setting": {"binWidth": 20},
    "maps": True,
}
CASES = [f"c{number}" for number in range(8)]


@pytest.fixture(scope="module")
def devices() -> Any:
    from radstore.build.devices import visible
    from radstore.engines.registry import ENGINES
    from radstore.errors import EngineError

    try:
        found = visible()
    except EngineError as error:
        pytest.skip(f"no CUDA device: {error.message}")
    if "cuda" not in ENGINES:
        pytest.skip("this radstore has no engine cuda")
    return found


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Eight small cases on disk."""
    from radstore.catalog import Catalog
    from radstore.catalog.model import Region, Source
    from radstore.images.volume import Geometry, Volume
    from radstore.images.write import write_volume

    root = tmp_path_factory.mktemp("gpus")
    geometry = Geometry((40, 36, 24), (0.8, 0.8, 2.0))
    labels = np.zeros(geometry.shape, np.uint8)
    labels[6:18, 8:28, 10:30] = 1
    for number, case in enumerate(CASES):
        image = np.random.default_rng(number).integers(-50, 150, geometry.shape).astype(np.int16)
        for kind, array in (("image", image), ("labels", labels)):
            path = write_volume(Volume(array, geometry), root / f"{case}_{kind}.nii.gz")
            os.utime(path, (time.time() - 1000,) * 2)
    args = {"image": f"{root}/{{case}}_image.nii.gz", "labels": f"{root}/{{case}}_labels.nii.gz"}
    source = Source("files", "files", args, {"organ": Region((1,))})
    return Catalog(root / "catalog.yaml", str(root / "store"), {"files": source})


def built(catalog: Any, store: Path, engine: str, **keywords: Any) -> Any:
    from radstore.build import build
    from radstore.spec import Spec

    spec = Spec.from_dict(DOCUMENT, "tiny")
    report = build(spec, catalog=catalog, store=store, engine=engine, **keywords)
    assert report.failed == {}
    return report


def records(store: Path) -> dict[str, Any]:
    from radstore.store import log
    from radstore.store.bucket import open_bucket
    from radstore.store.manifest import Manifest

    bucket = open_bucket(store)
    return dict(Manifest(bucket, log.head(bucket).manifest).items())


def test_every_device_computes_and_the_numbers_are_the_processors(
    catalog: Any, devices: Any, tmp_path: Path
) -> None:
    import radstore

    built(catalog, tmp_path / "gpu", "cuda")
    built(catalog, tmp_path / "cpu", "cpu", workers=2)
    on_gpu, on_cpu = records(tmp_path / "gpu"), records(tmp_path / "cpu")
    name = "maps/tiny@organ"
    used = {record.blocks[name].device for record in on_gpu.values()}
    assert used <= {str(device) for device in devices}
    assert len(used) >= min(2, len(devices))
    for case in CASES:
        mine, theirs = on_gpu[case].blocks, on_cpu[case].blocks
        assert {name: entry.key for name, entry in mine.items()} == {n: e.key for n, e in theirs.items()}
        one, other = (radstore.open(tmp_path / where).case(case) for where in ("gpu", "cpu"))
        np.testing.assert_allclose(
            one.features("tiny@organ").values, other.features("tiny@organ").values, rtol=1e-6
        )
        np.testing.assert_allclose(
            one.get_maps("tiny@organ").values, other.get_maps("tiny@organ").values, rtol=1e-5
        )


def test_the_first_device_only(catalog: Any, devices: Any, tmp_path: Path) -> None:
    built(catalog, tmp_path / "store", "cuda", gpus="0", cases=CASES[:2])
    used = {record.blocks["maps/tiny@organ"].device for record in records(tmp_path / "store").values()}
    assert used == {str(devices[0])}


def test_a_device_that_is_not_there(catalog: Any, devices: Any, tmp_path: Path) -> None:
    from radstore.errors import BadInput

    with pytest.raises(BadInput, match=f"no CUDA device {len(devices)} here"):
        built(catalog, tmp_path / "store", "cuda", gpus=[len(devices)])
    assert not (tmp_path / "store").exists()


def test_each_process_sees_its_own_device(devices: Any) -> None:
    from radstore.build.cluster import client_for
    from radstore.build.crew import Crew
    from radstore.build.devices import visible
    from radstore.errors import EngineError

    with client_for(None, Crew(devices=devices, readers=1)) as client:
        seen = client.run(visible, on_error="return")
        names = {at: worker["name"] for at, worker in client.scheduler_info(n_workers=-1)["workers"].items()}
    found = {names[at]: answer for at, answer in seen.items()}
    assert isinstance(found.pop("reader-0"), EngineError)
    assert {name: len(answer) for name, answer in found.items()} == {str(device): 1 for device in devices}
