"""Filters, resampling and grey levels of CuPy arrays are those of NumPy arrays."""

from __future__ import annotations

import numpy as np
import pytest

from radstore.images.discretise import bin_edges, grey_levels
from radstore.images.filters import FILTERS, apply
from radstore.images.grid import resampled_grid
from radstore.images.resample import resample
from radstore.images.volume import Geometry

pytestmark = pytest.mark.gpu

ASKED = {"log": {"sigma": 1.5}}
SPACING = (0.8, 0.9, 2.5)
LIBRARY_MATHS = {"logarithm", "exponential"}  # log and exp may differ in the last bit


def intensities(dtype) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(17, 40, 37)) * 300
    values[:9, :20] = 101
    return values.astype(dtype)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
@pytest.mark.parametrize("op", FILTERS)
def test_a_filter_gives_the_same_on_the_device(cupy, op, dtype):
    image, mask = intensities(dtype), np.zeros((17, 40, 37), bool)
    mask[8:10, 18:24, 5:9] = True
    expected = apply(op, image, SPACING, ASKED.get(op, {}), mask)
    found = apply(op, cupy.asarray(image), SPACING, ASKED.get(op, {}), cupy.asarray(mask))
    assert set(found) == set(expected)
    for band, values in expected.items():
        assert isinstance(found[band], cupy.ndarray)
        tolerance = 1e-14 if op in LIBRARY_MATHS else 0
        np.testing.assert_allclose(found[band].get(), values, rtol=tolerance, atol=0)
        assert found[band].dtype == values.dtype


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("interpolator", ["sitkBSpline", "sitkLinear", "sitkNearestNeighbor"])
def test_resampling_gives_the_same_on_the_device(cupy, interpolator, dtype):
    image, geometry = intensities(dtype), Geometry((37, 40, 17), SPACING)
    target = resampled_grid(geometry, (1, 1, 1), geometry.size)
    expected = resample(image, geometry, target, interpolator)
    found = resample(cupy.asarray(image), geometry, target, interpolator)
    np.testing.assert_array_equal(found.get(), expected)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("bins", [{"binWidth": 25}, {"binWidth": 0.1}, {"binCount": 32}])
def test_grey_levels_are_the_same_on_the_device(cupy, bins, dtype):
    values = intensities(dtype).ravel()
    on_device = cupy.asarray(values)
    edges = bin_edges(on_device, **bins)
    np.testing.assert_array_equal(edges, bin_edges(values, **bins))
    np.testing.assert_array_equal(grey_levels(on_device, edges).get(), grey_levels(values, edges))
