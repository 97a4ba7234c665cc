"""What filters see is what PyRadiomics' filters see, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from radstore import inputs
from radstore.engines.native.place import Host
from radstore.engines.native.prepare import prepare
from radstore.engines.pyradiomics.library import library
from radstore.engines.pyradiomics.preprocess import prepare as reference
from radstore.errors import CaseError, RegionError
from radstore.images.box import grown, inside, placed, whole
from radstore.images.volume import Geometry, Volume
from radstore.spec import Settings, Spec

MEAN = {"features": ["original_firstorder_Mean"]}


def graph_of(setting):
    return Spec.from_dict({**MEAN, "setting": setting}).graph("roi")


def everything(shape, box):
    return whole(shape)


def around_by(*margin):
    return lambda shape, box: grown(box, margin, shape)


def ours(case, setting, reads=everything):
    return prepare(*case, graph_of(setting), Host().put, reads, largest=True)


def theirs(case, setting):
    with library():
        return reference(*case, graph_of(setting))


def box_of(ready):
    """x₀ x₁ y₀ y₁ z₀ z₁, as PyRadiomics has it."""
    return [n for span in ready.box[::-1] for n in (span.start, span.stop - 1)]


def assert_same(mine, reference, *, ulps=0):
    """Equal in every bit, or where a sum of floats is behind it in all but the last `ulps` of them."""
    image, mask, shape_mask = (
        sitk.GetArrayFromImage(i) for i in (reference.image, reference.mask, reference.shape_mask)
    )
    assert mine.image.dtype == image.dtype
    np.testing.assert_allclose(mine.image, image, rtol=0, atol=ulps * np.spacing(np.abs(image).max()))
    np.testing.assert_array_equal(mine.mask, mask == 1)
    np.testing.assert_array_equal(mine.shape_mask, shape_mask == 1)
    assert box_of(mine) == reference.box.tolist()
    np.testing.assert_allclose(mine.spacing, reference.image.GetSpacing(), rtol=1e-15)
    assert mine.largest == pytest.approx(np.abs(image.astype(np.float64)).max(), rel=ulps * 1e-15, abs=0)
    first = mine.grid.point(mine.offset)
    np.testing.assert_allclose(first, reference.image.GetOrigin(), rtol=1e-12, atol=1e-9)


def texture(shape, seed, dtype):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 0.8)
    values = 40 + 60 * noise / noise.std()
    return (np.rint(values) if np.dtype(dtype).kind in "iu" else values).clip(
        0 if dtype == np.uint8 else None
    )


# Along the patient's axes, turned about one of them, and turned over.
DIRECTIONS = [
    (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    (-1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0),
]
OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)


@st.composite
def cases(draw, directions=DIRECTIONS):
    shape = tuple(draw(st.integers(4, 12)) for _ in range(3))
    dtype = draw(st.sampled_from([np.uint8, np.int16, np.int32, np.float32, np.float64]))
    array = texture(shape, draw(st.integers(0, 50)), dtype)
    mask = np.zeros(shape, np.uint8)
    corner = [draw(st.integers(0, n - 1)) for n in shape]
    size = [draw(st.integers(1, n - c)) for c, n in zip(corner, shape, strict=True)]
    part = tuple(slice(c, c + n) for c, n in zip(corner, size, strict=True))
    mask[part] = np.random.default_rng(draw(st.integers(0, 50))).random(size) < draw(
        st.sampled_from([0.3, 0.8, 1.0])
    )
    spacing = tuple(draw(st.sampled_from([0.7, 1.0, 1.1, 2.5])) for _ in range(3))
    origin = tuple(draw(st.sampled_from([-31.3, 0.0, 12.5])) for _ in range(3))
    geometry = Geometry(shape[::-1], spacing, origin, draw(st.sampled_from(directions)))
    return Volume(array, geometry, "image.nii"), Volume(mask, geometry, "mask.nii")


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "normalize": st.booleans(),
        "normalizeScale": st.sampled_from([1.0, 100.0]),
        "removeOutliers": st.sampled_from([1.0, 3.0]),
        "resampledPixelSpacing": st.sampled_from([[1, 1, 1], [1, 1, 2.5], [0.7, 0.7, 0], [2, 1.5, 0.9]]),
        "interpolator": st.sampled_from(["sitkBSpline", "sitkLinear", "sitkNearestNeighbor"]),
        "padDistance": st.integers(0, 6),
        "preCrop": st.booleans(),
        "resegmentRange": st.sampled_from([[20], [0, 90], [-1, 1], [0.3, 0.9]]),
        "resegmentMode": st.sampled_from(["absolute", "relative", "sigma"]),
        "resegmentShape": st.booleans(),
        "minimumROIDimensions": st.integers(1, 3),
        "minimumROISize": st.sampled_from([3, 20]),
    },
)
WINDOWS = st.sampled_from(
    [{}, {"windowLevel": 40, "windowWidth": 100}, {"windowLevel": 0, "windowWidth": 201}]
)
SETTINGS = st.builds(lambda window, rest: {**window, **rest}, WINDOWS, SETTINGS)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), SETTINGS)
def test_random_cases(case, setting):
    mine, reference = outcome(ours, case, setting), outcome(theirs, case, setting)
    if isinstance(reference, RegionError):
        assert isinstance(mine, RegionError)
        assert mine.remedy == reference.remedy
        assert mine.message.startswith("mask.nii: cannot use the region")
    else:
        assert_same(mine, reference, ulps=last_digits(case, setting))


def last_digits(case, setting):
    """ITK adds floats up with compensation, ours exactly: a mean may differ in the last digit, and cancel."""
    exact = case[0].array.dtype.kind in "iu" and case[0].array.dtype.itemsize <= 2
    return 0 if exact or not setting.get("normalize") else 100


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(cases([OBLIQUE]), SETTINGS.filter(lambda s: "resampledPixelSpacing" not in s))
def test_oblique_cases(case, setting):
    mine, reference = outcome(ours, case, setting), outcome(theirs, case, setting)
    assert isinstance(mine, RegionError) == isinstance(reference, RegionError)
    if not isinstance(reference, RegionError):
        assert_same(mine, reference, ulps=last_digits(case, setting))


@pytest.mark.parametrize("interpolator", ["sitkBSpline", "sitkLinear", "sitkNearestNeighbor"])
def test_an_oblique_case_resampled(interpolator):
    """ITK inverts the direction by singular values: positions may differ in the last digit, values follow."""
    image, mask = small(texture((8, 9, 10), 1, np.float64), direction=OBLIQUE, spacing=(0.9, 1.1, 2.0))
    setting = {"resampledPixelSpacing": [0.73, 1.0, 1.31], "interpolator": interpolator}
    mine, reference = ours((image, mask), setting), theirs((image, mask), setting)
    np.testing.assert_allclose(mine.image, sitk.GetArrayFromImage(reference.image), rtol=1e-11, atol=1e-11)
    np.testing.assert_array_equal(mine.mask, sitk.GetArrayFromImage(reference.mask) == 1)


@pytest.mark.parametrize("interpolator", ["sitkBSpline", "sitkLinear", "sitkNearestNeighbor"])
@pytest.mark.parametrize("angle", [0.1, 0.7, -0.3])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_an_oblique_case_whose_new_voxels_lie_half_way(factor, angle, interpolator):
    """Rounding then decides between two neighbours in every voxel of the mask, and whether the last ones
    are inside the image.
    """
    c, s = np.cos(angle), np.sin(angle)
    direction = (c, -s, 0.0, s * 0.8, c * 0.8, -0.6, s * 0.6, c * 0.6, 0.8)
    scattered = (np.random.default_rng(2).random((8, 9, 11)) < 0.7).astype(np.uint8)
    image, mask = small(
        texture((8, 9, 11), 1, np.float64), scattered, direction=direction, spacing=(0.75, 0.9766, 2.5)
    )
    setting = {"resampledPixelSpacing": (factor * np.array(image.geometry.spacing)).tolist()}
    setting |= {"interpolator": interpolator, "padDistance": 9, "minimumROIDimensions": 1}
    mine, reference = ours((image, mask), setting), theirs((image, mask), setting)
    np.testing.assert_allclose(mine.image, sitk.GetArrayFromImage(reference.image), rtol=1e-11, atol=1e-11)
    np.testing.assert_array_equal(mine.mask, sitk.GetArrayFromImage(reference.mask) == 1)


def outcome(prepare, case, setting):
    try:
        return prepare(case, setting)
    except RegionError as error:
        return error


@settings(max_examples=50)
@given(cases(), SETTINGS.filter(lambda s: "resampledPixelSpacing" not in s), st.integers(0, 4))
def test_only_what_is_read_is_prepared_and_that_changes_nothing(case, setting, margin):
    try:
        full = ours(case, setting)
    except RegionError:
        return
    part = ours(case, setting, around_by(margin, margin, margin))
    skipped = [b - a for a, b in zip(full.offset, part.offset, strict=True)][::-1]
    seen = tuple(slice(n, n + size) for n, size in zip(skipped, part.image.shape, strict=True))
    np.testing.assert_array_equal(part.image, full.image[seen])
    np.testing.assert_array_equal(part.mask, full.mask[seen])
    np.testing.assert_array_equal(part.shape_mask, full.shape_mask[seen])
    assert inside(full.box, seen) == part.box
    assert part.largest == full.largest
    assert part.part == placed(seen, full.part)
    assert part.shape == full.shape
    assert seen == grown(full.box, (margin,) * 3, full.image.shape) or "resegmentRange" in setting


REAL = {
    "breast1": ("pyradiomics_cases/breast1_image.nrrd", "pyradiomics_cases/breast1_label.nrrd", 1),
    "lung1_crop": ("pyradiomics_cases/lung1_crop_image.nrrd", "pyradiomics_cases/lung1_crop_label.nrrd", 1),
    "totalseg_pancreas": ("totalsegmentator/example_ct_sm.nii.gz", "totalsegmentator/example_seg.nii.gz", 7),
    "STS_008": ("sts_ct/STS_008_image.nii.gz", "sts_ct/STS_008_mask.nii.gz", 1),
}
REAL_SETTINGS = {
    "windowed, resampled": {
        "windowLevel": 40,
        "windowWidth": 400,
        "resampledPixelSpacing": [1, 1, 2.5],
        "padDistance": 10,
    },
    "normalised": {"normalize": True, "normalizeScale": 100, "removeOutliers": 3},
    "pre-cropped, resegmented": {
        "preCrop": True,
        "resegmentRange": [-2, 2],
        "resegmentMode": "sigma",
        "resegmentShape": True,
    },
}


@pytest.mark.parametrize("setting", REAL_SETTINGS)
@pytest.mark.parametrize("name", REAL)
def test_real_images(name, setting, shared_data):
    image, labels, label = REAL[name]
    case = inputs.prepare(shared_data / image, shared_data / labels, [label], Settings(), name=name)
    assert_same(ours(case, REAL_SETTINGS[setting]), theirs(case, REAL_SETTINGS[setting]))


def small(array, mask=None, **geometry):
    grid = Geometry(array.shape[::-1], **geometry)
    there = np.zeros(array.shape, np.uint8)
    there[1:3, 1:3, 1:3] = 1
    return Volume(array, grid, "image.nii"), Volume(there if mask is None else mask, grid, "mask.nii")


def test_a_constant_image_cannot_be_normalised():
    case = small(np.full((4, 5, 6), 7, np.int16))
    with pytest.raises(CaseError, match=r"image.nii: all voxels have the value 7") as caught:
        ours(case, {"normalize": True})
    assert "normalize" in caught.value.remedy


def test_sizes_that_differ_are_refused():
    image, mask = small(np.zeros((4, 5, 6), np.int16))
    less = Volume(mask.array[1:], mask.geometry.crop((0, 0, 1), (6, 5, 3)), "mask.nii")
    with pytest.raises(RegionError, match=r"mask.nii: .*\(6, 5, 3\) voxels does not match .*\(6, 5, 4\)"):
        ours((image, less), {})


def test_a_region_outside_the_image_cannot_be_resampled():
    image, mask = small(np.zeros((4, 5, 6), np.int16))
    far = replace(mask, geometry=replace(mask.geometry, origin=(500.0, 0.0, 0.0)))
    with pytest.raises(RegionError, match="larger than image space") as caught:
        ours((image, far), {"resampledPixelSpacing": [1, 1, 2]})
    assert "inside the image" in caught.value.remedy


def test_a_mask_with_its_own_origin_sets_the_resampled_grid():
    image, mask = small(np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32))
    moved = replace(mask, geometry=replace(mask.geometry, origin=(0.1, 0.0, 0.0)))
    setting = {"resampledPixelSpacing": [0.8, 0.8, 2]}
    assert_same(ours((image, moved), setting), theirs((image, moved), setting))


def test_an_image_that_has_the_spacing_already_keeps_its_grid():
    image, _ = small(np.random.default_rng(0).normal(size=(4, 6, 6)).astype(np.float32))
    coarse = np.zeros((4, 3, 3), np.uint8)
    coarse[1:3, 1:, 1:] = 1
    mask = Volume(coarse, replace(image.geometry, size=(3, 3, 4), spacing=(2.0, 2.0, 1.0)), "mask.nii")
    setting = {"resampledPixelSpacing": [1, 1, 1], "padDistance": 1}
    mine = ours((image, mask), setting)
    assert_same(mine, theirs((image, mask), setting))
    assert mine.grid == image.geometry


def test_no_array_of_the_whole_image_is_made():
    image, mask = small(np.random.default_rng(0).normal(size=(40, 41, 42)).astype(np.float32))
    ready = ours((image, mask), {}, around_by(2, 3, 4))
    assert ready.image.shape == (5, 6, 7)
    assert np.shares_memory(ready.image, image.array)


@pytest.mark.parametrize("interpolator", ["sitkBSpline", "sitkLinear", "sitkNearestNeighbor"])
def test_resampling_makes_only_the_part_that_it_reads(interpolator):
    image, mask = small(np.random.default_rng(0).integers(-9, 9, (150, 151, 152)).astype(np.int16))
    setting = {"resampledPixelSpacing": [0.8, 0.8, 2], "padDistance": 1, "normalize": True}
    made = []

    def put(array):
        made.append(array.size)
        return array

    ready = prepare(image, mask, graph_of({**setting, "interpolator": interpolator}), put, everything)
    assert ready.image.dtype == np.float64
    assert max(made) <= 50**3
