"""The gradient's magnitude is ITK's, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.images.filters import apply


@pytest.fixture(scope="session")
def equals_library(library_filter, volume):
    @given(
        shape=st.tuples(*[st.integers(1, 12)] * 3),
        spacing=st.tuples(*[st.floats(0.3, 6)] * 3),
        dtype=st.sampled_from([np.uint8, np.int16, np.int32, np.float32, np.float64]),
        use_spacing=st.booleans(),
    )
    def check(shape, spacing, dtype, use_spacing):
        image = np.abs(volume(shape, np.float64)).astype(dtype)
        asked = {"gradientUseSpacing": use_spacing}
        expected = library_filter("gradient", image, spacing, asked)[""]
        found = apply("gradient", image, spacing, asked)[""]
        assert found.dtype == expected.dtype == np.float32
        np.testing.assert_array_equal(found, expected)

    return check


def test_every_bit_is_itks(equals_library):
    equals_library()


def test_slabs_do_not_show(volume, monkeypatch):
    image = volume((13, 20, 21), np.float32)
    whole = apply("gradient", image, (1, 2, 3), {})[""]
    monkeypatch.setattr("radstore.images.arrays.SLAB_BYTES", 2 * 20 * 21 * 8)
    np.testing.assert_array_equal(apply("gradient", image, (1, 2, 3), {}, threads=3)[""], whole)


def test_a_ramp_has_its_slope():
    ramp = np.broadcast_to(np.arange(8.0) * 3, (5, 6, 8))
    inside = apply("gradient", ramp, (0.5, 1, 1), {})[""][:, :, 1:-1]
    np.testing.assert_allclose(inside, 6)
