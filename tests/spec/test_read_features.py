"""Lists of exact names, and the cross product of classes and images."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.spec import Spec
from radstore.spec.columns import images
from radstore.spec.settings import Settings
from radstore.texture.names import FEATURES, FILTERS, default_features, every_feature, has_map

IMAGES = [i.name for kind in FILTERS for i in images(kind, Settings(sigma=(1, 4.0), level=2))]
NAMES = [
    f"{image}_{feature.family}_{feature.name}"
    for image in IMAGES
    for feature in every_feature()
    if feature.status != "withdrawn" and (has_map(feature.family) or image == "original")
    if feature.family != "shape2D"
]


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=20, unique=True))
def test_exact_names_are_the_columns_in_their_order(names):
    assert list(Spec.from_dict({"features": names}).names) == names


def test_a_column_knows_its_parts(load):
    spec = load(
        "features: [wavelet2-HLL_ngtdm_Strength, log-sigma-4-mm-3D_glcm_MCC, original_shape_Flatness]\n"
        "imageType: {Original: {binWidth: 1}, LoG: {binWidth: 2}}"
    )
    wavelet, log, shape = spec.columns
    assert (wavelet.image_type, wavelet.family, wavelet.feature) == ("Wavelet", "ngtdm", "Strength")
    assert (wavelet.level, wavelet.band, wavelet.sigma) == (2, "HLL", None)
    assert (log.image_type, log.sigma, log.settings.binWidth) == ("LoG", 4.0, 2.0)
    assert (shape.image_type, shape.family, shape.settings) == ("Original", "shape", spec.settings)


def test_wavelet_bands_fit_the_plane(load, refusal):
    flat = "setting: {force2D: true}\n"
    assert load(flat + "features: [wavelet-LH_glcm_Imc1]").columns[0].band == "LH"
    assert load("imageType: {Wavelet: {force2D: true}}\nfeatures: [wavelet-LH_glcm_Imc1]").names
    assert "no wavelet band with force2D" in refusal(flat + "features: [wavelet-LLH_glcm_Imc1]")
    told = refusal("features: [wavelet-LH_glcm_Imc1]")
    assert "no wavelet band without force2D" in told
    assert "The bands are: LLL, LLH, LHL, LHH, HLL, HLH, HHL, HHH" in told


def test_shape2d_needs_a_plane(load, refusal):
    name = "features: [original_shape2D_Sphericity]\n"
    assert load(name + "setting: {force2D: true}").names == ("original_shape2D_Sphericity",)
    assert "Set force2D: true" in refusal(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("original_glcm_Corelation", "Did you mean 'Correlation'? glcm has: Autocorrelation"),
        ("original_GLCM_Imc1", "there is no feature class \"GLCM\"\n  → Did you mean 'glcm'?"),
        ("wavelet-LLX_glcm_Imc1", "there is no image \"wavelet-LLX\"\n  → Did you mean 'wavelet-LLL'?"),
        ("wavelet1-LLH_glcm_Imc1", "Did you mean 'wavelet-LLH'? Images are: original, log-sigma"),
        ("glcm_Imc1", "is not <image>_<class>_<feature>\n  → Did you mean 'original_glcm_Imc1'?"),
        ("wavelet-LLH_shape_Sphericity", "Write original_shape_Sphericity"),
        ("original_glcm_SumVariance", "Use glcm_ClusterTendency, which is the same number"),
        ("original_gldm_DependencePercentage", "gldm_DependencePercentage is withdrawn"),
        ("original_glcm_Imc1", "original_glcm_Imc1 stands there twice"),
        ("3", "3 is not a feature's name"),
        ("{glcm: Imc1}", "is not a feature's name"),
    ],
)
def test_a_name_is_refused_with_its_line_and_a_remedy(refusal, name, said):
    told = refusal(f"features:\n  - original_glcm_Imc1\n  - {name}\n")
    assert "mine.yaml, line 3: " in told
    assert said in told
    assert "→" in told


@pytest.mark.parametrize("value", ["null", "original_glcm_Imc1", "{original_glcm_Imc1: true}"])
def test_features_must_be_a_list(refusal, value):
    assert "not a list" in refusal(f"features: {value}")


def test_the_default_is_every_class_on_the_original(load):
    spec = load("setting: {}")
    assert len(spec.columns) == 93 + 14
    assert spec.notes == ("shape2D is left out: its features exist only with force2D: true",)
    assert len(load("setting: {force2D: true}").columns) == 93 + 14 + 9


def test_an_empty_class_is_all_of_it(load):
    for empty in ("null", "[]"):
        names = load(f"featureClass: {{glcm: {empty}}}").names
        assert names == tuple(f"original_glcm_{name}" for name in default_features("glcm"))


def test_a_deprecated_feature_comes_when_named(load):
    named = load("featureClass: {firstorder: [StandardDeviation]}")
    assert named.names == ("original_firstorder_StandardDeviation",)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("GLCM: []", "there is no feature class \"GLCM\"\n  → Did you mean 'glcm'?"),
        ("glcm: Imc1", 'glcm is "Imc1", not a list of features\n  → Write `glcm: []`'),
        ("glcm: [imc1]", "glcm has no feature \"imc1\"\n  → Did you mean 'Imc1'?"),
        ("glcm: [[Imc1]]", 'glcm has no feature ["Imc1"]'),
        ("glcm: [Homogeneity1]", "Use glcm_Id, which is the same number"),
    ],
)
def test_a_class_is_refused_with_its_line_and_a_remedy(refusal, entry, said):
    told = refusal(f"featureClass:\n  shape: []\n  {entry}\n")
    assert "mine.yaml, line 3: " in told
    assert said in told


def test_log_needs_sigma(load, refusal):
    assert "LoG has no sigma" in refusal("imageType: {LoG: {}}")
    one = "featureClass: {glcm: [Imc1]}\n"
    assert load(one + "imageType: {LoG: {}}\nsetting: {sigma: [2]}").names == ("log-sigma-2-mm-3D_glcm_Imc1",)
    assert load(one + "imageType: {LoG: {sigma: [1.0]}}\nsetting: {sigma: [2]}").names == (
        "log-sigma-1-0-mm-3D_glcm_Imc1",
    )


def test_what_stands_twice_in_a_parameter_file_is_computed_once(load):
    spec = load("featureClass: {glcm: [Imc1, Imc2, Imc1]}\nimageType: {LoG: {sigma: [1.0, 1.0]}}")
    assert spec.names == ("log-sigma-1-0-mm-3D_glcm_Imc1", "log-sigma-1-0-mm-3D_glcm_Imc2")
    assert len(spec.notes) == 2


def test_nothing_left_is_refused(refusal):
    assert "no feature is left" in refusal("features: []")
    told = refusal("featureClass: {shape2D: []}")
    assert "no feature is left" in told
    assert "shape2D is left out" in told


def test_every_family_can_be_asked_for(load):
    for family in FEATURES:
        assert load(f"featureClass: {{{family}: []}}\nsetting: {{force2D: true}}").names
