"""The library has the last word: what it accepts we accept, and we name what it names."""

from __future__ import annotations

import logging
import math
import warnings

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import example, given, settings
from hypothesis import strategies as st

from radstore.engines.pyradiomics.library import library
from radstore.errors import SpecError
from radstore.spec import Spec
from radstore.spec.settings import STAGES, TYPES, section
from radstore.spec.types import choices
from radstore.texture.names import FEATURES, FILTERS
from radstore.yaml_file import parse_yaml


def they_accept(document) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import radiomics
        from pykwalify.core import Core
        from pykwalify.errors import PyKwalifyException

        logging.getLogger("pykwalify").setLevel(logging.CRITICAL + 1)
        schema, functions = radiomics.getParameterValidationFiles()
        try:
            Core(source_data=document, schema_files=[schema], extensions=[functions]).validate()
        except (PyKwalifyException, TypeError, ValueError):
            return False
    return True


def we_accept(document) -> bool:
    try:
        Spec.from_dict(document)
    except SpecError:
        return False
    return True


BOTH_ACCEPT = [
    {"setting": {}},
    {"imageType": {}},
    {"featureClass": {}},
    {"featureClass": {"glcm": None}},
    {"featureClass": {"glcm": []}},
    {"featureClass": {"glcm": ["Imc1", "Imc1"]}},
    {"featureClass": {"firstorder": ["StandardDeviation"], "shape": ["Compactness1"]}},
    {"featureClass": {family: [] for family in FEATURES}},
    {"imageType": {name: {} for name in FILTERS if name != "LoG"}},
    {"imageType": {"LoG": {"sigma": [1, 2.5]}, "Wavelet": {"level": 2, "start_level": 1, "wavelet": "db4"}}},
    {"setting": {"binWidth": 25, "binCount": None, "weightingNorm": None, "interpolator": None}},
    {"setting": {"resegmentRange": None, "minimumROISize": None, "geometryTolerance": None}},
    {"setting": {"resegmentRange": [-3], "resegmentMode": "sigma"}},
    {"setting": {"interpolator": 10, "label": 4, "label_channel": 2, "additionalInfo": False}},
    {"voxelSetting": {"kernelRadius": 2, "maskedKernel": True, "initValue": math.nan, "voxelBatch": 1000}},
]

BOTH_REFUSE = [
    {"setting": None},
    {"imageType": None},
    {"featureClass": None},
    {"voxelSetting": None},
    {"setting": [1]},
    {"imageType": ["Original"]},
    {"featureClass": ["glcm"]},
    {"features_": []},
    {"imageType": {"Original": None}},
    {"imageType": {"Original": [1]}},
    {"imageType": {"Original": {"foo": 1}}},
    {"imageType": {"Original": {"kernelRadius": 1}}},
    {"imageType": {"Original": {"binWidth": "a"}}},
    {"imageType": {"LoG": {"sigma": [-1]}}},
    {"imageType": {"Log": {"sigma": [1]}}},
    {"featureClass": {"glmc": []}},
    {"featureClass": {"glcm": "Imc1"}},
    {"featureClass": {"glcm": ["Imc3"]}},
    {"setting": {"kernelRadius": 1}},
    {"voxelSetting": {"binWidth": 1}},
    {"setting": {1: 2}},
    {"setting": {"interpolator": "linear"}},
    {"setting": {"wavelet": "coif99"}},
    {"setting": {"weightingNorm": 3}},
]

