"""The drop-in extractor against PyRadiomics' own: same keys, types, numbers and errors."""

from __future__ import annotations

import logging
import pickle
from collections import OrderedDict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from radiomics.featureextractor import RadiomicsFeatureExtractor as Reference

from radstore.compat import RadiomicsFeatureExtractor

pytestmark = pytest.mark.filterwarnings("ignore")  # the library's own

EVERY = {"firstorder": None, "glcm": None, "glrlm": None, "glszm": None, "gldm": None, "ngtdm": None}

REGION: dict[str, dict[str, Any]] = {
    "all classes": {"featureClass": {"shape": None, **EVERY}},
    "another order": {"featureClass": {"ngtdm": None, "shape": ["Sphericity"], "glcm": ["Imc2", "Contrast"]}},
    "filters": {
        "imageType": {"Original": {}, "Wavelet": {}, "LoG": {"sigma": [1.0]}, "LBP2D": {"binWidth": 1}},
        "featureClass": {"glcm": ["Imc1", "Correlation"], "glrlm": None, "glszm": None, "gldm": None},
        "setting": {"binWidth": 10, "resampledPixelSpacing": [1.5, 1.5, 2]},
    },
    "scaling filters": {
        "imageType": {"Square": {}, "SquareRoot": {}, "Logarithm": {}, "Exponential": {}, "Gradient": {}},
        "featureClass": {"firstorder": None, "ngtdm": None},
        "setting": {"preCrop": True},
    },
    "in a plane": {
        "featureClass": {"firstorder": ["StandardDeviation"], "glcm": None, "glrlm": None},
        "setting": {"binCount": 16, "force2D": True, "weightingNorm": "euclidean", "distances": [1, 2]},
    },
    "along another axis": {
        "featureClass": EVERY,
        "setting": {"force2D": True, "force2Ddimension": 2, "weightingNorm": "no_weighting"},
    },
    "less usual settings": {
        "featureClass": EVERY,
        "setting": {"symmetricalGLCM": False, "gldm_a": 1, "voxelArrayShift": 300, "additionalInfo": False},
    },
    "resegmented": {
        "featureClass": {"shape": None, **EVERY},
        "setting": {"resegmentRange": [-2, 2], "resegmentMode": "sigma", "resegmentShape": True},
    },
    "normalised": {
        "featureClass": EVERY,
        "setting": {"normalize": True, "normalizeScale": 100, "binWidth": 5},
    },
    "flat": {"featureClass": EVERY, "setting": {"binWidth": 5000, "resegmentRange": [0], "binCount": None}},
}

VOXEL: dict[str, dict[str, Any]] = {
    "defaults": {
        "featureClass": {"shape": None, "firstorder": None, "glszm": None, "gldm": None, "ngtdm": None}
    },
    "settings": {
        "imageType": {"Original": {}, "LoG": {"sigma": [1.0]}},
        "featureClass": {"glcm": ["JointEntropy"], "glrlm": None, "firstorder": ["Energy", "Median"]},
        "voxelSetting": {"kernelRadius": 2, "initValue": -1, "voxelBatch": 7},
    },
    "the whole box": {
        "featureClass": {"glcm": ["Contrast"], "firstorder": ["Entropy"], "glszm": None},
        "voxelSetting": {"maskedKernel": False, "initValue": float("nan")},
        "setting": {"force2D": True, "resampledPixelSpacing": [1.5, 1.5, 1.5]},
    },
}


def both(case, spec, **execute):
    extractors = (RadiomicsFeatureExtractor(spec), Reference(spec))
    return tuple(extractor.execute(*case, label=3, **execute) for extractor in extractors)


@pytest.mark.parametrize("name", REGION)
def test_region_mode(name, case, assert_same):
    assert_same(*both(case, REGION[name]))


@pytest.mark.parametrize("name", VOXEL)
def test_voxel_mode_gives_images_of_the_crop(name, case, assert_same):
    ours, theirs = both(case, VOXEL[name], voxelBased=True)
    assert_same(ours, theirs)
    assert any(isinstance(value, sitk.Image) for value in ours.values())


