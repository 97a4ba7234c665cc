"""Snapshots: pinned, lazy, in mm, and fit to be sent elsewhere."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import xarray as xr
import zarr

from radstore.errors import StoreError
from radstore.images.volume import Geometry
from radstore.store import layout, log
from radstore.store.blocks import Block
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.query import Snapshot, open_store

FAILED = Entry("k", "failed", error={"step": "maps", "message": "out of memory", "remedy": "fewer workers"})
OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
FLIPPED = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
GRID = Geometry((40, 36, 20), (0.7, 0.7, 2.5), (-14.0, 3.25, -100.0))
NAMES = ["original_firstorder_Mean", "original_glcm_Imc1"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def full(make: Any) -> Callable[..., Any]:
    """Commit a case that has everything, on a grid of any direction; gives its arrays."""

    def commit(direction: tuple[float, ...] = GRID.direction, case: str = "a") -> dict[str, np.ndarray]:
        grid = Geometry(GRID.size, GRID.spacing, GRID.origin, direction)
        rng = np.random.default_rng(0)
        image = rng.integers(-1000, 1000, grid.shape).astype(np.int16)
        region = np.zeros(grid.shape, np.uint8)
        region[4:16, 5:25, 7:37] = 1
        crop = grid.crop((7, 5, 4), (30, 20, 12))
        maps = rng.normal(size=(2, *crop.shape)).astype(np.float32)
        inside = (rng.random(crop.shape) < 0.7).astype(np.uint8)
        maps[:, inside == 0] = np.nan
        content = {"names": NAMES, "recipes": ["r1", "r2"], "failures": {}, "grid": grid.to_json()}
        provenance = {"spec": {"features": NAMES}, "engine": "native/1", "region": "pancreas"}
        entries = {
            "image": Block("image", {"image": image}, grid),
            "region/pancreas": Block("region", {"region": region}, grid),
            "maps/v@pancreas": Block("maps", {"maps": maps, "region": inside}, crop, content, provenance),
        }
        published = {name: make.publish(f"{i}{case}" * 32, b) for i, (name, b) in enumerate(entries.items())}
        published["features/v@pancreas"] = make.vector(case, dict(zip(NAMES, (1.5, np.nan), strict=True)))
        record = CaseRecord({"patient": "P", "source": "demo", "age": 50}, published)
        assert make.commit(case, record, build={"view": "v@pancreas"}).written
        return {"image": image, "region": region, "maps": maps, "inside": inside}

    return commit


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many bytes of which chunk were read."""
    seen: dict[str, int] = {}
    real = zarr.storage.LocalStore.get

    async def get(self: Any, key: str, *args: Any, **keywords: Any) -> Any:
        found = await real(self, key, *args, **keywords)
        if found is not None and "/c/" in key:
            seen[key] = seen.get(key, 0) + len(found)
        return found

    monkeypatch.setattr(zarr.storage.LocalStore, "get", get)
    return seen


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store here") as caught:
        open_store(tmp_path / "nothing")
    assert "radstore build" in caught.value.remedy
    assert not (tmp_path / "nothing").exists()


def test_a_store_before_its_first_commit(make: Any, root: Path) -> None:
    snapshot = open_store(root)
    assert snapshot.cases == []
    assert snapshot.views == {}
    assert "version 0: 0 cases" in repr(snapshot)
    with pytest.raises(StoreError, match="no default view") as caught:
        _ = snapshot.features
    assert "radstore build" in caught.value.remedy


def test_a_snapshot_is_pinned(make: Any, full: Callable[..., Any], root: Path) -> None:
    arrays = full()
    pinned, lazy = open_store(root), open_store(root)
    table = pinned.features
    full(case="b")
    make.commit("a", None)
    for snapshot in (pinned, lazy):
        assert snapshot.cases == ["a"]
        np.testing.assert_array_equal(snapshot.case("a").image.values, arrays["image"])
        assert snapshot.features.identical(table)
    assert open_store(root).cases == ["b"]
    assert open_store(root, 1).cases == ["a"]
    assert [v.number for v in pinned.versions] == [3, 2, 1]


def test_versions_by_tag(make: Any, full: Callable[..., Any], root: Path) -> None:
    full()
    log.tag(make.bucket, "v1", log.head(make.bucket))
    full(case="b")
    assert open_store(root, "v1").cases == ["a"]
    assert open_store(root, "v1").tags == {"v1": 1}
    assert open_store(root).cases == ["a", "b"]


