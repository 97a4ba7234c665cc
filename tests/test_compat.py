"""The drop-in extractor against PyRadiomics' own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from radiomics import setVerbosity
from radiomics.featureextractor import RadiomicsFeatureExtractor as Reference

from radstore.compat import RadiomicsFeatureExtractor

pytestmark = pytest.mark.filterwarnings("ignore")  # the library's own

SPECS: dict[str, dict[str, Any]] = {
    "defaults": {"featureClass": {"shape": None, "firstorder": None, "glcm": None, "ngtdm": None}},
    "filters": {
        "imageType": {"Original": {}, "Wavelet": {}, "LoG": {"sigma": [1.0]}, "LBP2D": {"binWidth": 1}},
        "featureClass": {"glcm": ["Imc1", "Correlation"], "glrlm": None, "glszm": None, "gldm": None},
        "setting": {"binWidth": 10, "resampledPixelSpacing": [1.5, 1.5, 2]},
    },
    "in a plane": {
        "featureClass": {"firstorder": ["StandardDeviation"], "glcm": None, "glrlm": None},
        "setting": {"binCount": 16, "force2D": True, "weightingNorm": "euclidean", "distances": [1, 2]},
    },
}


@pytest.fixture(scope="module")
def case() -> tuple[sitk.Image, sitk.Image]:
    rng = np.random.default_rng(3)
    image = sitk.GetImageFromArray(rng.normal(0, 60, (9, 11, 12)).astype(np.int16))
    inside = np.zeros((9, 11, 12), np.uint8)
    inside[2:7, 2:9, 3:10] = rng.random((5, 7, 7)) < 0.9
    mask = sitk.GetImageFromArray(inside * 3)
    for volume in (image, mask):
        volume.SetSpacing((1.0, 1.0, 2.0))
        volume.SetOrigin((-7.0, 3.0, 11.5))
    setVerbosity(60)
    return image, mask


@pytest.mark.parametrize("name", SPECS)
def test_execute_gives_the_librarys_keys_types_and_numbers(
    name: str, case: tuple[sitk.Image, sitk.Image]
) -> None:
    theirs = Reference(SPECS[name]).execute(*case, label=3)
    ours = RadiomicsFeatureExtractor(SPECS[name]).execute(*case, label=3)
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        assert type(ours[key]) is type(value), key
        if not key.startswith("diagnostics_"):
            np.testing.assert_allclose(ours[key], value, rtol=1e-6, atol=1e-9, err_msg=key)


def test_voxel_mode_gives_images_like_the_librarys(case: tuple[sitk.Image, sitk.Image]) -> None:
    spec = {
        "featureClass": {"glcm": ["JointEntropy"], "glrlm": None, "firstorder": ["Energy", "Median"]},
        "voxelSetting": {"kernelRadius": 2, "initValue": -1},
    }
    theirs = Reference(spec).execute(*case, label=3, voxelBased=True)
    ours = RadiomicsFeatureExtractor(spec).execute(*case, label=3, voxelBased=True)
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        if isinstance(value, sitk.Image):
            assert ours[key].GetOrigin() == value.GetOrigin()
            assert ours[key].GetPixelID() == value.GetPixelID()
            np.testing.assert_allclose(
                sitk.GetArrayFromImage(ours[key]), sitk.GetArrayFromImage(value), rtol=1e-6, err_msg=key
            )


def test_unknown_features_are_refused_as_by_the_library(case: tuple[sitk.Image, sitk.Image]) -> None:
    extractor = RadiomicsFeatureExtractor()
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(glcm=["Imc3"])
    with pytest.raises(LookupError, match="Imc3"):
        extractor.execute(*case, label=3)


def test_parameters_are_checked_as_by_the_library() -> None:
    with pytest.raises(Exception, match="binWidth"):
        RadiomicsFeatureExtractor({"setting": {"binWidth": "wide"}})