def test_a_result_is_an_ordered_dict_of_arrays_without_dimensions(case):
    found = RadiomicsFeatureExtractor().execute(*case, label=3)
    assert isinstance(found, OrderedDict)
    values = [value for key, value in found.items() if "_glcm_" in key]
    assert {type(value) for value in values} == {np.ndarray}
    assert {value.shape for value in values} == {()}


@pytest.mark.parametrize("classes", [{"shape2D": None}, {"shape2D": None, "shape": None, "glrlm": None}])
def test_shape_in_a_plane(case, classes, assert_same):
    image, mask = case
    array = sitk.GetArrayFromImage(mask)
    array[np.arange(9) != 4] = 0
    one_slice = sitk.GetImageFromArray(array)
    one_slice.CopyInformation(mask)
    assert_same(*both((image, one_slice), {"featureClass": classes, "setting": {"force2D": True}}))
    assert_same(
        *both((image, one_slice), {"featureClass": classes})
    )  # without force2D: left out, with a warning
    for kind in (RadiomicsFeatureExtractor, Reference):
        with pytest.raises(ValueError, match=r"[Ss]lice|2D shape"):
            kind({"featureClass": classes, "setting": {"force2D": True}}).execute(*case, label=3)


@pytest.mark.parametrize("setting", [{}, {"force2D": True}, {"weightingNorm": "manhattan"}])
def test_two_dimensional_images(case, setting, assert_same):
    flat = tuple(volume[:, :, 4] for volume in case)
    assert_same(*both(flat, {"featureClass": {**EVERY, "shape": None, "shape2D": None}, "setting": setting}))


def test_a_channel_of_a_vector_mask(case, assert_same):
    image, mask = case
    empty = sitk.Image(mask.GetSize(), mask.GetPixelID())
    empty.CopyInformation(mask)
    vector = sitk.Compose(empty, mask)
    assert_same(*both((image, vector), REGION["another order"], label_channel=1))


def test_a_mask_on_another_grid_is_corrected(case, assert_same):
    image, mask = case
    part = mask[2:11, 1:10, 1:8]
    assert_same(*both((image, part), {"featureClass": EVERY, "setting": {"correctMask": True}}))


@pytest.mark.parametrize(
    ("label", "setting"),
    [(7, {}), (1, {}), (3, {"minimumROISize": 10_000}), (3, {"resegmentRange": [9000, 9001]})],
    ids=["absent", "one voxel", "too small", "nothing left"],
)
def test_bad_regions_raise_what_the_library_raises(case, label, setting):
    caught = []
    for extractor in (RadiomicsFeatureExtractor(**setting), Reference(**setting)):
        with pytest.raises(ValueError, match=r"abel|mask|ROI|segment") as error:
            extractor.execute(*case, label=label)
        caught.append(str(error.value))
    assert caught[0] == caught[1]


def test_a_grid_that_does_not_fit_raises_what_the_library_raises(case):
    image, mask = case
    shifted = sitk.Image(mask)
    shifted.SetOrigin((0, 0, 0))
    for extractor in (RadiomicsFeatureExtractor(), Reference()):
        with pytest.raises(RuntimeError, match="does not match the primary input's size"):
            extractor.execute(image, mask[1:], label=3)
        with pytest.raises(ValueError, match="geometry mismatch"):
            extractor.execute(image, shifted, label=3)


def test_unreadable_files_raise_what_the_library_raises(case):
    with pytest.raises(ValueError, match="Error reading image"):
        RadiomicsFeatureExtractor().execute("nothing.nrrd", case[1])
    with pytest.raises(OSError, match=r"nothing\.yaml does not exist"):
        RadiomicsFeatureExtractor("nothing.yaml")


