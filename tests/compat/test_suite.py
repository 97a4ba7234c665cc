"""What PyRadiomics' own test suite checks, through `radstore.compat`, on its own images.

That suite itself runs with ``python -m radstore.compat -m pytest tests`` in a source tree of PyRadiomics.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from radiomics.featureextractor import RadiomicsFeatureExtractor as Reference

from radstore.compat import RadiomicsFeatureExtractor, getFeatureClasses, imageoperations

pytestmark = pytest.mark.filterwarnings("ignore")  # the library's own

IMAGES = ["brain1", "breast1", "lung1_crop"]
CLASSES = ["firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm"]

# The suite's configurations: its baselines were made with these.
CONFIGURATIONS = {
    "2d": {"force2D": True},
    "FBN": {"binCount": 64},
    "combined": {"weightingNorm": "no_weighting"},
    "flatRegion": {"binWidth": 5000, "resegmentRange": [0]},
    "normalization": {"normalize": True, "normalizeScale": 100, "binWidth": 5},
    "resampling": {"resampledPixelSpacing": [2, 2, 2]},
    "resegmentation": {"resegmentMode": "sigma", "resegmentRange": [-3, 3]},
}


@pytest.fixture(scope="module")
def read(shared_data):
    """Image and mask of one of the suite's cases."""

    def files(name: str) -> tuple[sitk.Image, sitk.Image]:
        stem = shared_data / "pyradiomics_cases" / name
        return sitk.ReadImage(f"{stem}_image.nrrd"), sitk.ReadImage(f"{stem}_label.nrrd", sitk.sitkUInt32)

    return files


@pytest.fixture(scope="module")
def baseline(shared_reference) -> pd.DataFrame:
    return pd.read_csv(shared_reference / "pyradiomics_baseline.csv")


@pytest.mark.parametrize("name", IMAGES)
def test_the_suites_baseline(name, read, baseline):
    rows = baseline[baseline.file.str.contains(name)]
    settings = [json.loads(text) for text in rows.settings.unique()]
    assert len(settings) == 1
    assert len(rows) == 107
    extractor = RadiomicsFeatureExtractor(**settings[0])
    found = extractor.execute(*read(name))
    for row in rows.itertuples():
        assert found[row.feature] == pytest.approx(row.value, rel=row.tolerance_rel), row.feature


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_suites_configurations(name, configuration, read, assert_same):
    case, settings = read(name), CONFIGURATIONS[configuration]
    ours, theirs = (kind(**settings).execute(*case) for kind in (RadiomicsFeatureExtractor, Reference))
    assert_same(ours, theirs)
    for key, value in theirs.items():  # also where it is nearly nothing: the suite compares relatively
        if key.endswith("Entropy"):
            np.testing.assert_allclose(ours[key], value, rtol=1e-6, err_msg=key)


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("family", CLASSES)
def test_classes_on_a_crop_as_the_suite_uses_them(name, family, read, baseline):
    image, mask = read(name)
    box, _ = imageoperations.checkMask(image, mask)
    crop = imageoperations.cropToTumorMask(image, mask, box)
    rows = baseline[baseline.file.str.contains(name) & (baseline["class"] == family)]
    calculator = getFeatureClasses()[family](*crop, **json.loads(rows.settings.iloc[0]))
    for row in rows.itertuples():
        feature = row.feature.split("_")[-1]
        calculator.disableAllFeatures()
        calculator.enableFeatureByName(feature)
        calculator.execute()
        assert calculator.featureValues[feature] == pytest.approx(row.value, rel=row.tolerance_rel)


def test_voxel_maps_of_an_image(read, assert_same):
    spec = {"featureClass": {"firstorder": ["Entropy"], "glcm": ["Imc1"], "glszm": ["ZoneEntropy"]}}
    found = [
        kind(spec).execute(*read("breast1"), voxelBased=True)
        for kind in (RadiomicsFeatureExtractor, Reference)
    ]
    assert_same(*found, rtol=1e-5)
