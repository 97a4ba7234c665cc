"""`perturb` from a folder of cases to files and the store's coords."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import radstore
from radstore.catalog import Catalog
from radstore.catalog.model import Region, Source
from radstore.errors import BadInput
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume
from radstore.perturb import perturb
from radstore.spec import Spec

GRID = Geometry((16, 15, 10), (1.0, 1.0, 2.0))
FEATURES = ["original_firstorder_Mean", "original_glcm_Contrast", "original_shape_Sphericity"]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for at, case in enumerate("abc"):
        random = np.random.default_rng(at)
        labels = np.zeros(GRID.shape, np.uint8)
        labels[2:7, 3 : 9 + at, 3:11] = 1
        write_volume(
            Volume(random.normal(40 + 9 * at, 20, GRID.shape).astype(np.int16), GRID),
            tmp_path / f"{case}_i.nii.gz",
        )
        write_volume(Volume(labels, GRID), tmp_path / f"{case}_l.nii.gz")
    args = {"image": f"{tmp_path}/{{case}}_i.nii.gz", "labels": f"{tmp_path}/{{case}}_l.nii.gz"}
    source = Source("files", "files", args, {"organ": Region((1,))})
    return Catalog(tmp_path / "catalog.yaml", str(tmp_path / "store"), {"files": source})


def spec(width: int = 20) -> Spec:
    return Spec.from_dict({"features": FEATURES, "region": "organ", "setting": {"binWidth": width}}, "tiny")


def done(catalog: Catalog, **keywords: Any) -> Any:
    out = catalog.path.with_name("tiny.icc.csv")
    return perturb(spec(), catalog=catalog, engine="cpu", jobs=1, out=out, **keywords)


def test_files_without_a_store(catalog: Catalog) -> None:
    report = done(catalog, seed=3)
    table, figure = report.files
    written = pd.read_csv(table, index_col="feature")
    np.testing.assert_allclose(written["icc"], report.robustness.icc.value)
    assert list(written.index) == FEATURES
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert report.version is None
    assert not Path(catalog.store).exists()


def test_coords_of_the_features(catalog: Catalog) -> None:
    radstore.build.build(spec(), catalog=catalog, engine="cpu", workers=1)
    report = done(catalog)
    assert report.version.number == 2
    features = radstore.open(catalog.store).features
    np.testing.assert_allclose(features["icc"].sel(feature=FEATURES), report.robustness.icc.value)
    assert features["icc_low"].dims == ("feature",)
    assert "icc" not in radstore.open(catalog.store, version=1).features.coords
    # other settings: the numbers are of other features
    radstore.build.build(spec(width=10), catalog=catalog, engine="cpu", workers=1)
    assert "icc" not in radstore.open(catalog.store).features.coords


def test_bad_input(catalog: Catalog) -> None:
    done(catalog)
    with pytest.raises(BadInput, match="is there already"):
        done(catalog)
    done(catalog, force=True)
    for wrong, message in (
        ({"sample": 1}, "a sample of 1"),
        ({"dilate": -1.0}, "dilate is -1"),
        ({"resample": 1.0}, "resample is 1"),
    ):
        with pytest.raises(BadInput, match=message):
            done(catalog, force=True, **wrong)
    with pytest.raises(BadInput, match="no name for the table"):
        perturb(spec(), catalog=catalog, out="x.txt")
