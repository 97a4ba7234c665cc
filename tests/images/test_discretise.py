"""Grey levels are the library's, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from radiomics import imageoperations

from radstore.images.discretise import bin_edges, grey_levels

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
