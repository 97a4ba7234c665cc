"""The vector is what PyRadiomics gives, bit for bit, however it is asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radstore.engines.pyradiomics import PyRadiomics
from radstore.spec import Spec

ALL_FILTERS = {
    "Original": {},
    "LoG": {"sigma": [1.0, 3.0]},
    "Wavelet": {},
    "Square": {},
    "SquareRoot": {},
    "Logarithm": {},
    "Exponential": {},
    "Gradient": {},
    "LBP2D": {"binWidth": 1},
}
TEXTURE = {"glcm": [], "glrlm": [], "gldm": [], "ngtdm": [], "firstorder": []}

DOCUMENTS = {
    "defaults": {},
    "every filter": {"imageType": ALL_FILTERS, "setting": {"binWidth": 10}},
    "normalised, resampled": {
        "imageType": ALL_FILTERS,
        "setting": {
            "normalize": True,
            "normalizeScale": 100,
            "removeOutliers": 2.5,
            "resampledPixelSpacing": [1, 1, 2],
            "padDistance": 3,
            "binWidth": 10,
        },
    },
    "resampled in plane": {"setting": {"resampledPixelSpacing": [1.5, 1.5, 0], "interpolator": "sitkLinear"}},
    "resampled to what it is": {"setting": {"resampledPixelSpacing": [1.1, 0.9, 2.3]}},
    "pre-cropped": {"imageType": ALL_FILTERS, "setting": {"preCrop": True, "padDistance": 2}},
    "absolute": {"setting": {"resegmentRange": [0, 90]}},
    "relative": {"setting": {"resegmentRange": [0.3], "resegmentMode": "relative"}},
    "sigma": {"setting": {"resegmentRange": [-1, 1], "resegmentMode": "sigma", "resegmentShape": True}},
    "few voxels left": {"setting": {"resegmentRange": [95], "binWidth": 5}},
    "bin count": {"imageType": {"Original": {}, "Gradient": {}}, "setting": {"binCount": 16}},
    "in plane": {
        "imageType": {"Original": {}, "Wavelet": {}, "LBP2D": {"binWidth": 1}},
        "setting": {"force2D": True, "force2Ddimension": 1},
    },
    "other matrices": {
        "featureClass": {**TEXTURE, "glszm": ["ZoneEntropy"]},
        "setting": {
            "distances": [1, 2],
            "symmetricalGLCM": False,
            "gldm_a": 1,
            "voxelArrayShift": 300,
            "weightingNorm": "euclidean",
        },
    },
    "deep wavelets": {
        "imageType": {"Wavelet": {"wavelet": "haar", "start_level": 1, "level": 2, "binWidth": 8}},
        "featureClass": {"firstorder": [], "glcm": ["Imc1"]},
    },
    "LBP another way": {
        "imageType": {"LBP2D": {"lbp2DRadius": 2, "lbp2DSamples": 12, "lbp2DMethod": "ror"}},
        "featureClass": {"firstorder": [], "glrlm": []},
    },
    "voxel spacing ignored": {"imageType": {"Gradient": {"gradientUseSpacing": False}}},
}


def same(one: float, other: float) -> bool:
    return one == other or (np.isnan(one) and np.isnan(other))


def assert_same(got, expected):
    assert set(got.values) == set(expected) | set(got.failures)
    differing = {
        n: (got.values[n], float(v)) for n, v in expected.items() if not same(got.values[n], float(v))
    }
    assert not differing


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_equals_pyradiomics_bit_for_bit(name, dtype, case, reference):
    image, mask = case
    image = type(image)(image.array.astype(dtype), image.geometry)
    graph = Spec.from_dict({"featureClass": {"shape": [], **TEXTURE, "glszm": []}, **DOCUMENTS[name]}).graph(
        "roi"
    )
    got = PyRadiomics().vector(image, mask, graph)
    assert not got.failures
    document = {"featureClass": {"shape": [], **TEXTURE, "glszm": []}, **DOCUMENTS[name]}
    assert_same(got, reference(document, (image, mask)))


def test_flat_region_has_two_dimensional_shape(flat_case, reference):
    document = {"featureClass": {"shape2D": [], "glcm": []}, "setting": {"force2D": True}}
    got = PyRadiomics().vector(*flat_case, Spec.from_dict(document).graph("roi"))
    assert not got.failures
    assert_same(got, reference(document, flat_case))


def test_values_come_in_the_order_of_the_spec(case):
    names = ["wavelet-HHL_glcm_Imc1", "original_shape_Sphericity", "original_firstorder_Mean"]
    got = PyRadiomics().vector(*case, Spec.from_dict({"features": names}).graph("roi"))
    assert list(got.values) == names


FULL = Spec.from_dict(
    {"imageType": {"Original": {}, "Wavelet": {}}, "setting": {"voxelArrayShift": 10}}
).graph("roi")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(st.sampled_from(FULL.names), min_size=1, max_size=12))
def test_a_feature_does_not_depend_on_what_else_is_asked_for(names, tiny_case):
    engine = PyRadiomics()
    everything = engine.vector(*tiny_case, FULL)
    some = engine.vector(*tiny_case, FULL.only(names))
    assert set(some.values) == names
    assert all(same(some.values[name], everything.values[name]) for name in names)


def test_an_image_too_small_for_log_is_a_failure_with_the_librarys_words(tiny_case):
    spec = Spec.from_dict({"features": ["log-sigma-30-0-mm-3D_glcm_Imc1", "original_glcm_Imc1"]})
    got = PyRadiomics().vector(*tiny_case, spec.graph("roi"))
    assert np.isnan(got.values["log-sigma-30-0-mm-3D_glcm_Imc1"])
    assert "must be greater than the size" in got.failures["log-sigma-30-0-mm-3D_glcm_Imc1"]
    assert list(got.failures) == ["log-sigma-30-0-mm-3D_glcm_Imc1"]


def test_what_the_library_raises_is_recorded_and_the_rest_goes_on(tiny_case, monkeypatch):
    from radiomics.glcm import RadiomicsGLCM

    def broken(self):
        raise ZeroDivisionError("no pairs\nat all")

    monkeypatch.setattr(RadiomicsGLCM, "getImc1FeatureValue", broken)
    spec = Spec.from_dict({"features": ["original_glcm_Imc1", "original_glcm_Contrast"]})
    got = PyRadiomics().vector(*tiny_case, spec.graph("roi"))
    assert got.failures == {"original_glcm_Imc1": "ZeroDivisionError: no pairs at all"}
    assert np.isfinite(got.values["original_glcm_Contrast"])


def test_running_out_of_memory_is_not_the_features_failure(tiny_case, monkeypatch):
    from radiomics.glcm import RadiomicsGLCM

    def exhausted(self):
        raise MemoryError

    monkeypatch.setattr(RadiomicsGLCM, "getImc1FeatureValue", exhausted)
    graph = Spec.from_dict({"features": ["original_glcm_Imc1"]}).graph("roi")
    with pytest.raises(MemoryError):
        PyRadiomics().vector(*tiny_case, graph)


def test_complex_eigenvalues_become_real(tiny_case, monkeypatch):
    graph = Spec.from_dict({"featureClass": {"shape": []}}).graph("roi")
    plain = PyRadiomics().vector(*tiny_case, graph)
    real = np.linalg.eigvals
    monkeypatch.setattr(np.linalg, "eigvals", lambda matrix: real(matrix).astype(complex))  # numpy ≥ 2.5
    assert PyRadiomics().vector(*tiny_case, graph).values == plain.values


def test_features_that_disagree_about_a_setting_keep_their_own(tiny_case):
    fine, coarse = (
        Spec.from_dict({"features": ["original_glcm_Imc1"], "setting": {"binWidth": width}}).graph("roi")
        for width in (5, 50)
    )
    [one], [other] = fine.features, (replace(f, name="coarse") for f in coarse.features)
    both = replace(fine, features=(one, other))
    got = PyRadiomics().vector(*tiny_case, both).values
    assert got["original_glcm_Imc1"] == PyRadiomics().vector(*tiny_case, fine).values["original_glcm_Imc1"]
    assert got["coarse"] == PyRadiomics().vector(*tiny_case, coarse).values["original_glcm_Imc1"]


def test_bands_of_lbp3d_are_told_apart(tiny_case, monkeypatch):
    from radstore.engines.pyradiomics.library import imageoperations

    def fake(image, mask, **settings):
        assert settings["lbp3DLevels"] >= 2  # the library fails with one
        for number, name in enumerate(("m1", "m2", "k")):
            yield image * 0 + number, f"lbp-3D-{name}", settings

    monkeypatch.setattr(imageoperations, "getLBP3DImage", fake)
    names = [f"lbp-3D-{band}_firstorder_Mean" for band in ("k", "m1", "m2")]
    got = PyRadiomics().vector(*tiny_case, Spec.from_dict({"features": names}).graph("roi"))
    assert list(got.values.values()) == [2.0, 0.0, 1.0]


def test_each_filter_is_computed_once(tiny_case, monkeypatch):
    from radstore.engines.pyradiomics.library import imageoperations

    calls = []
    once = imageoperations.getWaveletImage
    monkeypatch.setattr(imageoperations, "getWaveletImage", lambda *a, **k: calls.append(1) or once(*a, **k))
    names = [
        f"wavelet-{band}_{f}" for band in ("LLH", "HHH", "LLL") for f in ("glcm_Imc1", "firstorder_Mean")
    ]
    PyRadiomics().vector(*tiny_case, Spec.from_dict({"features": names}).graph("roi"))
    assert calls == [1]
