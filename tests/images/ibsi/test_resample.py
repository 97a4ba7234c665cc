"""IBSI's interpolation: ITK's splines, whole numbers, and masks by half."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from radstore.images.grid import centred_grid, centred_part
from radstore.images.ibsi.resample import ORDERS, resample, resample_mask, spline
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
    )
    return sitk.GetArrayFromImage(image)


def between_centres(source: Geometry, target: Geometry) -> np.ndarray:
    """Which voxels of `target` lie between the outermost voxels of `source`."""
    inside = np.ones(target.shape, bool)
    for axis, size in enumerate(source.size):
        first = source.index(target.origin)[axis]
        at = first + np.arange(target.size[axis]) * target.spacing[axis] / source.spacing[axis]
        shape = [1, 1, 1]
        shape[2 - axis] = -1
        inside &= ((at >= 0) & (at <= size - 1)).reshape(shape)
    return inside


@pytest.mark.parametrize("interpolator", ["sitkLinear", "sitkBSpline"])
@given(spacing=SPACINGS)
def test_splines_are_itks(interpolator: str, spacing: tuple[float, ...]) -> None:
    array, target = noise(GRID), centred_grid(GRID, spacing)
    ours = spline(array, GRID, target, ORDERS[interpolator])
    inside = between_centres(GRID, target)
    assert inside.any()
    np.testing.assert_allclose(
        ours[inside], by_itk(array, GRID, target, interpolator)[inside], rtol=1e-9, atol=1e-7
    )


@pytest.mark.parametrize("order", ORDERS.values())
def test_a_part_has_the_values_of_the_whole(order: int) -> None:
    geometry = Geometry((90, 80, 70), (1.0, 1.0, 2.0))
    array = noise(geometry)
    spacing = (1.2, 0.8, 1.0)
    whole = spline(array, geometry, centred_grid(geometry, spacing), order)
    part, (x, y, z) = centred_part(geometry, spacing, (40, 5, 30), (6, 5, 4), (2, 0, 1))
    nz, ny, nx = part.shape
    np.testing.assert_allclose(
        spline(array, geometry, part, order), whole[z : z + nz, y : y + ny, x : x + nx], rtol=0, atol=1e-10
    )


def test_whole_numbers_stay_whole_and_others_do_not() -> None:
    target = centred_grid(GRID, (1.0, 1.0, 1.0))
    for dtype in (np.int16, np.float32):
        array = np.rint(noise(GRID)).astype(dtype)
        made = resample(array, GRID, target, "sitkBSpline")
        assert made.dtype == np.float32
        np.testing.assert_array_equal(made, np.rint(made))
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


def test_the_outermost_value_holds_beyond_the_edge() -> None:
    geometry = Geometry((3, 1, 1), (3.0, 1.0, 1.0))
    array = np.array([[[10.0, 20.0, 40.0]]])
    target = centred_grid(geometry, (1.0, 0.0, 0.0))
    assert target.size == (9, 1, 1)
    for order in ORDERS.values():
        made = spline(array, geometry, target, order)[0, 0]
        assert made[0] == pytest.approx(10)
        assert made[-1] == pytest.approx(40)
