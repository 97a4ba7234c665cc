"""The table of settings: defaults, types and words."""

from __future__ import annotations

import math
import pickle

import pytest
import SimpleITK as sitk
from pydantic import ValidationError

from radstore.engines.pyradiomics.library import library
from radstore.spec.settings import STAGES, TYPES, UNHASHED, Settings, acts_in, describe, section, validated
from radstore.spec.types import INTERPOLATORS, choices, takes
from radstore.texture.names import FILTERS

OURS = {"windowLevel", "windowWidth", "boundary", "rotationInvariant"}


@pytest.fixture(scope="module")
def schema():
    """Section → setting → PyRadiomics' rule for it."""
    import radiomics
    import yaml

    path, _ = radiomics.getParameterValidationFiles()
    with open(path) as file:  # noqa: PTH123
        rules = yaml.safe_load(file)["mapping"]
    return {key: rules[key]["mapping"] for key in ("setting", "voxelSetting")}


def test_names_are_pyradiomics_and_a_few_of_ours(schema):
    for key, rules in schema.items():
        assert {name for name in STAGES if section(name) == key} - OURS == rules.keys()


def test_defaults_are_pyradiomics():
    with library():
        from radiomics.featureextractor import RadiomicsFeatureExtractor

        theirs = RadiomicsFeatureExtractor._getDefaultSettings()
    ours = Settings().model_dump()
    assert {name: list(v) if isinstance(v := ours[name], tuple) else v for name in theirs} == theirs


def test_numbers_of_interpolators_are_simpleitks_and_the_documented_one_for_bspline():
    for number, name in enumerate(INTERPOLATORS, start=1):
        assert Settings(interpolator=number).interpolator == name
        assert name == "sitkBSpline" or getattr(sitk, name) == number
    assert Settings(interpolator=3) == Settings()


def test_lists_become_tuples_and_the_table_is_hashable():
    settings = Settings(distances=[1, 2], sigma=[1, 2.5], resegmentRange=[5, -3])
    assert settings.distances == (1, 2)
    assert settings.resegmentRange == (-3, 5)
    assert [type(s) for s in settings.sigma] == [int, float]
    assert hash(settings) == hash(Settings(distances=[1, 2], sigma=[1, 2.5], resegmentRange=[-3, 5]))


def test_frozen():
    with pytest.raises(ValidationError):
        Settings().binWidth = 3


def test_nan_equals_itself_in_another_process():
    one = Settings(initValue=math.nan)
    two = pickle.loads(pickle.dumps(one))
    assert one == two
    assert hash(one) == hash(two)
    assert one != Settings()


def test_resamples_needs_both():
    spacing = [1, 1, 2.5]
    assert Settings(resampledPixelSpacing=spacing).resamples
    assert not Settings(resampledPixelSpacing=spacing, interpolator=None).resamples
    assert not Settings().resamples


def test_window_needs_both():
    assert Settings(windowLevel=40, windowWidth=400).windowWidth == 400
    with pytest.raises(ValidationError, match="go together"):
        Settings(windowLevel=40)


def test_ibsi_merges_directions_unless_told_otherwise():
    assert Settings().weightingNorm is None
    assert Settings(ibsi=True).weightingNorm == "no_weighting"
    assert Settings(ibsi=True, weightingNorm=None).weightingNorm is None
    assert Settings(ibsi=True, weightingNorm="euclidean").weightingNorm == "euclidean"
    assert Settings(ibsi=False) == Settings()


def test_what_ibsi_does_not_know_is_refused():
    with pytest.raises(ValidationError, match="no interpolator sitkGaussian"):
        Settings(ibsi=True, resampledPixelSpacing=[1, 1, 1], interpolator="sitkGaussian")
    assert Settings(ibsi=True, interpolator="sitkGaussian").interpolator == "sitkGaussian"  # has no effect
    with pytest.raises(ValidationError, match="outside the region"):
        Settings(ibsi=True, maskedKernel=False)


def test_every_setting_is_described():
    for name, accepted, default, meaning in describe():
        assert accepted
        assert meaning
        assert validated(name, list(default) if isinstance(default, tuple) else default) == default
    assert takes(TYPES["binCount"]) == "a whole number, 1 or more, or null"


def test_words_a_setting_can_be():
    assert choices(TYPES["weightingNorm"]) == ("manhattan", "euclidean", "infinity", "no_weighting")
    assert "db4" in choices(TYPES["wavelet"])
    assert "mexh" not in choices(TYPES["wavelet"])  # continuous: the stationary transform has no use for it
    assert choices(TYPES["binWidth"]) == choices(TYPES["voxelBatch"]) == ()


def test_a_filter_overrules_its_own_settings_and_those_of_features():
    assert acts_in("sigma", "LoG")
    assert acts_in("binWidth", "LoG")
    assert not acts_in("sigma", "Wavelet")
    assert not acts_in("resampledPixelSpacing", "LoG")
    assert acts_in("boundary", "LoG")
    assert acts_in("boundary", "Wavelet")
    assert not acts_in("boundary", "Square")
    assert not acts_in("ibsi", "LoG")
    assert {stage for stage in STAGES.values() if stage in FILTERS} == {
        "LoG",
        "Wavelet",
        "Gradient",
        "LBP2D",
        "LBP3D",
    }


def test_unhashed_settings_exist_and_say_why():
    assert UNHASHED.keys() <= STAGES.keys()
    assert all(UNHASHED.values())
