"""Resampling is ITK's, bit for bit on grids along the patient's axes."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radstore.images import Geometry, Volume
from radstore.images.grid import resampled_grid
from radstore.images.itk import grid_of, to_itk
from radstore.images.lazy import Lazy
from radstore.images.resample import resample
from radstore.images.spline import REACH

OWN = ("sitkNearestNeighbor", "sitkLinear", "sitkBSpline")
DIRECTIONS = (
    (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0),
    (0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
)
SPACINGS = (0.78125, 0.5, 0.7, 1.0, 2.0, 2.5, 5.0, 0.9765625)


def by_itk(image: np.ndarray, geometry: Geometry, target: Geometry, interpolator: str) -> np.ndarray:
    resampler = sitk.ResampleImageFilter()
    resampler.SetInterpolator(getattr(sitk, interpolator))
    resampler.SetSize(target.size)
    resampler.SetOutputSpacing(target.spacing)
    resampler.SetOutputOrigin(target.origin)
    resampler.SetOutputDirection(target.direction)
    return sitk.GetArrayFromImage(resampler.Execute(to_itk(Volume(image, geometry))))


def intensities(shape: tuple[int, ...], dtype: type, seed: int = 0) -> np.ndarray:
    """Noise clipped to a window, which leaves flat parts: there the last bit decides over a whole number."""
    values = np.random.default_rng(seed).normal(size=shape) * 300
    values[: shape[0] // 2 + 1, : shape[1] // 2 + 1] = -1024
    clipped = np.clip(values, -160, 240)
    return (clipped if np.dtype(dtype).kind != "u" else np.abs(clipped)).astype(dtype)


@settings(max_examples=150)
@given(
    size=st.tuples(*[st.one_of(st.integers(3, 30), st.just(1))] * 3),
    old=st.tuples(*[st.sampled_from(SPACINGS)] * 3),
    new=st.tuples(*[st.sampled_from(SPACINGS)] * 3),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
    direction=st.sampled_from(DIRECTIONS),
    start=st.tuples(*[st.integers(-3, 6)] * 3),
    count=st.tuples(*[st.integers(1, 14)] * 3),
    dtype=st.sampled_from([np.uint8, np.int16, np.int32, np.float32, np.float64]),
    interpolator=st.sampled_from(OWN),
    threads=st.sampled_from([1, 3]),
)
def test_every_bit_is_itks(size, old, new, origin, direction, start, count, dtype, interpolator, threads):
    geometry = Geometry(size, old, origin, direction)
    grid = resampled_grid(geometry, new, size)
    target = replace(grid, size=count, origin=grid.point(start))  # may lie outside
    image = intensities(geometry.shape, dtype)
    found = resample(image, geometry, target, interpolator, threads)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, by_itk(image, geometry, target, interpolator))


@pytest.mark.parametrize("interpolator", OWN)
@pytest.mark.parametrize(
    ("name", "spacing"),
    [
        ("crlm_portal_venous/CRLM-CT-1004_abdomen.nii.gz", (1, 1, 2.5)),
        ("pyradiomics_cases/lung1_crop_image.nrrd", (2, 2, 2)),
        ("pyradiomics_cases/brain1_image.nrrd", (1, 1, 1)),
    ],
)
def test_every_bit_is_itks_on_real_images(shared_data, name, spacing, interpolator):
    picture = sitk.ReadImage(str(shared_data / name))
    image, geometry = sitk.GetArrayFromImage(picture), grid_of(picture)
    grid = resampled_grid(geometry, spacing, geometry.size)
    target = grid.crop((20, 15, 3), (60, 50, min(20, grid.size[2] - 3)))
    found = resample(image, geometry, target, interpolator, threads=2)
    np.testing.assert_array_equal(found, by_itk(image, geometry, target, interpolator))


def test_only_what_the_target_needs_is_read(monkeypatch):
    geometry = Geometry((300, 280, 260))
    target = Geometry((10, 11, 12), (1, 1, 1), (150.3, 140.2, 130.1))
    seen = []
    monkeypatch.setattr(
        "radstore.images.spline._native",
        type(
            "Seen",
            (),
            {
                "decompose": lambda c, *_: seen.append(c.shape),
                "interpolate": lambda c, p, w, out, t: out.fill(0),
            },
        ),
    )
    resample(np.zeros(geometry.shape, np.int16), geometry, target)
    assert seen == [tuple(n + 3 + 2 * REACH for n in target.shape)]


def test_a_crops_values_are_those_of_the_whole():
    geometry = Geometry((150, 130, 120), (0.7, 0.8, 1.5))
    image = intensities(geometry.shape, np.int16)
    grid = resampled_grid(geometry, (1, 1, 1), geometry.size)
    target = grid.crop((45, 50, 60), (12, 13, 14))
    np.testing.assert_array_equal(
        resample(image, geometry, target), by_itk(image, geometry, target, "sitkBSpline")
    )


@pytest.mark.parametrize("interpolator", OWN)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
@pytest.mark.parametrize("scale", [(1.5, 1.6, 0.7), (1, 1, 1 / 3), (0.5, 2, 1)])
def test_grids_that_are_oblique_to_the_patient(oblique, interpolator, dtype, scale):
    """Each voxel's position is rounded by itself. Where new voxels lie on old ones, and where all have one
    value, that decides over the last digit of an integer.
    """
    image = intensities(oblique.shape, dtype)
    spacing = tuple(a * b for a, b in zip(oblique.spacing, scale, strict=True))
    target = resampled_grid(oblique, spacing, oblique.size)
    found = resample(image, oblique, target, interpolator)
    expected = by_itk(image, oblique, target, interpolator)
    tolerance = 1e-6 if found.dtype.kind == "f" else 0
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=100 * tolerance)


@pytest.mark.parametrize("interpolator", OWN)
def test_exchanged_axes_of_any_spacing(interpolator):
    """ITK's inverse of such a grid is not always as simple as the grid."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        direction = np.eye(3)[rng.permutation(3)] * rng.choice([-1.0, 1.0], 3)[:, None]
        spacing, origin = (tuple(rng.uniform(*ends, 3).tolist()) for ends in ((0.3, 6), (-500, 500)))
        geometry = Geometry((7, 6, 5), spacing, origin, tuple(direction.ravel().tolist()))
        image = intensities(geometry.shape, np.uint8)
        target = resampled_grid(geometry, tuple(2 * step for step in spacing), geometry.size)
        found = resample(image, geometry, target, interpolator)
        np.testing.assert_array_equal(found, by_itk(image, geometry, target, interpolator))


