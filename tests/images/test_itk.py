from __future__ import annotations

import gc

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from radstore.images import Geometry, Volume
from radstore.images.itk import from_itk, grid_of, to_itk

TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]


@pytest.mark.parametrize("dtype", [*TYPES, ">i2"])
def test_round_trip_keeps_values_and_type(ct: Volume, dtype: str) -> None:
    volume = Volume(ct.array.astype(dtype), ct.geometry)
    back = from_itk(to_itk(volume), "here")
    assert back.array.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(back.array, volume.array)
    assert back.source == "here"


def test_round_trip_keeps_the_geometry_exactly(geometries: st.SearchStrategy[Geometry]) -> None:
    @given(geometries)
    def check(geometry: Geometry) -> None:
        volume = Volume(np.zeros(geometry.shape, np.uint8), geometry)
        assert from_itk(to_itk(volume)).geometry == geometry

    check()


def test_points_are_where_itk_puts_them(geometries: st.SearchStrategy[Geometry]) -> None:
    @given(geometries, st.tuples(*[st.floats(-5, 20)] * 3))
    def check(geometry: Geometry, index: tuple[float, float, float]) -> None:
        image = to_itk(Volume(np.zeros(geometry.shape, np.uint8), geometry))
        there = image.TransformContinuousIndexToPhysicalPoint(index)
        np.testing.assert_allclose(geometry.point(index), there, atol=1e-9)
        np.testing.assert_allclose(geometry.index(there), index, atol=1e-6)

    check()


@pytest.mark.parametrize("copy", [True, False])
def test_array_outlives_its_image(copy: bool, ct: Volume) -> None:
    volume = from_itk(to_itk(ct), copy=copy)
    gc.collect()
    sitk.Image(64, 64, 64, sitk.sitkInt16)  # would reuse freed memory
    np.testing.assert_array_equal(volume.array, ct.array)
    volume.array[0] = 0
    assert not volume.array[0].any()


def test_array_does_not_follow_changes_of_the_image(ct: Volume) -> None:
    image = to_itk(ct)
    volume = from_itk(image)
    image += 7
    image[0, 0, 0] = 99
    np.testing.assert_array_equal(volume.array, ct.array)


def test_minus_zero_is_zero() -> None:
    image = sitk.Image(2, 2, 2, sitk.sitkUInt8)
    image.SetDirection([1, -0.0, 0, 0, 1, 0, -0.0, 0, 1])
    image.SetOrigin([-0.0, 0, 0])
    grid = grid_of(image)
    assert not np.signbit([*grid.origin, *grid.direction]).any()
