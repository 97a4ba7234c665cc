from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from radiomics import imageoperations

from radstore.errors import RegionError
from radstore.images import Geometry, Volume
from radstore.images.itk import to_itk
from radstore.images.read import read_header, read_labels
from radstore.images.region import crop_box, region_mask

PLAIN = {"tolerance": None, "correct": False, "name": "pancreas"}


@pytest.fixture
def labels(oblique: Geometry) -> Volume:
    array = np.zeros(oblique.shape, np.uint8)
    array[1:4, 2:4, 2:6] = 4
    array[2, 2, 3] = 1
    array[4, 5, 6] = 2
    return Volume(array, oblique, "case7/labels.nii.gz")


def test_values_become_one_mask(labels: Volume) -> None:
    mask = region_mask(labels, [1, 4, 5], labels.geometry, **PLAIN)
    np.testing.assert_array_equal(mask.array, np.isin(labels.array, [1, 4]))
    assert mask.array.dtype == np.uint8
    assert mask.geometry is labels.geometry
    assert region_mask(labels, [4], labels.geometry, **PLAIN).array.sum() == 23  # a hole where the 1 is


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64"])
@pytest.mark.parametrize("value", [-1, 300, 70000])
def test_values_beyond_the_type_are_not_there(dtype: str, value: int, labels: Volume) -> None:
    other = replace(labels, array=labels.array.astype(dtype))
    mask = region_mask(other, [value, 2], labels.geometry, **PLAIN)
    assert mask.array.sum() == 1
    assert crop_box(mask) == ((6, 5, 4), (1, 1, 1))


def test_absent_values_name_those_there(labels: Volume) -> None:
    with pytest.raises(RegionError) as caught:
        region_mask(labels, [7, 9], labels.geometry, **PLAIN)
    said = str(caught.value)
    assert (
        "region 'pancreas': no voxel of case7/labels.nii.gz has a label value of 7, 9; it has 1, 2, 4" in said
    )
    assert "catalog" in caught.value.remedy
    assert caught.value.step == "region"


def test_empty_label_image(labels: Volume) -> None:
    with pytest.raises(RegionError, match="it is empty"):
        region_mask(replace(labels, array=labels.array * 0), [1], labels.geometry, **PLAIN)


def itk_accepts(image: Geometry, mask: Geometry, tolerance: float) -> bool:
    """Whether ITK's own filters take the two as one physical space."""
    filters = sitk.LabelStatisticsImageFilter()
    filters.SetGlobalDefaultCoordinateTolerance(tolerance)
    filters.SetGlobalDefaultDirectionTolerance(tolerance)
    try:
        filters.Execute(*(to_itk(Volume(np.ones(g.shape, np.uint8), g)) for g in (image, mask)))
    except RuntimeError:
        return False
    finally:
        filters.SetGlobalDefaultCoordinateTolerance(1e-6)
        filters.SetGlobalDefaultDirectionTolerance(1e-6)
    return True


def test_tolerance_is_itks(geometries: st.SearchStrategy[Geometry]) -> None:
    shift = st.sampled_from([0.0, 0.5, 0.9, 1.1, 2.0])

    @given(geometries, st.sampled_from([None, 1e-6, 1e-3]), shift, shift, shift)
    def check(image: Geometry, tolerance: float | None, origin: float, spacing: float, turn: float) -> None:
        allowed = 1e-6 if tolerance is None else tolerance
        step = allowed * image.spacing[0]
        mask = Geometry(
            image.size,
            (image.spacing[0], image.spacing[1] + spacing * step, image.spacing[2]),
            (image.origin[0], image.origin[1], image.origin[2] - origin * step),
            (*image.direction[:4], image.direction[4] + turn * allowed, *image.direction[5:]),
        )
        labels = Volume(np.ones(image.shape, np.uint8), mask, "l")
        try:
            used = region_mask(labels, [1], image, tolerance=tolerance, correct=False, name="r").geometry
        except RegionError:
            used = None
        assert used == (mask if itk_accepts(image, mask, allowed) else None)

    check()


def test_mismatch_says_what_and_the_remedy(labels: Volume) -> None:
    image = replace(labels.geometry, origin=(-120.0, 33.25, 907.0))
    with pytest.raises(RegionError) as caught:
        region_mask(labels, [4], image, **PLAIN)
    assert "case7/labels.nii.gz" in caught.value.message
    assert "origin (-120, 33.25, 907) against (-120.5, 33.25, 907)" in caught.value.message
    assert "geometryTolerance" in caught.value.remedy
    assert "correctMask" in caught.value.remedy
    with pytest.raises(RegionError, match=r"size \(8, 6, 5\) against \(7, 6, 5\)"):
        region_mask(
            labels, [4], replace(labels.geometry, size=(8, 6, 5)), tolerance=1, correct=False, name="r"
        )