# Every case in which we differ, and why.
ONLY_THEY_ACCEPT = [
    ({"setting": {"binWidth": "25"}}, "a text is no number"),
    ({"setting": {"interpolator": True}}, "a truth value is no number"),
    ({"setting": {"binWidth": None}}, "it fails later, in every case"),
    ({"setting": {"label": None}}, "it fails later, in every case"),
    ({"voxelSetting": {"initValue": None}}, "it fails later, in every case"),
    ({"setting": {"binWidth": math.nan}}, "no bin is that wide"),
    ({"setting": {"binWidth": math.inf}}, "no bin is that wide"),
    ({"setting": {"resegmentRange": [-math.inf, 100.0]}}, "no infinity in a plain JSON document"),
    ({"setting": {"resegmentRange": [1, 2, 3]}}, "it fails later, in every case"),
    ({"setting": {"resegmentRange": []}}, "it fails later, in every case"),
    ({"setting": {"resampledPixelSpacing": [1, 1]}}, "images have three axes"),
    ({"setting": {"resampledPixelSpacing": [1, None, 1]}}, "it fails later, in every case"),
    ({"setting": {"distances": []}}, "no neighbours, no matrix"),
    ({"setting": {"distances": [1, 1]}}, "the same neighbours twice: gldm would count them so"),
    ({"setting": {"wavelet": "mexh"}}, "a continuous wavelet has no stationary transform"),
    ({"imageType": {"LoG": {}}}, "LoG without sigma gives no image, silently"),
    ({"imageType": {"LoG": {"sigma": []}}}, "LoG without sigma gives no image, silently"),
    ({"imageType": {"Original": {"label": 2}}}, "one filter would describe another region"),
    ({"featureClass": {"glcm": ["SumVariance"]}}, "withdrawn: it gives no value, silently"),
    ({"featureClass": {"shape2D": []}}, "nothing is left without force2D"),
]
ONLY_WE_ACCEPT = [
    ({"voxelSetting": {"voxelBatch": -1}}, "the default, written out"),
    ({"ibsi": True, "setting": {"boundary": "zero", "rotationInvariant": True}}, "ours"),
    ({"setting": {"windowLevel": 40, "windowWidth": 400}}, "ours"),
    ({"features": ["original_glcm_Imc1"], "region": "pancreas", "maps": True}, "ours"),
]


@pytest.mark.parametrize("document", BOTH_ACCEPT, ids=str)
def test_both_accept(document):
    assert they_accept(document)
    assert we_accept(document)


@pytest.mark.parametrize("document", BOTH_REFUSE, ids=str)
def test_both_refuse(document):
    assert not they_accept(document)
    assert not we_accept(document)


@pytest.mark.parametrize(("document", "why"), ONLY_THEY_ACCEPT, ids=str)
def test_we_are_stricter_on_purpose(document, why):
    assert they_accept(document)
    assert not we_accept(document)


@pytest.mark.parametrize(("document", "why"), ONLY_WE_ACCEPT, ids=str)
def test_we_are_wider_on_purpose(document, why):
    assert not they_accept(document)
    assert we_accept(document)


def differs_on_purpose(name, value) -> bool:
    """Whether a single setting falls under one of the lists above."""
    if name == "resampledPixelSpacing" and isinstance(value, list):
        return len(value) != 3
    if name == "resegmentRange" and isinstance(value, list):
        return not 1 <= len(value) <= 2
    if name == "distances" and isinstance(value, list):
        return len(set(value)) < max(1, len(value))
    return (name, value) == ("voxelBatch", -1) or (name == "interpolator" and value is True)


PLAIN = st.one_of(st.booleans(), st.integers(-2, 12), st.floats(-5, 5), st.sampled_from(["", "foo", "sigma"]))
OURS = {"ibsi", "boundary", "rotationInvariant", "windowLevel", "windowWidth"}
THEIRS = [name for name in STAGES if name not in OURS]


@st.composite
def single_settings(draw):
    name = draw(st.sampled_from(THEIRS))
    values = [PLAIN, st.lists(st.one_of(st.integers(-1, 3), st.floats(-5, 5)), max_size=4)]
    if words := choices(TYPES[name]):
        values.append(st.sampled_from(words))
    value = draw(st.one_of(values))
    return name, value


