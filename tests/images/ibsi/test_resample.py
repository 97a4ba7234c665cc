"""IBSI's interpolation: ITK's splines on its grid, whole numbers, and masks by half."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from radstore.images.grid import centred_grid
from radstore.images.ibsi.resample import resample, resample_mask
from radstore.images.itk import to_itk
from radstore.images.volume import Geometry, Volume

GRID = Geometry((9, 8, 6), (0.9, 1.1, 3.0), (-4.0, 7.0, 11.0), (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
SPACINGS = st.tuples(*[st.sampled_from([0.0, 0.7, 1.0, 1.3, 4.0])] * 3)


def noise(geometry: Geometry, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 100, geometry.shape)


def by_itk(array: np.ndarray, source: Geometry, target: Geometry, interpolator: str) -> np.ndarray:
    image = sitk.Resample(
        to_itk(Volume(array, source)),
        target.size,
        sitk.Transform(),
        getattr(sitk, interpolator),
        target.origin,
        target.spacing,
        target.direction,
        np.nan,
    )
    return sitk.GetArrayFromImage(image)


@pytest.mark.parametrize("interpolator", ["sitkLinear", "sitkBSpline"])
@given(spacing=SPACINGS)
def test_values_are_itks_everywhere_on_the_centred_grid(
    interpolator: str, spacing: tuple[float, ...]
) -> None:
    array, target = noise(GRID), centred_grid(GRID, spacing)
    expected = by_itk(array, GRID, target, interpolator)
    assert not np.isnan(expected).any()  # no voxel of it lies outside the image
    np.testing.assert_allclose(resample(array, GRID, target, interpolator), expected, rtol=1e-9, atol=1e-7)


def test_whole_numbers_stay_whole_and_others_do_not() -> None:
    target = centred_grid(GRID, (1.0, 1.0, 1.0))
    exact = by_itk(np.rint(noise(GRID)), GRID, target, "sitkBSpline")
    for dtype in (np.int16, np.float32):
        made = resample(np.rint(noise(GRID)).astype(dtype), GRID, target, "sitkBSpline")
        assert made.dtype == np.float32
        np.testing.assert_array_equal(made, np.rint(exact))  # to the nearest, not cut off
    made = resample(noise(GRID), GRID, target, "sitkBSpline")
    assert made.dtype == np.float64
    assert np.any(made != np.rint(made))


def test_a_voxel_half_inside_counts() -> None:
    geometry = Geometry((4, 1, 1), (2.0, 1.0, 1.0))
    mask = np.array([[[0, 0, 1, 1]]], np.uint8)
    # centres at −0.5, 0.5 … 6.5 mm; the value rises from 0 at 2 mm to 1 at 4 mm
    inside = resample_mask(mask, geometry, centred_grid(geometry, (1.0, 0.0, 0.0)))
    assert inside.astype(int).tolist() == [[[0, 0, 0, 0, 1, 1, 1, 1]]]
    shifted = replace(geometry, size=(1, 1, 1), origin=(3.0, 0.0, 0.0))
    assert resample_mask(mask, geometry, shifted).all()  # exactly a half
