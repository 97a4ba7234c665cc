"""IBSI's filters: their response maps, and what must hold of any."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import pywt
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from radstore.images.ibsi.filters import BOUNDARIES, filtered, log, margin, wavelet

BANDS = st.text("LH", min_size=3, max_size=3)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 100, shape)


# --- the shared reference maps ----------------------------------------------------------------------------

SETTINGS = {
    "2_b": ("log", {"sigma": 5.0, "boundary": "mirror"}),
    "5_a_1": ("wavelet", {"wavelet": "db2", "band": "LHL", "level": 1, "boundary": "zero"}),
    "7_a_1": (
        "wavelet",
        {"wavelet": "haar", "band": "LLL", "level": 2, "boundary": "mirror", "rotationInvariant": True},
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_reference_response_map_is_met(name: str, shared_data: Path, shared_reference: Path) -> None:
    with (shared_reference / "ibsi2_response_maps.csv").open(encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["map_id"] == name)
    phantom = sitk.ReadImage(shared_data / row["phantom_file"])
    expected = sitk.GetArrayFromImage(sitk.ReadImage(shared_data / row["map_file"]))
    op, settings = SETTINGS[name]
    defaults = {"start_level": 0, "rotationInvariant": False}
    made = filtered(op, sitk.GetArrayFromImage(phantom), phantom.GetSpacing(), defaults | settings)
    assert np.abs(made - expected).max() <= float(row["abs_tolerance_per_voxel"])
    assert np.abs(made - expected).max() <= 2e-4 * np.abs(expected).max() or name == "2_b"


# --- LoG --------------------------------------------------------------------------------------------------


def test_the_log_of_a_paraboloid_is_its_curvature() -> None:
    z, y, x = np.indices((41, 41, 41)) - 20.0
    middle = log(3 * x**2 + y**2 - z**2, (1.0, 1.0, 1.0), 2.0)[20, 20, 20]
    assert middle == pytest.approx(6, rel=0.01)  # 2·3 + 2 − 2


def test_log_widths_are_in_mm() -> None:
    image = noise(9, 10, 11)
    np.testing.assert_array_equal(log(image, (2.0, 2.0, 2.0), 3.0), log(image, (1.0, 1.0, 1.0), 1.5))
    assert not np.allclose(log(image, (1.0, 1.0, 2.0), 1.5), log(image, (1.0, 1.0, 1.0), 1.5))


OPS = {
    "log": {"sigma": 1.1},
    "wavelet": {"wavelet": "db2", "band": "HLH", "start_level": 0, "level": 2, "rotationInvariant": True},
    "plane": {
        "wavelet": "coif1",
        "band": "LH",
        "start_level": 1,
        "level": 1,
        "rotationInvariant": False,
        "force2D": True,
        "force2Ddimension": 1,
    },
}


@pytest.mark.parametrize("boundary", ["mirror", "nearest", "zero"])
@pytest.mark.parametrize("name", OPS)
def test_a_part_and_its_margin_give_the_values_of_the_whole(name: str, boundary: str) -> None:
    op, settings, spacing = (
        name.replace("plane", "wavelet"),
        {**OPS[name], "boundary": boundary},
        (1.0, 2.0, 0.9),
    )
    image = noise(40, 41, 42)
    box = (slice(0, 3), slice(20, 22), slice(38, 42))
    far = margin(op, settings, spacing)
    read = tuple(slice(max(b.start - n, 0), b.stop + n) for b, n in zip(box, far, strict=True))
    inner = tuple(slice(b.start - r.start, b.stop - r.start) for b, r in zip(box, read, strict=True))
    whole = filtered(op, image, spacing, settings)[box]
    np.testing.assert_allclose(filtered(op, image[read], spacing, settings)[inner], whole, atol=1e-9)
    less = filtered(op, image[box], spacing, settings)
    assert not np.allclose(less, whole)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_boundary_is_a_padding(boundary: str) -> None:
    mode = {"mirror": "symmetric", "nearest": "edge", "periodic": "wrap", "zero": "constant"}[boundary]
    image = noise(9, 10, 11)
    inner = (slice(6, -6),) * 3
    padded = np.pad(image, 6, mode=mode)
    spacing = (1.0, 1.0, 1.0)
    np.testing.assert_allclose(
        log(image, spacing, 1.2, boundary), log(padded, spacing, 1.2, "zero")[inner], atol=1e-9
    )
    np.testing.assert_allclose(
        wavelet(image, "db3", "HLH", 1, boundary), wavelet(padded, "db3", "HLH", 1, "zero")[inner], atol=1e-9
    )


# --- wavelets ---------------------------------------------------------------------------------------------


@given(name=st.sampled_from(["haar", "db2", "coif1", "sym4"]), band=BANDS)
def test_the_first_level_of_a_periodic_image_is_the_stationary_transform(name: str, band: str) -> None:
    image = noise(24, 26, 28)
    theirs = pywt.swtn(image, name, level=1, axes=(2, 1, 0))[0][band.replace("L", "a").replace("H", "d")]
    np.testing.assert_allclose(wavelet(image, name, band, 1, "periodic"), theirs, rtol=1e-9, atol=1e-9)


@given(name=st.sampled_from(["haar", "db2", "coif1"]), band=BANDS)
def test_a_rotated_image_has_a_rotated_response(name: str, band: str) -> None:
    image = noise(7, 8, 9)
    turned = wavelet(np.rot90(image, axes=(0, 2)), name, band, 2, rotations=True)
    np.testing.assert_allclose(
        turned, np.rot90(wavelet(image, name, band, 2, rotations=True), axes=(0, 2)), rtol=1e-9, atol=1e-9
    )


def test_in_a_plane_every_slice_is_for_itself() -> None:
    image = noise(5, 8, 9)
    settings = {"wavelet": "db2", "band": "LH", "start_level": 1, "level": 1, "boundary": "mirror"}
    settings |= {"force2D": True, "force2Ddimension": 0, "rotationInvariant": True}
    whole = filtered("wavelet", image, (1.0, 1.0, 1.0), settings)
    for k in range(len(image)):
        one = filtered("wavelet", image[k : k + 1], (1.0, 1.0, 1.0), settings)
        np.testing.assert_allclose(whole[k], one[0], atol=1e-12)
    np.testing.assert_allclose(
        np.rot90(whole, axes=(1, 2)), filtered("wavelet", np.rot90(image, axes=(1, 2)), (1, 1, 1), settings)
    )
