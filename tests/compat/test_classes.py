"""The feature classes, used as PyRadiomics' are used without its extractor."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import radiomics

from radstore import compat
from radstore.compat.classes import CLASSES, TextureClass
from radstore.engines.pyradiomics.features import BATCH_BOUND

pytestmark = pytest.mark.filterwarnings("ignore")  # the library's own

TEXTURE = [name for name, kind in CLASSES.items() if issubclass(kind, TextureClass)]
REFERENCE = radiomics.getFeatureClasses()
SETTINGS = {"label": 3, "binWidth": 20, "distances": [1, 2]}


@pytest.fixture(params=["region", "voxel"])
def settings(request) -> dict:
    return {**SETTINGS, "voxelBased": request.param == "voxel", "voxelBatch": 40}


@pytest.mark.parametrize("family", TEXTURE)
def test_execute_gives_what_the_librarys_class_gives(family, case, settings, assert_same):
    ours, theirs = (kind(*case, **settings).execute() for kind in (CLASSES[family], REFERENCE[family]))
    if family == "glcm" and settings["voxelBased"]:  # PyRadiomics' own depend on the batch
        for name in BATCH_BOUND:
            del ours[name], theirs[name]
    assert_same(ours, theirs)


@pytest.mark.parametrize("family", TEXTURE)
def test_features_one_by_one(family, case, assert_same):
    ours, theirs = (kind(*case, **SETTINGS) for kind in (CLASSES[family], REFERENCE[family]))
    for name in list(theirs.getFeatureNames())[:4]:
        for calculator in (ours, theirs):
            calculator.disableAllFeatures()
            calculator.enableFeatureByName(name)
        assert_same(ours.execute(), theirs.execute())


@pytest.mark.parametrize("family", TEXTURE)
def test_matrices_and_coefficients_are_the_librarys_once_asked_for(family, case):
    ours, theirs = (kind(*case, **SETTINGS) for kind in (CLASSES[family], REFERENCE[family]))
    for calculator in (ours, theirs):
        calculator._initCalculation()
    ours._initCalculation()  # a second time: what was discretised is not discretised again
    name = "discretizedImageArray" if family == "firstorder" else f"P_{family}"
    np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.coefficients["Ng"] == theirs.coefficients["Ng"]
    feature = "Mean" if family == "firstorder" else "Contrast" if family == "glcm" else None
    if feature:
        method = f"get{feature}FeatureValue"
        np.testing.assert_array_equal(getattr(ours, method)(), getattr(theirs, method)())


@pytest.mark.parametrize("family", CLASSES)
def test_names_and_documentation_are_the_librarys(family):
    ours, theirs = compat.getFeatureClasses()[family], REFERENCE[family]
    assert ours.__doc__
    assert ours.__name__ == theirs.__name__
    assert ours.getFeatureNames() == theirs.getFeatureNames()
    for name in theirs.getFeatureNames():
        assert getattr(ours, f"get{name}FeatureValue").__doc__
    assert getattr(getattr(compat, family), ours.__name__) is ours


def test_the_librarys_own_classes_are_left_alone():
    assert compat.RadiomicsGLCM is not radiomics.getFeatureClasses()["glcm"]
    assert radiomics.getFeatureClasses() is not compat.getFeatureClasses()


def test_a_feature_added_to_a_class_is_computed(case, monkeypatch):
    def value(self):
        return np.nanmax(self.P_glcm, (1, 2)).mean(1)

    monkeypatch.setattr(REFERENCE["glcm"], "getPeakFeatureValue", value, raising=False)
    calculator = CLASSES["glcm"](*case, **SETTINGS)
    for name in ("Peak", "MaximumProbability"):
        calculator.enableFeatureByName(name)
    found = calculator.execute()
    assert list(found) == ["Peak", "MaximumProbability"]
    assert found["Peak"] == pytest.approx(float(found["MaximumProbability"]))


def test_messages_go_where_the_librarys_go(case, caplog):
    caplog.set_level(logging.WARNING, logger="radiomics")
    CLASSES["glcm"](*case, **SETTINGS).enableFeatureByName("Homogeneity1")
    assert [record.name for record in caplog.records] == ["radiomics.glcm"]


def test_shape_needs_the_mask_alone_and_has_the_librarys_measures_when_asked(case, assert_same):
    box, _ = compat.imageoperations.checkMask(*case, label=3)
    crop = compat.imageoperations.cropToTumorMask(*case, box)
    ours, theirs = (kind(*crop, label=3) for kind in (CLASSES["shape"], REFERENCE["shape"]))
    for calculator in (ours, theirs):
        for name in ("Sphericity", "Compactness1", "Compactness2", "SphericalDisproportion", "Elongation"):
            calculator.enableFeatureByName(name)
    assert_same(ours.execute(), theirs.execute())
    assert "Volume" not in vars(ours)
    assert theirs.Volume == ours.Volume
    assert ours.getMeshVolumeFeatureValue() == theirs.getMeshVolumeFeatureValue()
    with pytest.raises(AttributeError, match="RadiomicsShape has no attribute 'volume'"):
        _ = ours.volume


def test_shape_of_a_region_that_was_not_cut_out(case, assert_same):
    found = [kind(*case, label=3).execute() for kind in (CLASSES["shape"], REFERENCE["shape"])]
    assert_same(*found)


def test_the_librarys_axes_are_real_whatever_numpy_makes_of_eigenvalues(case, monkeypatch):
    monkeypatch.setattr(np.linalg, "eigvals", lambda a: np.linalg.eigh(a)[0].astype(complex))
    calculator = CLASSES["shape"](*case, label=3)
    assert np.isrealobj(calculator.getElongationFeatureValue())
