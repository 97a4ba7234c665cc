"""`Spec` as a value: what it is equal to, hashed by, and rebuilt from."""

from __future__ import annotations

import json
import pickle

import pytest

from radstore.spec import Settings, Spec
from radstore.spec.settings import IBSI_ONLY, STAGES, UNHASHED, section

FULL = """
features:
  - log-sigma-4-mm-3D_glcm_Correlation
  - wavelet2-LLH_glszm_ZoneEntropy
  - lbp-2D_glrlm_LongRunEmphasis
  - lbp-3D-m3_gldm_SmallDependenceEmphasis
  - original_shape_Sphericity
  - original_firstorder_StandardDeviation
imageType: {LBP2D: {binWidth: 1}, Original: {voxelArrayShift: 1000}}
setting: {binWidth: 20, resampledPixelSpacing: [1, 1, 2.5], windowLevel: 40, windowWidth: 400}
voxelSetting: {kernelRadius: 2, initValue: .nan}
maps: true
"""

# A value other than the default for every setting.
OTHER = {
    "ibsi": True,
    "label": 2,
    "label_channel": 1,
    "geometryTolerance": 0.1,
    "correctMask": True,
    "additionalInfo": False,
    "windowLevel": 40,
    "windowWidth": 400,
    "normalize": True,
    "normalizeScale": 100,
    "removeOutliers": 3,
    "resampledPixelSpacing": [1, 1, 1],
    "interpolator": "sitkLinear",
    "padDistance": 6,
    "preCrop": True,
    "minimumROIDimensions": 3,
    "minimumROISize": 10,
    "resegmentRange": [0, 100],
    "resegmentMode": "sigma",
    "resegmentShape": True,
    "boundary": "zero",
    "sigma": [3.0],
    "wavelet": "db2",
    "start_level": 1,
    "level": 2,
    "rotationInvariant": True,
    "gradientUseSpacing": False,
    "lbp2DRadius": 2,
    "lbp2DSamples": 16,
    "lbp2DMethod": "ror",
    "lbp3DLevels": 3,
    "lbp3DIcosphereRadius": 2,
    "lbp3DIcosphereSubdivision": 2,
    "force2D": True,
    "force2Ddimension": 1,
    "binWidth": 10,
    "binCount": 32,
    "voxelArrayShift": 1000,
    "distances": [1, 2],
    "symmetricalGLCM": False,
    "weightingNorm": "euclidean",
    "gldm_a": 1,
    "kernelRadius": 2,
    "maskedKernel": False,
    "initValue": 1,
    "voxelBatch": 100,
}


def with_setting(name, value):
    document = {"features": ["original_glcm_Imc1"], "ibsi": name in IBSI_ONLY}
    document |= {section(name): {name: value}} if section(name) else {name: value}
    if name in ("windowLevel", "windowWidth"):
        document["setting"] = {"windowLevel": 0, "windowWidth": 1} | document["setting"]
    return Spec.from_dict(document)


def test_every_setting_is_tried():
    assert OTHER.keys() == STAGES.keys()


@pytest.mark.parametrize("name", list(STAGES))
def test_the_hash_changes_with_what_can_change_a_number(name):
    same = with_setting(name, OTHER[name]).hash == with_setting(name, default(name)).hash
    assert same == (name in UNHASHED)


def default(name):
    value = Settings.model_fields[name].default
    if name in ("windowLevel", "windowWidth"):
        return 1
    return list(value) if isinstance(value, tuple) else value


def test_the_document_is_plain_json_and_a_spec_of_the_same_numbers(load):
    spec = load(FULL)
    document = json.loads(json.dumps(spec.document, allow_nan=False))
    assert document == spec.document
    again = Spec.from_dict(document, "again")
    assert again.document == spec.document
    assert again.hash == spec.hash
    assert recipes(again) == recipes(spec)
    assert again.maps == spec.maps


def recipes(spec):
    leaves = {"image": "i", "mask": "m"}
    return [spec.graph(mode).recipes(leaves, lambda op: "1") for mode in ("roi", "voxel")]


def test_ibsi_stands_in_the_document_only_where_it_is_true(load):
    plain, definitions = load(FULL), load(FULL, "ibsi=true")
    assert load(FULL, "ibsi=false").document == plain.document
    assert "ibsi" not in plain.document
    assert "boundary" not in plain.document["setting"]
    assert definitions.document["ibsi"] is True
    assert definitions.hash != plain.hash
    for norm in ("null", "manhattan"):
        spec = load(FULL, "ibsi=true", f"setting.weightingNorm={norm}")
        again = Spec.from_dict(json.loads(json.dumps(spec.document)))
        assert again.hash == spec.hash
        assert recipes(again) == recipes(spec)


def test_two_ways_of_saying_it_have_one_hash(load):
    crossed = load("imageType: {LoG: {sigma: [2.0], binWidth: 25}}\nfeatureClass: {glcm: [Imc2, Imc1]}")
    named = load(
        "# the same\nfeatures: [log-sigma-2-0-mm-3D_glcm_Imc2, log-sigma-2-0-mm-3D_glcm_Imc1]\n"
        "region: pancreas\nsetting: {label: 3, interpolator: 3, binWidth: 25.0}\n"
    )
    assert crossed.document == named.document
    assert crossed.hash == named.hash


def test_a_filters_settings_survive_a_shape_feature_before_them(load):
    spec = load(FULL)
    assert spec.document["imageType"] == {"LBP2D": {"binWidth": 1.0}, "Original": {"voxelArrayShift": 1000}}


def test_name_region_and_label_are_not_in_the_document(load):
    spec = load(FULL, "region=lesion", "setting.label=4")
    assert spec.hash == load(FULL).hash
    assert "region" not in spec.document
    assert "label" not in spec.document["setting"]


def test_pickles_and_equals_itself(load):
    spec = load(FULL)
    again = pickle.loads(pickle.dumps(spec))
    assert again == spec
    assert hash(again.columns) == hash(spec.columns)
    assert again.hash == spec.hash


def test_graph_follows_the_names(load):
    spec = load(FULL)
    assert spec.graph("roi").names == spec.names
    assert spec.graph("voxel").names == tuple(name for name in spec.names if "_shape_" not in name)
    assert spec.has_maps
    assert not load(FULL, "maps=false").has_maps
