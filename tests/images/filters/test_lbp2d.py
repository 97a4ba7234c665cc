"""Patterns in slices are scikit-image's, code for code."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radstore.images.filters import apply
from radstore.images.filters.lbp2d import local_binary_pattern_2d


@pytest.fixture(scope="session")
def equals_library(library_filter, volume):
    @settings(max_examples=80)
    @given(
        shape=st.tuples(*[st.integers(1, 11)] * 3),
        dtype=st.sampled_from([np.uint8, np.int16, np.int32, np.float32, np.float64]),
        method=st.sampled_from(["default", "ror", "uniform", "var"]),
        samples=st.integers(1, 12),
        radius=st.sampled_from([0.5, 1.0, 1.1, 1.5, 2.0, 3.7]),
        axis=st.integers(0, 2),
        threads=st.sampled_from([1, 2]),
    )
    def check(shape, dtype, method, samples, radius, axis, threads):
        image = (np.abs(volume(shape, np.float64)) % 200).astype(dtype)
        asked = {
            "lbp2DMethod": method,
            "lbp2DSamples": samples,
            "lbp2DRadius": radius,
            "force2Ddimension": axis,
        }
        expected = library_filter("lbp2d", image, (1, 1, 1), asked)[""]
        found = apply("lbp2d", image, (1, 1, 1), asked, threads=threads)[""]
        assert found.dtype == expected.dtype == dtype
        np.testing.assert_array_equal(found, expected)

    return check


def test_every_code_is_scikit_images(equals_library):
    equals_library()


def test_every_code_is_scikit_images_on_a_real_ct(shared_data, library_filter):
    path = shared_data / "crlm_portal_venous/CRLM-CT-1004_abdomen.nii.gz"
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[10:14]
    expected = library_filter("lbp2d", image, (1, 1, 1), {})[""]
    np.testing.assert_array_equal(apply("lbp2d", image, (1, 1, 1), {}, threads=2)[""], expected)


def test_the_last_bit_depends_on_where_a_part_lies(volume):
    image = volume((1, 70, 70), np.float64)
    asked = {"samples": 7, "radius": 1.3, "method": "var"}
    whole = local_binary_pattern_2d(image, **asked)
    part = image[:, 40:60, 33:55]
    alone, placed = (
        local_binary_pattern_2d(part, **asked, origin=origin) for origin in ((0, 0, 0), (0, 40, 33))
    )
    inside = slice(3, -3)
    np.testing.assert_array_equal(placed[0, inside, inside], whole[0, 43:57, 36:52])
    assert not np.array_equal(alone[0, inside, inside], placed[0, inside, inside])


def test_what_cannot_be_asked_for():
    image = np.zeros((1, 4, 4))
    with pytest.raises(ValueError, match="nri_uniform"):
        local_binary_pattern_2d(image, method="nri_uniform")
    with pytest.raises(ValueError, match="31"):
        local_binary_pattern_2d(image, samples=31, method="default")
    assert local_binary_pattern_2d(image, samples=31, method="uniform").shape == image.shape
