from __future__ import annotations

from math import fsum

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radstore.images import intensity
from radstore.images.intensity import Exact, Normalisation, moments, window

DTYPES = st.sampled_from([np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])


@given(
    array=hnp.arrays(st.sampled_from([np.int16, np.uint8, np.int32, np.float32]), (1, 1, 5)),
    level=st.integers(-300, 300),
    width=st.integers(2, 500),
)
def test_window_clips_and_keeps_the_pixel_type(array, level, width):
    low, high = level - width / 2, level + width / 2
    got = window(array, level, width)
    assert got.dtype == array.dtype
    kept = (array >= low) & (array <= high)
    np.testing.assert_array_equal(got[kept], array[kept])
    if array.dtype != np.uint8 or (low <= 255 and high >= 0):  # else it holds no value of the window
        assert ((got >= low) & (got <= high) | np.isnan(got)).all()


def test_window_of_half_a_unit_keeps_whole_numbers_inside():
    got = window(np.array([[[-300, 0, 300]]], np.int16), 0, 201)
    assert got.ravel().tolist() == [-100, 0, 100]


SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=7)
FINITE = {"allow_nan": False, "allow_infinity": False, "width": 32, "min_value": -1e6, "max_value": 1e6}


def images(dtype):
    elements = st.floats(**FINITE) if np.dtype(dtype).kind == "f" else None
    return hnp.arrays(dtype, SHAPES, elements=elements)


def test_a_sum_of_floats_is_exact_to_the_last_digit():
    rng = np.random.default_rng(3)
    values = rng.normal(size=10_001) * 10.0 ** rng.integers(-12, 12, 10_001)
    total, squares = Exact(), Exact()
    for part in np.split(values, [1, 17, 5_000]):
        total.add(part)
        squares.add(part, squared=True)
    assert total.value == fsum(values)
    assert squares.value == fsum(values * values)


@given(DTYPES.flatmap(images).filter(lambda a: a.size > 1))
def test_moments_do_not_depend_on_the_parts(array):
    assert moments([array]) == moments(array[at] for at in range(len(array)))


@given(DTYPES.flatmap(images).filter(lambda a: a.size > 1 and a.min() < a.max()), st.data())
def test_normalised_as_by_simpleitk(array, data):
    outliers = data.draw(st.sampled_from([None, 0.5, 2.0]))
    scale = data.draw(st.sampled_from([1.0, 100.0]))
    theirs = sitk.GetArrayFromImage(sitk.Normalize(sitk.GetImageFromArray(array)))
    if outliers:
        theirs = theirs.clip(-outliers, outliers)
    mean, deviation = moments([array])
    ours = Normalisation(mean, deviation, scale, outliers)(array)
    assert ours.dtype == theirs.dtype == np.float64
    if array.dtype.kind in "iu" and array.dtype.itemsize <= 2:
        np.testing.assert_array_equal(ours, theirs * scale)
    else:  # ITK adds up with compensation, which is not always the last digit; then large means cancel
        lost = 1e-14 * (1 + (mean / deviation) ** 2)
        np.testing.assert_allclose(ours, theirs * scale, rtol=0, atol=10 * scale * lost)


def test_the_chunks_change_nothing(monkeypatch):
    array = np.random.default_rng(0).normal(1e5, 3, (5, 6, 7))
    whole = moments([array])
    monkeypatch.setattr(intensity, "CHUNK", 13)
    assert moments([array]) == pytest.approx(whole, rel=1e-15)
