"""Where voxels lie in the patient survives the store and every export, as SimpleITK sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from radstore.catalog import Catalog
from radstore.catalog.model import Region, Source
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume
from radstore.store.export import export_maps

SIZE, SPACING, ORIGIN = (9, 12, 10), (0.71, 1.3, 3.0), (-101.5, 42.25, 1033.0)
MEAN = "original_firstorder_Mean"


def rotated() -> np.ndarray:
    """Oblique about all three axes."""
    a, b, c = 0.3, -0.2, 0.5
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


DIRECTIONS = {
    "upright": np.eye(3),
    "flipped": np.diag([-1.0, -1.0, 1.0]),
    "upside down": np.diag([1.0, -1.0, -1.0]),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]),
    "oblique": rotated(),
    "oblique, left-handed": rotated() @ np.diag([1.0, 1.0, -1.0]),
}


@pytest.fixture
def case(site: Any, request: pytest.FixtureRequest) -> tuple[sitk.Image, sitk.Image, Any]:
    """An image and its mask as SimpleITK made them, and what a store built from them says of the case."""
    rng = np.random.default_rng(5)
    image = sitk.GetImageFromArray(rng.integers(-100, 200, SIZE[::-1]).astype(np.int16))
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[2:6, 3:9, 1:6] = rng.random((4, 6, 5)) < 0.8
    labels = sitk.GetImageFromArray(mask)
    for made, name in ((image, "c_image.nrrd"), (labels, "c_labels.nrrd")):
        made.SetSpacing(SPACING)
        made.SetOrigin(ORIGIN)
        made.SetDirection(DIRECTIONS[request.param].ravel().tolist())
        sitk.WriteImage(made, str(site.root / name))
    args = {"image": f"{site.root}/{{case}}_image.nrrd", "labels": f"{site.root}/{{case}}_labels.nrrd"}
    source = Source("files", "files", args, {"organ": Region((1,))})
    catalog = Catalog(site.root / "c.yaml", str(site.root / "store"), {"files": source})
    spec = site.spec({"features": [MEAN, "original_glcm_Contrast"]})
    assert site.build(spec, catalog=catalog).failed == {}
    return image, labels, site.snapshot


every_direction = pytest.mark.parametrize("case", DIRECTIONS, indirect=True)


def same_grid(one: sitk.Image, other: sitk.Image) -> None:
    assert one.GetSize() == other.GetSize()
    for corner in ((0, 0, 0), (8, 0, 0), (0, 11, 0), (0, 0, 9), (8, 11, 9)):
        points = [image.TransformIndexToPhysicalPoint(corner) for image in (one, other)]
        np.testing.assert_allclose(*points, rtol=0, atol=1e-9)


@every_direction
def test_image_and_region_come_back(case: Any, tmp_path: Path) -> None:
    image, labels, snapshot = case
    for array, original in ((snapshot.case("c").image, image), (snapshot.case("c").region("organ"), labels)):
        volume = Volume(array.values, Geometry.from_json(array.attrs["geometry"]))
        back = sitk.ReadImage(str(write_volume(volume, tmp_path / "out" / "x.nrrd")))
        same_grid(back, original)
        assert back.GetPixelID() == original.GetPixelID()
        np.testing.assert_array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(original))


@every_direction
@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii.gz"])
def test_a_map_lies_on_its_image(case: Any, tmp_path: Path, suffix: str) -> None:
    image, labels, snapshot = case
    (path, _) = export_maps(snapshot, tmp_path / "out", suffix=suffix)
    exported = sitk.ReadImage(str(path))
    np.testing.assert_allclose(exported.GetSpacing(), SPACING, rtol=1e-6)
    position = 1e-3 if suffix == ".nii.gz" else 1e-9  # mm; NIfTI has float32 for it
    for corner in ((0, 0, 0), (8, 11, 9)):
        points = [i.TransformIndexToPhysicalPoint(corner) for i in (image, exported)]
        np.testing.assert_allclose(*points, rtol=0, atol=position)
    expected = means_of_neighbours(image, labels)
    if suffix == ".nii.gz":  # where the file has NaN, ITK's reader gives 0
        expected = np.nan_to_num(expected)
    np.testing.assert_allclose(sitk.GetArrayFromImage(exported), expected, rtol=1e-6, equal_nan=True)


@every_direction
def test_a_cropped_map_has_the_same_values_at_the_same_places(case: Any, tmp_path: Path) -> None:
    image, labels, snapshot = case
    (path, _) = export_maps(snapshot, tmp_path / "out", full_grid=False)
    exported = sitk.ReadImage(str(path))
    expected = means_of_neighbours(image, labels)
    assert exported.GetSize() == (5, 6, 4)
    for z, y, x in np.argwhere(sitk.GetArrayViewFromImage(labels)).tolist():
        point = image.TransformIndexToPhysicalPoint((x, y, z))
        assert exported[exported.TransformPhysicalPointToIndex(point)] == pytest.approx(expected[z, y, x])
    outside = int(np.isnan(sitk.GetArrayViewFromImage(exported)).sum())
    assert outside == 5 * 6 * 4 - int(sitk.GetArrayViewFromImage(labels).sum())


@every_direction
def test_coordinates_are_distances_in_mm(case: Any) -> None:
    _, _, snapshot = case
    view = snapshot.case("c")
    for array in (view.image, view.region("organ"), view.get_maps()):
        for axis, spacing in zip("xyz", SPACING, strict=True):
            steps = np.abs(np.diff(array[axis].values))
            np.testing.assert_allclose(steps, spacing, rtol=1e-9)
    maps, image = view.get_maps(), view.image
    for axis in "xyz":  # the crop's coordinates are some of the image's
        assert np.isclose(maps[axis].values[:, None], image[axis].values[None], atol=1e-9).any(axis=1).all()


def means_of_neighbours(image: sitk.Image, labels: sitk.Image) -> np.ndarray:
    """Mean over the region's voxels in the 3 × 3 × 3 window, NaN outside the region."""
    array, mask = sitk.GetArrayFromImage(image).astype(float), sitk.GetArrayFromImage(labels) == 1
    found = np.full(array.shape, np.nan)
    for z, y, x in np.argwhere(mask).tolist():
        window = np.s_[max(0, z - 1) : z + 2, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        found[z, y, x] = array[window][mask[window]].mean()
    return found