@settings(max_examples=120, deadline=None)
@given(single_settings())
@example(("normalizeScale", 1))
@example(("resampledPixelSpacing", [1, 1.5, 0]))
def test_a_file_of_one_setting(single):
    name, value = single
    if not differs_on_purpose(name, value):
        document = {section(name): {name: value}}
        assert we_accept(document) == they_accept(document)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.integers().map(str),
        st.floats().map(str),
        st.from_regex(r"\A[-+]?[0-9]{1,3}\.?[0-9]{0,3}([eE][-+]?[0-9]{1,2})?\Z"),
        st.sampled_from(["true", "True", "yes", "no", "on", "off", "null", "~"]),
        st.sampled_from(["0x1F", "0o17", "010", ".5", "5.", "1e-5", "1E5", ".nan", ".inf", "-.inf"]),
    )
)
def test_scalars_mean_what_they_mean_to_pyradiomics(text):
    """PyRadiomics reads YAML 1.2: 1e-5 is a number, and yes is a word."""
    from ruamel.yaml import YAML

    theirs = YAML(typ="safe", pure=True).load(f"a: {text}\n")["a"]
    ours = parse_yaml(f"a: {text}\n", "text", SpecError)[0]["a"]
    assert type(ours) is type(theirs)
    assert ours == theirs or (math.isnan(ours) and math.isnan(theirs))


@pytest.fixture(scope="module")
def block():
    values = np.random.default_rng(0).normal(0, 100, (9, 10, 11)).astype("int16")
    mask = np.zeros(values.shape, "uint8")
    mask[2:7, 2:8, 3:8] = 1
    return sitk.GetImageFromArray(values), sitk.GetImageFromArray(mask)


@pytest.fixture(scope="module")
def slab(block):
    image, _ = block
    mask = np.zeros(image.GetSize()[::-1], "uint8")
    mask[4, 2:8, 3:8] = 1
    return image, sitk.GetImageFromArray(mask)


def their_names(document, case) -> tuple[str, ...]:
    with library():
        from radiomics.featureextractor import RadiomicsFeatureExtractor

        extractor = RadiomicsFeatureExtractor(document)
        return tuple(name for name in extractor.execute(*case) if not name.startswith("diagnostics_"))


ONE = {"firstorder": ["Mean"], "glcm": ["Imc2", "Imc1"]}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"imageType": {"Original": {}}, "featureClass": {"glcm": None, "shape": [], "firstorder": []}},
        {"imageType": {"LoG": {"sigma": [1, 2.0, 0.5, 1.25]}}, "featureClass": ONE},
        {"imageType": {"LoG": {}}, "featureClass": ONE, "setting": {"sigma": [1.0, 1.0]}},
        {"imageType": {"Wavelet": {}}, "featureClass": ONE},
        {"imageType": {"Wavelet": {"level": 2, "start_level": 1}}, "featureClass": ONE},
        {"imageType": {"Wavelet": {"level": 3, "force2D": True}}, "featureClass": ONE},
        {
            "imageType": {
                name: {}
                for name in (
                    "LBP2D",
                    "Gradient",
                    "Exponential",
                    "Logarithm",
                    "SquareRoot",
                    "Square",
                    "Original",
                )
            },
            "featureClass": {"shape": ["Sphericity", "Elongation"], **ONE, "ngtdm": []},
        },
        {"featureClass": {"firstorder": ["StandardDeviation", "Mean", "Mean"], "shape": ["Compactness2"]}},
        {"featureClass": {"shape2D": [], **ONE}},
    ],
    ids=str,
)
def test_names_and_their_order(document, block):
    assert Spec.from_dict(document).names == their_names(document, block)


@pytest.mark.parametrize(
    "document",
    [
        {"setting": {"force2D": True}},
        {
            "setting": {"force2D": True},
            "featureClass": {**ONE, "shape2D": ["SphericalDisproportion"], "shape": []},
        },
        {
            "setting": {"force2D": True},
            "featureClass": ONE,
            "imageType": {"Wavelet": {"level": 2}, "LBP2D": {}},
        },
    ],
    ids=str,
)
def test_names_and_their_order_in_one_plane(document, slab):
    assert Spec.from_dict(document).names == their_names(document, slab)
