"""Names of images, in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.spec import Settings
from radstore.spec.columns import Column, images, log_image, read_image
from radstore.texture.names import FILTERS

SIGMAS = st.one_of(
    st.integers(1, 10**6), st.floats(min_value=1e-300, max_value=1e300, allow_nan=False, exclude_min=True)
)


@given(SIGMAS)
def test_a_sigma_is_read_back_from_its_name(sigma):
    image = log_image(sigma)
    assert image.name == f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D"
    assert read_image(image.name) == image
    assert image.sigma == float(sigma)


@given(
    st.sampled_from(sorted(FILTERS)),
    st.builds(
        Settings,
        sigma=st.lists(SIGMAS, max_size=3),
        level=st.integers(1, 5),
        force2D=st.booleans(),
        lbp3DLevels=st.integers(1, 4),
    ),
)
def test_every_image_of_a_filter_is_read_back_from_its_name(image_type, settings):
    for image in images(image_type, settings):
        assert read_image(image.name) == image
        assert image.image_type == image_type


def test_whole_and_decimal_sigma_are_two_names_of_one_image():
    whole, decimal = read_image("log-sigma-4-mm-3D"), read_image("log-sigma-4-0-mm-3D")
    assert whole.sigma == decimal.sigma == 4.0
    assert type(whole.sigma) is type(decimal.sigma) is float
    assert whole.name != decimal.name


@pytest.mark.parametrize(
    "name",
    [
        "Original",
        "wavelet",
        "wavelet1-LLH",
        "wavelet0-LLH",
        "wavelet02-LLH",
        "wavelet-L",
        "wavelet-LLHH",
        "wavelet-llh",
        "log-sigma-04-mm-3D",
        "log-sigma-4-00-mm-3D",
        "log-sigma-0-mm-3D",
        "log-sigma--4-mm-3D",
        "log-sigma-1e999-mm-3D",
        "log-sigma-x-mm-3D",
        "lbp-3D-m0",
        "lbp-3D-m01",
        "lbp-3D",
        "",
    ],
)
def test_what_pyradiomics_would_not_write_is_no_name(name):
    assert read_image(name) is None


def test_a_column_asks_its_filter_for_one_image_only():
    """Otherwise asking for a second image would change the key of the first."""
    many = Settings(sigma=[1.0, 2.0], level=3, lbp3DLevels=4)
    columns = {
        name: Column.of(read_image(name), "glcm", "Imc1", many).settings
        for name in ("log-sigma-2-0-mm-3D", "wavelet2-LLH", "lbp-3D-m3", "lbp-3D-k", "original")
    }
    assert columns["log-sigma-2-0-mm-3D"].sigma == (2.0,)
    assert columns["wavelet2-LLH"].level == 2
    assert columns["lbp-3D-m3"].lbp3DLevels == 3
    assert columns["lbp-3D-k"].lbp3DLevels == 1
    assert columns["original"] == many
