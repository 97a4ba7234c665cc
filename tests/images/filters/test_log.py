"""The Laplacian of Gaussian is ITK's, bit for bit."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radstore.images.filters import apply, margin
from radstore.images.filters.log import by_terms, laplacian_of_gaussian

DTYPES = (np.uint8, np.int16, np.int32, np.float32, np.float64)


@pytest.fixture(scope="session")
def equals_library(library_filter, volume):
    @settings(max_examples=60)
    @given(
        shape=st.tuples(st.integers(4, 12), st.integers(4, 37), st.integers(4, 37)),
        spacing=st.tuples(*[st.floats(0.3, 6)] * 3),
        sigma=st.floats(0.2, 6),
        dtype=st.sampled_from(DTYPES),
        threads=st.sampled_from([1, 3]),
    )
    def check(shape, spacing, sigma, dtype, threads):
        image = np.abs(volume(shape, np.float64)).astype(dtype)
        expected = library_filter("log", image, spacing, {"sigma": sigma})
        if not expected:
            with pytest.raises(ValueError, match="sigma"):
                apply("log", image, spacing, {"sigma": sigma})
            return
        found = apply("log", image, spacing, {"sigma": sigma}, threads=threads)[""]
        assert found.dtype == expected[""].dtype == np.float32
        np.testing.assert_array_equal(found, expected[""])

    return check


def test_every_bit_is_itks(equals_library):
    equals_library()


@pytest.mark.parametrize("sigma", [1.0, 5.0])
@pytest.mark.parametrize(
    "name", ["crlm_portal_venous/CRLM-CT-1004_abdomen.nii.gz", "pyradiomics_cases/lung1_crop_image.nrrd"]
)
def test_every_bit_is_itks_on_real_cts(shared_data, name, sigma):
    image = sitk.ReadImage(str(shared_data / name))
    expected = sitk.LaplacianRecursiveGaussian(image, sigma, normalizeAcrossScale=True)
    found = laplacian_of_gaussian(sitk.GetArrayFromImage(image), image.GetSpacing(), sigma, threads=2)
    np.testing.assert_array_equal(found, sitk.GetArrayViewFromImage(expected))


def test_what_pyradiomics_leaves_out_is_an_error(library_filter, volume):
    for shape, sigma in ([(3, 9, 9), 1.0], [(9, 9, 9), 0.0], [(9, 9, 9), -1.0], [(9, 9, 5), 4.5]):
        image = volume(shape, np.float32)
        assert library_filter("log", image, (1, 1, 1), {"sigma": sigma}) == {}
        with pytest.raises(ValueError, match="LoG"):
            laplacian_of_gaussian(image, (1, 1, 1), sigma)
    assert library_filter("log", volume((9, 9, 6), np.float32), (1, 1, 1), {"sigma": 4.5})


@pytest.mark.parametrize("dtype", [np.int16, np.float64])
def test_the_way_of_a_device_gives_the_same_bits(emulated, volume, dtype, monkeypatch):
    monkeypatch.setattr("radstore.images.filters.log.SCRATCH", 1000)  # several batches of lines
    image, spacing = volume((6, 11, 9), dtype), (0.8, 0.9, 2.5)
    found = laplacian_of_gaussian(emulated.asarray(image), spacing, 1.3)
    np.testing.assert_array_equal(found.get(), laplacian_of_gaussian(image, spacing, 1.3))


def test_the_sum_of_terms_does_not_depend_on_how_lines_are_filtered(volume):
    def line_filter(image, axis, c):  # the recursion as its header writes it, ends included
        x = np.moveaxis(np.asarray(image, float), axis, 0)
        n, m, d, bn, bm = c.reshape(5, 4)
        y, z = np.empty_like(x), np.empty_like(x)
        last = len(x) - 1
        for i in range(len(x)):
            y[i] = sum(n[k] * x[max(i - k, 0)] for k in range(4))
            y[i] -= sum(d[k] * y[i - k - 1] if i > k else bn[k] * x[0] for k in range(4))
        for i in range(last, -1, -1):
            z[i] = sum(m[k] * x[min(i + k + 1, last)] for k in range(4))
            z[i] -= sum(d[k] * z[i + k + 1] if i + k < last else bm[k] * x[last] for k in range(4))
        return np.moveaxis(y + z, 0, axis).astype(np.float32)

    image, spacing = volume((7, 8, 9), np.float32), (1.0, 0.7, 2.0)
    np.testing.assert_array_equal(
        by_terms(image, spacing, 1.5, line_filter), laplacian_of_gaussian(image, spacing, 1.5)
    )


def test_the_result_does_not_depend_on_threads(volume):
    image = volume((9, 33, 41), np.float32)
    one, *others = (laplacian_of_gaussian(image, (1, 1, 1), 2.0, threads) for threads in (1, 2, 7, 100))
    for other in others:
        np.testing.assert_array_equal(one, other)


def test_any_memory_layout_will_do(volume):
    image = volume((8, 9, 10), np.float32)
    expected = laplacian_of_gaussian(image, (1, 1, 1), 1.0)
    np.testing.assert_array_equal(laplacian_of_gaussian(np.asfortranarray(image), (1, 1, 1), 1.0), expected)
    swapped = image.astype(">f4")
    np.testing.assert_array_equal(laplacian_of_gaussian(swapped, (1, 1, 1), 1.0), expected)


def test_what_it_reads_grows_with_sigma_and_resolution():
    for sigma, spacing in product((1.0, 3.0), (0.5, 2.0)):
        z, y, x = margin("log", {"sigma": sigma}, (spacing, 1.0, 1.0))
        assert (z, y) == (y, z)
        assert x == pytest.approx(26.3 * sigma / spacing, abs=1)
    assert margin("log", {"sigma": 0.01}, (1, 1, 1)) == (4, 4, 4)