def by_pyradiomics(labels: Volume, value: int, image: Geometry) -> np.ndarray | None:
    """PyRadiomics' corrected mask; None where it refuses."""
    blank = to_itk(Volume(np.zeros(image.shape, np.float32), image))
    try:
        corrected = imageoperations._correctMask(
            blank, sitk.Cast(to_itk(labels), sitk.sitkUInt32), label=value
        )
    except ValueError:
        return None
    return sitk.GetArrayFromImage(corrected) == value


def test_corrected_masks_are_pyradiomics(oblique: Geometry) -> None:
    place = st.tuples(*[st.floats(-1.5, 2)] * 3)
    scale = st.tuples(*[st.sampled_from([0.5, 0.8, 1.0, 1.3])] * 3)

    @given(place, scale, st.integers(0, 99), st.integers(1, 3))
    def check(at: tuple, scale: tuple, seed: int, margin: int) -> None:
        spacing = tuple(a * b for a, b in zip(oblique.spacing, scale, strict=True))
        grid = Geometry((6, 5, 5), spacing, oblique.point(at), oblique.direction)
        array = np.zeros(grid.shape, np.uint8)
        inner = (slice(margin, -margin),) * 3 if margin < 3 else (slice(2, 3),) * 3
        array[inner] = np.random.default_rng(seed).integers(0, 3, array[inner].shape)
        labels = Volume(array, grid, "l")
        if not (array == 1).any():
            return
        expected = by_pyradiomics(labels, 1, oblique)
        try:
            mask = region_mask(labels, [1], oblique, tolerance=None, correct=True, name="r")
        except RegionError:
            assert expected is None or not expected.any()
        else:
            assert mask.geometry == oblique
            np.testing.assert_array_equal(mask.array.astype(bool), expected)

    check()


def test_corrected_mask_outside_its_image(labels: Volume) -> None:
    image = replace(labels.geometry, origin=(500.0, 0.0, 0.0))
    with pytest.raises(RegionError, match=r"case7/labels.nii.gz reaches out of its image of \(7, 6, 5\)"):
        region_mask(labels, [4], image, tolerance=None, correct=True, name="r")


def test_mask_between_the_voxels_of_its_image(oblique: Geometry) -> None:
    fine = Geometry((40, 40, 40), (0.05, 0.05, 0.05), oblique.point((2.1, 2.1, 2.1)), oblique.direction)
    array = np.zeros(fine.shape, np.uint8)
    array[1, 1, 1] = 1
    with pytest.raises(RegionError, match="nothing is left of"):
        region_mask(Volume(array, fine, "l"), [1], oblique, tolerance=None, correct=True, name="r")


def test_when_resampling_follows_the_mask_stays_on_its_grid(labels: Volume) -> None:
    image = replace(labels.geometry, origin=labels.geometry.point((0.25, 0.0, 0.0)))
    mask = region_mask(labels, [4], image, tolerance=None, correct=True, name="r", resamples=True)
    assert mask.geometry is labels.geometry
    with pytest.raises(RegionError, match="is not on its image's grid"):
        region_mask(labels, [4], image, **PLAIN, resamples=True)


def test_crop_box_is_the_smallest(oblique: Geometry) -> None:
    @given(st.lists(st.tuples(*[st.integers(0, n - 1) for n in oblique.shape]), min_size=1, max_size=5))
    def check(voxels: list[tuple[int, int, int]]) -> None:
        array = np.zeros(oblique.shape, np.uint8)
        array[tuple(np.transpose(voxels))] = 1
        start, size = crop_box(Volume(array, oblique))
        places = np.argwhere(array)[:, ::-1]
        assert start == tuple(places.min(axis=0))
        assert size == tuple(np.ptp(places, axis=0) + 1)

    check()


def test_crop_box_of_nothing(oblique: Geometry) -> None:
    with pytest.raises(RegionError, match="the mask is empty"):
        crop_box(Volume(np.zeros(oblique.shape, np.uint8), oblique))


def test_real_region(shared_data: Path) -> None:
    folder = shared_data / "totalsegmentator"
    image = read_header(folder / "example_ct_sm.nii.gz").geometry
    labels = read_labels(folder / "example_seg.nii.gz")
    mask = region_mask(labels, [7], image, **PLAIN)
    assert mask.array.sum() == (labels.array == 7).sum() == 644
    with pytest.raises(RegionError, match="it has 1, 2, 3"):
        region_mask(labels, [200], image, **PLAIN)
    whole = read_header(folder / "example_ct.nii.gz").geometry
    with pytest.raises(RegionError, match="size"):
        region_mask(labels, [7], whole, **PLAIN)
