"""Grey levels are the library's, bit for bit; or IBSI's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from radiomics import imageoperations

from radstore.images.discretise import MAX_LEVEL, bin_edges, discretise, grey_levels

VALUES = {
    np.float32: st.floats(-2000, 4000, width=32),
    np.float64: st.floats(-2000, 4000),
    np.int16: st.integers(-2000, 4000),
}


@st.composite
def intensities(draw):
    dtype = draw(st.sampled_from(list(VALUES)))
    return draw(arrays(dtype, st.integers(1, 60), elements=VALUES[dtype]))


@given(values=intensities(), width=st.sampled_from([0.5, 1, 5.0, 20, 25, 33.3]))
def test_bin_widths_equal_the_librarys(values, width):
    edges = bin_edges(values, binWidth=width)
    np.testing.assert_array_equal(edges, imageoperations.getBinEdges(values, binWidth=width))
    levels, _ = imageoperations.binImage(values, np.ones(len(values), bool), binWidth=width)
    np.testing.assert_array_equal(grey_levels(values, edges), levels)


@given(values=intensities(), count=st.integers(1, 64))
def test_bin_counts_equal_the_librarys(values, count):
    edges = bin_edges(values, binCount=count)
    np.testing.assert_array_equal(edges, imageoperations.getBinEdges(values, binCount=count))
    found = grey_levels(values, edges)
    assert found.min() >= 1
    assert found.max() <= count


@given(values=intensities(), width=st.sampled_from([1, 5.0, 25]))
def test_every_value_lies_in_its_bin(values, width):
    edges = bin_edges(values, binWidth=width)
    levels = grey_levels(values, edges)
    assert np.all(edges[levels - 1] <= values)
    assert np.all(values < edges[levels])


def test_the_lower_edge_of_float32_is_float32():
    values = np.round(np.random.default_rng(0).normal(0, 1, 500), 1).astype(np.float32)  # on the edges
    edges = bin_edges(values, binWidth=0.1)
    np.testing.assert_array_equal(edges, imageoperations.getBinEdges(values, binWidth=0.1))
    assert np.any(
        grey_levels(values, edges) != grey_levels(values, bin_edges(values.astype(float), binWidth=0.1))
    )


def test_one_value_has_one_level():
    assert grey_levels(np.array([50.0]), bin_edges(np.array([50.0]), binWidth=25)).tolist() == [1]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_maximum_is_in_the_last_bin(count):
    values = np.linspace(0.0, 10.0, 21)
    assert grey_levels(values, bin_edges(values, binCount=count)).max() == count


# --- IBSI's ------------------------------------------------------------------------------------------------


@given(
    values=intensities(), width=st.sampled_from([0.5, 1, 5.0, 25]), below=st.sampled_from([0.0, 3.25, 100.0])
)
def test_ibsis_bins_of_a_width_begin_at_the_origin(values, width, below):
    origin = float(values.min()) - below
    levels, lowest, highest = discretise(values, binWidth=width, ibsi=True, binOrigin=origin)
    assert (levels.min(), levels.max()) == (lowest, highest)
    exact = values.astype(float)
    assert np.all(origin + (levels - 1) * width <= exact + 1e-9)  # but for rounding
    assert np.all(exact < origin + levels * width + 1e-9)
    nowhere = discretise(values, binWidth=width, ibsi=True).levels
    assert nowhere.min() == 1  # the region's minimum


@given(values=intensities(), count=st.integers(1, 64))
def test_ibsis_bins_of_a_number_are_of_equal_width(values, count):
    levels, lowest, highest = discretise(values, binCount=count, ibsi=True)
    assert (levels.min(), levels.max()) == (lowest, highest)
    exact = values.astype(float)
    if exact.min() == exact.max():
        assert np.all(levels == 1)
        return
    assert levels.min() == 1
    assert np.all(levels[exact == exact.max()] == count)
    assert np.all(np.diff(levels[np.argsort(exact, kind="stable")]) >= 0)


def test_whole_numbers_on_an_edge_belong_to_the_bin_above():
    values = np.array([0, 1, 2, 3, 10], np.int16)
    assert discretise(values, binCount=10, ibsi=True).levels.tolist() == [1, 2, 3, 4, 10]
    assert discretise(values, binWidth=1, ibsi=True, binOrigin=-2.0).levels.tolist() == [3, 4, 5, 6, 13]


def test_a_float32_at_the_lower_bound_is_in_the_first_bin():
    values = np.array([0.7], np.float32)  # less than 0.7 in double
    assert discretise(values, binWidth=1, ibsi=True, binOrigin=0.7).levels.tolist() == [1]


def test_without_ibsi_levels_are_the_librarys():
    values = np.random.default_rng(0).normal(0, 100, 200)
    expected = grey_levels(values, bin_edges(values, binWidth=10))
    found = discretise(values, binWidth=10)
    np.testing.assert_array_equal(found.levels, expected)
    assert (found.lowest, found.highest) == (expected.min(), expected.max())
    assert not np.array_equal(discretise(values, binWidth=10, ibsi=True).levels, expected)


@pytest.mark.parametrize("ibsi", [False, True])
def test_bins_without_end_are_refused(ibsi):
    with pytest.raises(ValueError, match="widen binWidth"):
        discretise(np.array([0.0, 2.0 * MAX_LEVEL]), binWidth=1, ibsi=ibsi)
