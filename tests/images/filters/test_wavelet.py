"""The stationary wavelet transform is PyWavelets', bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radstore.images.filters import apply
from radstore.images.filters.wavelet import stationary_wavelet
from radstore.spec.types import discrete_wavelets

EVERY = {"HHH", "HHL", "HLH", "HLL", "LHH", "LHL", "LLH", "LLL"}


@pytest.fixture(scope="session")
def equals_library(library_filter, volume):
    @settings(max_examples=80)
    @given(
        shape=st.tuples(*[st.integers(1, 19)] * 3),
        dtype=st.sampled_from([np.uint8, np.int16, np.float32, np.float64]),
        wavelet=st.sampled_from(discrete_wavelets()),
        level=st.integers(1, 2),
        start_level=st.integers(0, 1),
        threads=st.sampled_from([1, 3]),
        plane=st.sampled_from([{}, *({"force2D": True, "force2Ddimension": axis} for axis in range(3))]),
    )
    def check(shape, dtype, wavelet, level, start_level, threads, plane):
        image = np.abs(volume(shape, np.float64)).astype(dtype)
        asked = {"wavelet": wavelet, "start_level": start_level, "level": level, **plane}
        expected = library_filter("wavelet", image, (1, 1, 1), asked)
        found = apply("wavelet", image, (1, 1, 1), asked, threads=threads)
        assert set(found) == set(expected)
        for band, values in expected.items():
            assert found[band].dtype == values.dtype
            np.testing.assert_array_equal(found[band], values)

    return check


def test_every_bit_is_pywavelets(equals_library):
    equals_library()


def test_every_bit_is_pywavelets_on_a_real_ct(shared_data, library_filter):
    image = sitk.GetArrayFromImage(
        sitk.ReadImage(str(shared_data / "pyradiomics_cases/lung1_crop_image.nrrd"))
    )
    expected = library_filter("wavelet", image, (1, 1, 1), {})
    found = stationary_wavelet(image, threads=2)
    assert set(found) == EVERY
    for band, values in found.items():
        np.testing.assert_array_equal(values, expected[band])


def test_the_first_letter_is_x():
    steps = np.zeros((4, 6, 16))
    steps[:, :, 1::2] = 1  # changes along x alone
    bands = stationary_wavelet(steps)
    assert np.abs(bands["HLL"]).max() > 0.5
    assert max(np.abs(bands[b]).max() for b in ("LLH", "LHL")) < 1e-12


def test_only_the_bands_asked_for(volume):
    image = volume((5, 6, 7), np.float32)
    every, some = stationary_wavelet(image), stationary_wavelet(image, bands=["LLH", "HHH"])
    assert set(some) == {"LLH", "HHH"}
    for band, values in some.items():
        np.testing.assert_array_equal(values, every[band])


def test_a_band_that_does_not_exist_is_refused(volume):
    with pytest.raises(ValueError, match=r"\['LH'\].*HHH"):
        stationary_wavelet(volume((4, 4, 4), np.float32), bands=["LH"])


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
@pytest.mark.parametrize("wavelet", ["haar", "db2", "dmey"])
def test_the_way_of_a_device_gives_the_same_bits(emulated, volume, dtype, wavelet):
    image = volume((5, 8, 9), dtype)
    found = stationary_wavelet(emulated.asarray(image), wavelet, 2)
    for band, values in stationary_wavelet(image, wavelet, 2).items():
        np.testing.assert_array_equal(found[band].get(), values)


def test_the_image_is_left_alone(volume):
    image = volume((4, 4, 4), np.float32)
    before = image.copy()
    for values in stationary_wavelet(image).values():
        values[...] = 0
    np.testing.assert_array_equal(image, before)