def test_which_view_is_the_default(make: Any, root: Path) -> None:
    make.commit("a", make.record("a", features__x=make.vector("a")))
    assert open_store(root).view == "x"  # the only one
    make.commit("b", make.record("b", features__y=make.vector("b")))
    with pytest.raises(StoreError, match=r"no default view \(views: x, y\)"):
        _ = open_store(root).view
    make.commit("c", make.record("c", features__y=make.vector("c")), build={"view": "y"})
    assert open_store(root).view == "y"  # the one the version was built for
    assert open_store(root).views == {"x": 1, "y": 2}
    assert open_store(root).table("x")["case"].values.tolist() == ["a"]


def test_everything_of_a_case(full: Callable[..., Any], root: Path) -> None:
    arrays = full()
    case = open_store(root).case("a")
    assert case.info == {"patient": "P", "source": "demo", "age": 50}
    image, region, maps = case.image, case.region("pancreas"), case.maps
    assert (image.dims, image.dtype, image.attrs["units"]) == (("z", "y", "x"), np.int16, "HU")
    assert (region.dims, region.dtype) == (("z", "y", "x"), np.uint8)
    assert (maps.dims, maps.dtype) == (("feature", "z", "y", "x"), np.float32)
    np.testing.assert_array_equal(image, arrays["image"])
    np.testing.assert_array_equal(region, arrays["region"])
    np.testing.assert_array_equal(maps, arrays["maps"])
    np.testing.assert_array_equal(case.maps_region(), arrays["inside"])
    assert maps["feature"].values.tolist() == NAMES
    assert maps.attrs["engine"] == "native/1"
    assert maps.attrs["spec"] == {"features": NAMES}
    vector = case.features()
    np.testing.assert_array_equal(vector, [1.5, np.nan])
    assert vector["feature"].values.tolist() == NAMES
    one = case.get_map(NAMES[1])
    np.testing.assert_array_equal(one, arrays["maps"][1])
    assert one.dims == ("z", "y", "x")


@pytest.mark.parametrize("direction", [GRID.direction, FLIPPED, OBLIQUE])
def test_coords_are_mm(full: Callable[..., Any], root: Path, direction: tuple[float, ...]) -> None:
    full(direction)
    case = open_store(root).case("a")
    image, maps = case.image, case.maps
    for array in (image, case.region("pancreas"), maps, case.get_maps(full_grid=True)):
        for axis, spacing in zip("xyz", GRID.spacing, strict=True):
            assert array[axis].attrs["units"] == "mm"
            np.testing.assert_allclose(np.abs(np.diff(array[axis])), spacing)
        assert array.attrs["geometry"]["frame"] == "LPS"
        assert array.attrs["geometry"]["direction"] == list(direction)
    # the crop lies where it was cropped
    for axis, start, size in (("x", 7, 30), ("y", 5, 20), ("z", 4, 12)):
        np.testing.assert_allclose(maps[axis], image[axis][start : start + size], atol=1e-9)
    if direction != OBLIQUE:  # along the patient's axes they are ITK's own positions
        itk = sitk.Image(GRID.size, sitk.sitkInt16)
        itk.SetSpacing(GRID.spacing)
        itk.SetOrigin(GRID.origin)
        itk.SetDirection(direction)
        point = itk.TransformIndexToPhysicalPoint((3, 4, 5))
        np.testing.assert_allclose([image["x"][3], image["y"][4], image["z"][5]], point)
        assert float(image.sel(x=point[0], y=point[1], z=point[2], method="nearest")) == float(image[5, 4, 3])


@pytest.mark.parametrize("direction", [GRID.direction, FLIPPED, OBLIQUE])
def test_the_full_grid(full: Callable[..., Any], root: Path, direction: tuple[float, ...]) -> None:
    arrays = full(direction)
    case = open_store(root).case("a")
    maps = case.get_maps(full_grid=True)
    expected = np.full((2, *GRID.shape), np.nan, np.float32)
    expected[:, 4:16, 5:25, 7:37] = arrays["maps"]
    assert maps.dtype == np.float32
    np.testing.assert_array_equal(maps, expected)
    image = case.image
    for axis in "zyx":
        np.testing.assert_allclose(maps[axis], image[axis], atol=1e-9)
    assert maps.attrs["geometry"] == image.attrs["geometry"]
    np.testing.assert_array_equal(case.get_map(NAMES[1], full_grid=True), expected[1])