@pytest.mark.parametrize("interpolator", OWN)
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_a_target_turned_against_the_image(oblique, interpolator, dtype):
    image = intensities(oblique.shape, dtype)
    target = Geometry((9, 8, 7), (0.9, 0.8, 1.2), oblique.point((-0.3, 1.2, 0.7)))
    expected = by_itk(image, oblique, target, interpolator)
    assert np.count_nonzero(expected) > 20
    np.testing.assert_array_equal(resample(image, oblique, target, interpolator), expected)


def test_a_part_of_an_oblique_grid_reads_a_part_of_the_image(oblique):
    geometry = replace(oblique, size=(150, 130, 120))
    image = np.zeros(geometry.shape, np.int16)
    target = resampled_grid(geometry, (1, 1, 1), geometry.size).crop((25, 22, 62), (8, 9, 10))
    read = []

    def make(part: np.ndarray) -> np.ndarray:
        read.append(part.shape)
        return part

    resample(Lazy(image, make, image.dtype), geometry, target, "sitkBSpline")
    assert max(np.prod(shape) for shape in read) < image.size / 3


def test_outside_the_image_is_zero():
    geometry = Geometry((5, 5, 5))
    far = Geometry((3, 3, 3), (1, 1, 1), (100, 0, 0))
    for interpolator in OWN:
        assert not resample(np.ones((5, 5, 5)), geometry, far, interpolator).any()


def test_integers_are_cut_off_not_rounded():
    geometry = Geometry((10, 1, 1))
    ramp = np.arange(10, dtype=np.int16).reshape(1, 1, 10) - 5
    between = Geometry((9, 1, 1), (1, 1, 1), (0.75, 0, 0))
    found = resample(ramp, geometry, between, "sitkLinear")
    assert found.ravel().tolist() == [-4, -3, -2, -1, 0, 0, 1, 2, 3]


@pytest.mark.parametrize("interpolator", ["sitkBSpline", "sitkLinear", "sitkNearestNeighbor"])
def test_the_result_does_not_depend_on_threads(interpolator):
    geometry = Geometry((40, 41, 42))
    image = intensities(geometry.shape, np.float32)
    target = resampled_grid(geometry, (0.7, 1.2, 0.9), geometry.size)
    one, many = (resample(image, geometry, target, interpolator, threads) for threads in (1, 5))
    np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("interpolator", OWN)
@pytest.mark.parametrize(("dtype", "turned"), [(np.float64, False), (np.int16, True)])
def test_the_way_of_a_device_gives_the_same_bits(interpolator, dtype, turned, oblique, emulated):
    geometry = replace(oblique, size=(9, 21, 8)) if turned else Geometry((9, 21, 8), (0.7, 0.8, 2.5))
    image = intensities(geometry.shape, dtype)
    target = resampled_grid(geometry, (1, 1, 1), geometry.size)
    found = resample(emulated.asarray(image), geometry, target, interpolator)
    np.testing.assert_array_equal(found.get(), resample(image, geometry, target, interpolator))


def test_other_interpolators_run_in_simpleitk_and_say_so(ct, caplog):
    target = resampled_grid(ct.geometry, (1, 1, 1), ct.geometry.size)
    with caplog.at_level(logging.WARNING):
        found = resample(ct.array, ct.geometry, target, "sitkLanczosWindowedSinc")
    assert "sitkLanczosWindowedSinc runs in SimpleITK" in caplog.text
    np.testing.assert_array_equal(found, by_itk(ct.array, ct.geometry, target, "sitkLanczosWindowedSinc"))


def test_an_interpolator_that_does_not_exist(ct):
    with pytest.raises(ValueError, match="sitkSpline"):
        resample(ct.array, ct.geometry, ct.geometry, "sitkSpline")
