"""The registry against the library whose names it lists."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from radstore.engines.pyradiomics.library import FEATURE_CLASSES, library
from radstore.texture import names
from radstore.texture.order import ORDER, OWN


def test_classes_and_their_order_are_pyradiomics():
    assert list(names.FEATURES) == list(FEATURE_CLASSES)
    assert list(names.FAMILY_MEANINGS) == list(FEATURE_CLASSES)


@pytest.mark.parametrize("family", list(names.FEATURES))
def test_features_deprecation_and_order_are_pyradiomics(family):
    theirs = FEATURE_CLASSES[family].getFeatureNames()
    ours = names.FEATURES[family]
    listed = {name: f.status != "default" for name, f in ours.items() if f.status != "own"}
    assert listed == theirs
    assert list(names.default_features(family)) == [n for n, deprecated in theirs.items() if not deprecated]


@pytest.mark.parametrize("family", list(ORDER))
def test_each_feature_of_the_kernels_has_a_name_and_a_meaning(family):
    listed = names.FEATURES[family]
    named = {name for name, f in listed.items() if f.status != "withdrawn"}
    assert named <= set(ORDER[family]) <= set(listed)


def test_image_types_are_pyradiomics():
    import radiomics

    assert set(names.FILTERS) == set(radiomics.getImageTypes())


def test_counts_are_those_of_the_literature():
    counts = {family: len(names.default_features(family)) for family in names.FEATURES}
    assert sum(counts[family] for family in counts if names.has_map(family)) == 93
    assert (counts["shape"], counts["shape2D"]) == (14, 9)


@pytest.fixture(scope="module")
def slice_of_noise():
    values = np.random.default_rng(0).normal(0, 100, (5, 9, 9)).astype("int16")
    mask = np.zeros(values.shape, "uint8")
    mask[2, 2:8, 2:7] = 1
    return sitk.GetImageFromArray(values), sitk.GetImageFromArray(mask)


@pytest.mark.parametrize(
    "feature", [f for f in names.every_feature() if f.status in ("named", "withdrawn")], ids=str
)
def test_withdrawn_features_are_those_without_a_value(feature, slice_of_noise):
    with library():
        from radiomics.featureextractor import RadiomicsFeatureExtractor

        setting = {"force2D": True, "additionalInfo": False}
        file = {"featureClass": {feature.family: [feature.name]}, "setting": setting}
        values = RadiomicsFeatureExtractor(file).execute(*slice_of_noise)
    assert bool(values) == (feature.status == "named")


def test_a_replacement_is_itself_a_feature():
    for feature in names.every_feature():
        if feature.instead:
            family, name = feature.instead.split("_")
            assert names.FEATURES[family][name].status == "default"


def test_describe_has_one_short_line_for_everything():
    lines = dict(names.describe())
    for feature in names.every_feature():
        assert f"{feature.family}_{feature.name}" in lines
    assert names.FEATURES.keys() <= lines.keys()
    assert all(line and "\n" not in line and len(line) < 110 for line in lines.values())
    assert "see glcm_Id)" in lines["glcm_Homogeneity1"]


@pytest.mark.parametrize("family", list(OWN))
def test_a_feature_of_our_own_is_one_that_pyradiomics_has_not(family):
    assert not set(OWN[family]) & set(FEATURE_CLASSES[family].getFeatureNames())
    for name, meaning in OWN[family].items():
        assert names.FEATURES[family][name] == names.FeatureName(family, name, meaning, "own")
        assert name not in names.default_features(family)
