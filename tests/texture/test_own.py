"""The features that PyRadiomics has not, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from radstore.errors import EngineError
from radstore.extract import features
from radstore.texture.windows import Windows

FEATURES = ("CoefficientOfVariation", "QuartileCoefficientOfDispersion")
SETTINGS = {"binWidth": 5, "voxelArrayShift": 0, "kernelRadius": 1, "maskedKernel": True}


def dispersion(values):
    """σ/μ and (P75 − P25)/(P75 + P25) as IBSI defines them (7TET, 9S40)."""
    low, high = np.percentile(values, [25, 75])
    return np.std(values) / np.mean(values), (high - low) / (high + low)


@pytest.fixture
def noise():
    rng = np.random.default_rng(4)
    return rng.normal(40, 25, (5, 6, 7)), rng.random((5, 6, 7)) < 0.7


def test_dispersion_of_a_region(noise):
    image, mask = noise
    found = Windows(image, mask, (1, 1, 1), None).features("firstorder", FEATURES, SETTINGS)
    assert [float(found[name][0]) for name in FEATURES] == pytest.approx(dispersion(image[mask]), rel=1e-12)


@pytest.mark.parametrize("wanted", [FEATURES, FEATURES[:1], FEATURES[1:]], ids=str)
def test_dispersion_of_windows(noise, wanted):
    image, mask = noise
    centres = np.argwhere(mask)
    found = Windows(image, mask, (1, 1, 1), centres).features("firstorder", wanted, SETTINGS)
    for column, centre in enumerate(centres):
        window = tuple(slice(max(c - 1, 0), c + 2) for c in centre)
        expected = dict(zip(FEATURES, dispersion(image[window][mask[window]]), strict=True))
        assert [found[name][column] for name in wanted] == pytest.approx([expected[name] for name in wanted])


def test_no_dispersion_about_zero():
    image = np.array([-2.0, -1, 1, 2]).reshape(1, 1, 4)
    found = Windows(image, image != 0, (1, 1, 1), None).features("firstorder", FEATURES, SETTINGS)
    assert all(np.isnan(found[name]).all() for name in FEATURES)


def test_pyradiomics_has_none_of_them(noise):
    image, mask = noise
    spec = {"features": [f"original_firstorder_{name}" for name in FEATURES], "setting": {"binWidth": 5}}
    assert len(features(image, mask, spec, engine="cpu")) == 2
    with pytest.raises(EngineError, match="has no feature firstorder_CoefficientOfVariation"):
        features(image, mask, spec, engine="pyradiomics")