def test_arrays_are_lazy(full: Callable[..., Any], root: Path, bytes_read: dict[str, int]) -> None:
    full()
    case = open_store(root).case("a")
    image, maps = case.image, case.maps
    assert "..." in repr(image) or "[28800 values" in repr(image)
    assert maps.shape == (2, 12, 20, 30)
    assert bytes_read == {}
    _ = maps[:, 0, 0, 0].values
    assert [key.split("/")[-6] for key in bytes_read] == ["maps"]  # neither the region nor the image
    _ = image[:2, :2, :2].values
    assert len(bytes_read) == 2


def test_a_patch_reads_its_chunks_only(make: Any, root: Path, bytes_read: dict[str, int]) -> None:
    array = np.random.default_rng(0).integers(-1000, 1000, (96, 96, 96)).astype(np.int16)
    make.commit("a", make.record("a", image=make.image("a", array)))
    patch = open_store(root).case("a").image[:32, 32:64, 64:]
    np.testing.assert_array_equal(patch, array[:32, 32:64, 64:])
    (read,) = bytes_read.values()
    assert read < array.nbytes / 20


def test_the_region_tells_undefined_from_outside(full: Callable[..., Any], root: Path) -> None:
    full()
    case = open_store(root).case("a")
    outside = case.maps.isnull().all("feature")
    np.testing.assert_array_equal(case.maps_region().values == 0, outside.values)


def test_what_a_case_has_not(make: Any, full: Callable[..., Any], root: Path) -> None:
    full()
    make.commit("f", make.record("f", maps__x=FAILED))
    snapshot = open_store(root)
    with pytest.raises(StoreError, match="no case '100000' among the 2 of version 2"):
        snapshot.case("100000")
    with pytest.raises(StoreError, match=r"has no region/liver \(it has features/v@pancreas, image, maps"):
        snapshot.case("a").region("liver")
    with pytest.raises(StoreError, match="out of memory") as caught:
        snapshot.case("f").get_maps("x")
    assert caught.value.remedy == "fewer workers"
    with pytest.raises(StoreError, match="has no map 'Imc1'") as caught:
        snapshot.case("a").get_map("Imc1")
    assert NAMES[1] in caught.value.remedy


def test_near_misses_are_named(make: Any, root: Path) -> None:
    make.commit("100000_00001", make.record("100000_00001"))
    with pytest.raises(StoreError) as caught:
        open_store(root).case("100000_0001")
    assert "Did you mean '100000_00001'?" in caught.value.remedy


def test_a_pickled_snapshot_is_the_same_elsewhere(full: Callable[..., Any], root: Path) -> None:
    arrays = full()
    snapshot = open_store(root)
    _ = snapshot.features, snapshot.case("a").maps.values  # handles are open, caches are full
    again = pickle.loads(pickle.dumps(snapshot))
    assert again.version == snapshot.version
    np.testing.assert_array_equal(again.case("a").maps, arrays["maps"])
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        case = pool.apply_async(Snapshot.case, (snapshot, "a")).get(60)
        values = pool.apply_async(xr.DataArray.to_numpy, (case.image,)).get(60)
        pool.close()
        pool.join()
    np.testing.assert_array_equal(values, arrays["image"])


def test_on_an_object_store(s3: Callable[[], str], maker: Callable) -> None:
    from radstore.store.bucket import open_bucket

    location = s3()
    make = maker(open_bucket(location))
    array = np.random.default_rng(0).integers(-9, 9, (40, 40, 40)).astype(np.int16)
    make.commit("a", make.record("a", image=make.image("a", array)))
    snapshot = open_store(location)
    np.testing.assert_array_equal(snapshot.case("a").image[8:, 3], array[8:, 3])
    again = pickle.loads(pickle.dumps(snapshot))
    np.testing.assert_array_equal(again.case("a").image, array)
    assert layout.is_store(snapshot.bucket)


def test_the_spec_is_the_manifests(root: Path, full: Callable[..., Any]) -> None:
    """Two specs that give the same maps share a block; its attributes name the one that came first."""
    full()
    snapshot = open_store(root)
    record = snapshot.case("a").record
    assert "spec_hash" not in snapshot.case("a").get_maps("v@pancreas").attrs
    named = replace(record.blocks["maps/v@pancreas"], spec="2" * 64)
    later = replace(record, blocks={**record.blocks, "maps/v@pancreas": named})
    log.commit(snapshot.bucket, {"a": log.Change(record, later)})
    assert open_store(root).case("a").get_maps("v@pancreas").attrs["spec_hash"] == "2" * 64
