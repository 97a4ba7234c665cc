"""Square, square root, logarithm and exponential are PyRadiomics', bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.images.filters import POINTWISE, apply, largest_of


@pytest.fixture(scope="session")
def equals_library(library_filter, volume):
    @given(
        op=st.sampled_from(sorted(POINTWISE)),
        shape=st.tuples(*[st.integers(1, 9)] * 3),
        dtype=st.sampled_from([np.uint8, np.int16, np.int32, np.float32, np.float64]),
        scale=st.sampled_from([0.001, 1.0, 30.0]),
    )
    def check(op, shape, dtype, scale):
        values = volume(shape, np.float64) * scale
        image = (values if np.dtype(dtype).kind != "u" else np.abs(values) % 250).astype(dtype)
        expected = library_filter(op, image, (1, 1, 1), {})[""]
        found = apply(op, image, (1, 1, 1), {})[""]
        assert found.dtype == expected.dtype == np.float64
        np.testing.assert_array_equal(found, expected)

    return check


def test_every_bit_is_pyradiomics(equals_library):
    equals_library()


@pytest.mark.parametrize("op", sorted(POINTWISE))
def test_an_image_of_zeros(op, library_filter):
    image = np.zeros((2, 3, 4), np.int16)
    np.testing.assert_array_equal(
        apply(op, image, (1, 1, 1), {})[""], library_filter(op, image, (1, 1, 1), {})[""]
    )


@pytest.mark.parametrize("op", sorted(POINTWISE))
def test_a_part_knows_the_largest_of_the_whole(op, volume):
    image = volume((4, 5, 6), np.float32)
    image[0, 0, 0] = -5000
    part = image[2:, 1:4]
    found = apply(op, part, (1, 1, 1), {}, largest=largest_of(image))[""]
    np.testing.assert_array_equal(found, apply(op, image, (1, 1, 1), {})[""][2:, 1:4])
    assert not np.array_equal(found, apply(op, part, (1, 1, 1), {})[""])


def test_the_largest_of_the_smallest_integer():
    assert largest_of(np.array([-32768, 3], np.int16)) == 32768.0
    assert largest_of(np.array([3, 200], np.uint8)) == 200.0