def test_files_and_parameter_files(case, tmp_path: Path, assert_same):
    paths = [str(tmp_path / name) for name in ("image.nrrd", "mask.nrrd")]
    for volume, path in zip(case, paths, strict=True):
        sitk.WriteImage(volume, path)
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text("setting: {binWidth: 10, label: 3}\nfeatureClass: {glcm: [Imc1], gldm: }\n")
    theirs = Reference(str(parameters)).execute(*paths)
    for asked in (str(parameters), parameters):  # the library means to take a Path too, and fails on it
        assert_same(RadiomicsFeatureExtractor(asked).execute(*paths), theirs)


def test_features_are_switched_as_in_the_library(case, assert_same):
    found = []
    for extractor in (RadiomicsFeatureExtractor(binWidth=10, label=3), Reference(binWidth=10, label=3)):
        extractor.disableAllFeatures()
        extractor.enableFeatureClassByName("gldm")
        extractor.enableFeaturesByName(firstorder=["Mean", "Skewness"], glcm=[])
        extractor.enableFeatureClassByName("gldm", False)
        extractor.disableAllImageTypes()
        extractor.enableImageTypeByName("LoG", customArgs={"sigma": [2.0], "binWidth": 5})
        extractor.enableImageTypes(Square={})
        extractor.addProvenance(False)
        extractor.settings["distances"] = [1, 2]
        found.append(extractor.execute(*case))
    assert_same(*found)


def test_deprecated_features_have_no_value_as_in_the_library(case, assert_same):
    features = {"glcm": ["Contrast", "Homogeneity1", "SumVariance"], "gldm": ["DependencePercentage"]}
    for voxel_based in (False, True):
        assert_same(*both(case, {"featureClass": features}, voxelBased=voxel_based))


def test_unknown_weights_are_one_and_a_class_that_does_not_exist_is_passed_over(case, assert_same, caplog):
    found = []
    for kind in (RadiomicsFeatureExtractor, Reference):
        extractor = kind(weightingNorm="nonsense", label=3)
        extractor.enabledFeatures = {"glcm": [], "glrlm": [], "fractal": []}
        found.append(extractor.execute(*case))
    assert_same(*found)
    assert caplog.text.count("nonsense") >= 2


def test_unknown_features_are_refused_as_by_the_library(case):
    extractor = RadiomicsFeatureExtractor()
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(glcm=["Imc3"])
    with pytest.raises(LookupError, match="Imc3"):
        extractor.execute(*case, label=3)


def test_parameters_are_checked_as_by_the_library():
    with pytest.raises(Exception, match="binWidth"):
        RadiomicsFeatureExtractor({"setting": {"binWidth": "wide"}})


def test_it_logs_what_the_library_logs(case, caplog):
    caplog.set_level(logging.INFO, logger="radiomics")
    RadiomicsFeatureExtractor({"featureClass": {"glcm": None}}).execute(*case, label=3)
    assert "Computing glcm" in caplog.text


def test_it_can_be_sent_to_other_processes(case, tmp_path, assert_same):
    extractor = RadiomicsFeatureExtractor({"featureClass": {"glcm": ["Imc1"], "firstorder": None}})
    paths = [str(tmp_path / name) for name in ("image.nrrd", "mask.nrrd")]
    for volume, path in zip(case, paths, strict=True):
        sitk.WriteImage(volume, path)
    assert type(pickle.loads(pickle.dumps(extractor))) is RadiomicsFeatureExtractor
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(extractor.execute, *paths, label=3).result()
    assert_same(there, extractor.execute(*paths, label=3), rtol=0)


def test_one_grey_level_is_logged_with_the_features_that_it_leaves_without_meaning(case, caplog):
    spec = {"featureClass": {"firstorder": ["Mean", "Entropy"], "glcm": ["Imc1"]}, "setting": {"binCount": 1}}
    with caplog.at_level(logging.WARNING, "radiomics"):
        RadiomicsFeatureExtractor(spec).execute(*case, label=3)
    told = {record.name: record.getMessage() for record in caplog.records if "grey level" in record.message}
    assert {name: text.rpartition(": ")[2] for name, text in told.items()} == {
        "radiomics.firstorder": "Entropy",
        "radiomics.glcm": "Imc1",
    }
