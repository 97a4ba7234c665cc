"""Out of the store: tables and images, against what was put in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radstore.errors import BadInput, StoreError
from radstore.images.volume import Geometry
from radstore.store.blocks import Block
from radstore.store.export import export_features, export_maps, feature_frame
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.query import Snapshot, open_store

MEAN, IMC = "original_firstorder_Mean", "original_glcm_Imc1"
FAILED = Entry("k", "failed", error={"step": "maps", "message": "out of memory", "remedy": "Fewer workers."})
GRIDS = {
    "straight": Geometry((20, 18, 12), (0.7, 0.8, 2.5), (-14.0, 3.25, -100.0)),
    "oblique": Geometry(
        (20, 18, 12), (0.7, 0.8, 2.5), (-14.0, 3.25, -100.0), (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
    ),
    "flipped": Geometry(
        (20, 18, 12), (0.7, 0.8, 2.5), (5.0, 6.0, 7.0), (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
    ),
}
CORNER, SIZE = (7, 5, 4), (9, 8, 6)  # of the maps' box, x y z


def put(make: Any, case: str, grid: Geometry, info: dict[str, Any] | None = None) -> np.ndarray:
    """Commit a case with two features and their maps; gives the maps on the whole grid."""
    crop = grid.crop(CORNER, SIZE)
    rng = np.random.default_rng(len(case))
    region = (rng.random(crop.shape) < 0.6).astype(np.uint8)
    maps = np.where(region == 1, rng.normal(size=(2, *crop.shape)), np.nan).astype(np.float32)
    content = {"names": [MEAN, IMC], "failures": {}, "grid": grid.to_json()}
    block = Block("maps", {"maps": maps, "region": region}, crop, content, {"region": "r"})
    entries = {
        "features/v@r": make.vector(case, {MEAN: 1.5, IMC: np.nan}, salt=case),
        "maps/v@r": make.publish(f"{len(case)}f" * 32, block),
    }
    record = CaseRecord({"patient": f"P-{case}", "source": "demo", **(info or {})}, entries)
    assert make.commit(case, record, build={"view": "v@r"}).written
    whole = np.full((2, *grid.shape), np.nan, np.float32)
    (x, y, z), (w, h, d) = CORNER, SIZE
    whole[:, z : z + d, y : y + h, x : x + w] = maps
    return whole


@pytest.fixture
def snapshot(make: Any) -> Snapshot:
    """Two cases, and one whose maps failed."""
    put(make, "a", GRIDS["straight"], {"age": 61, "site": "north"})
    put(make, "bb", GRIDS["straight"], {"age": None, "site": "south"})
    half = {"features/v@r": make.vector("c", {MEAN: 2.0, IMC: 0.25}), "maps/v@r": FAILED}
    assert make.commit(
        "c", CaseRecord({"patient": "P-c", "source": "demo"}, half), build={"view": "v@r"}
    ).written
    return open_store(make.bucket.root)


def test_a_frame(snapshot: Snapshot) -> None:
    frame = feature_frame(snapshot)
    assert frame.index.tolist() == ["a", "bb", "c"]
    assert frame.index.name == "case"
    assert list(frame) == ["patient", "source", "age", "site", "spec", MEAN, IMC]
    assert frame.loc["a", ["patient", "age", MEAN]].tolist() == ["P-a", 61.0, 1.5]
    assert np.isnan(frame[IMC]["a"])
    pd.testing.assert_frame_equal(frame, feature_frame(snapshot, "v@r"))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".CSV"])
def test_tables_read_back_the_same(snapshot: Snapshot, tmp_path: Path, suffix: str) -> None:
    path = export_features(snapshot, tmp_path / "new" / f"table{suffix}")
    read = pd.read_parquet(path) if suffix == ".parquet" else pd.read_csv(path, index_col="case")
    wanted = feature_frame(snapshot)[[MEAN, IMC, "age"]]
    pd.testing.assert_frame_equal(read[[MEAN, IMC, "age"]], wanted, check_exact=True)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_table_that_cannot_be_written(snapshot: Snapshot, tmp_path: Path, monkeypatch: Any) -> None:
    with pytest.raises(BadInput, match=r"no table format is known by the suffix '\.xlsx'"):
        export_features(snapshot, tmp_path / "f.xlsx")
    with pytest.raises(StoreError, match="no view 'w@r'"):
        export_features(snapshot, tmp_path / "f.csv", "w@r")

    def missing(*_: object, **__: object) -> None:
        raise ImportError("no pyarrow")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", missing)
    with pytest.raises(BadInput, match="needs pyarrow") as caught:
        export_features(snapshot, tmp_path / "f.parquet")
    assert "radstore[parquet]" in caught.value.remedy
    assert not [file for file in tmp_path.iterdir() if file.name != "store"]


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("full_grid", [True, False])
def test_maps_keep_their_place(make: Any, tmp_path: Path, name: str, full_grid: bool) -> None:
    """Seen by SimpleITK, every voxel lies where the grid says, whatever its direction."""
    grid = GRIDS[name]
    whole = put(make, "a", grid)
    (mean, imc) = export_maps(open_store(make.bucket.root), tmp_path / "maps", full_grid=full_grid)
    assert (mean, imc) == tuple(tmp_path / "maps" / "a" / f"{feature}.nrrd" for feature in (MEAN, IMC))
    written = sitk.ReadImage(str(imc))
    assert written.GetSize() == (grid.size if full_grid else SIZE)
    corner = written.TransformContinuousIndexToPhysicalPoint((0.0, 0.0, 0.0))
    assert grid.index(corner) == pytest.approx((0, 0, 0) if full_grid else CORNER, abs=1e-9)
    for x, y, z in np.ndindex(*SIZE):
        at = tuple(int(i) + c * full_grid for i, c in zip((x, y, z), CORNER, strict=True))
        mine = written[at]
        x, y, z = (round(i) for i in grid.index(written.TransformIndexToPhysicalPoint(at)))
        np.testing.assert_equal(np.float32(mine), whole[1, z, y, x])


def test_by_default_every_case_that_has_maps(snapshot: Snapshot, tmp_path: Path) -> None:
    written = export_maps(snapshot, tmp_path / "m", suffix=".mha")
    assert [file.relative_to(tmp_path / "m").parts for file in written] == [
        (case, f"{feature}.mha") for case in ("a", "bb") for feature in (MEAN, IMC)
    ]
    assert np.isnan(sitk.GetArrayFromImage(sitk.ReadImage(str(written[0])))).any()


def test_some_of_them(snapshot: Snapshot, tmp_path: Path) -> None:
    (only,) = export_maps(snapshot, tmp_path, view="v@r", cases=["bb"], features=[IMC])
    assert only == tmp_path / "bb" / f"{IMC}.nrrd"


def test_what_is_not_there(snapshot: Snapshot, tmp_path: Path) -> None:
    for keywords, said in (
        ({"view": "w@r"}, "no case has maps of w@r"),
        ({"cases": ["z"]}, "no case 'z'"),
        ({"cases": ["c"]}, "out of memory"),
        ({"features": ["original_glcm_Imc2"]}, "no map 'original_glcm_Imc2'"),
        ({"cases": []}, "no case has maps"),
    ):
        with pytest.raises(StoreError, match=said):
            export_maps(snapshot, tmp_path / "none", **keywords)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="no image format"):
        export_maps(snapshot, tmp_path / "none", suffix=".png")
    assert not (tmp_path / "none").exists()
