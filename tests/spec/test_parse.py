"""A spec's file as a whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

from radstore.errors import SpecError
from radstore.spec import Spec, load_spec


def test_named_after_its_file(load):
    spec = load("features: [original_glcm_Imc1]\nregion: pancreas\nmaps: true")
    assert (spec.name, spec.region, spec.maps) == ("mine", "pancreas", True)
    assert (load("maps: false").region, load("region: null").maps) == (None, False)


def test_json_is_yaml(load):
    assert load('{"featureClass": {"glcm": ["Imc1"]}}').names == ("original_glcm_Imc1",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("- original_glcm_Imc1\n", "is not a mapping"),
        ("features\n", '"features" is not a mapping'),
        ("setting: {binWidth: [1\n", "not YAML"),
        ("maps: true\nfeature: []\n", "line 2: there is no key \"feature\"\n  → Did you mean 'features'?"),
        ("maps: true\nbinWidth: 5\n", "line 2: binWidth does not belong here\n  → Put it under `setting:`"),
        ("setting:\n  binWidth: 5\n  binWidth: 6\n", "line 3: the key 'binWidth' stands there twice"),
        ("features: [original_glcm_Imc1]\nfeatureClass: {}\n", "line 2: featureClass stands beside features"),
        ("maps: yes\n", 'line 1: maps is "yes"'),
        ("maps: null\n", "line 1: maps is null"),
        ("region: [pancreas]\n", 'line 1: region is ["pancreas"], not a name'),
        ("region: ''\n", "not a name"),
    ],
)
def test_a_file_is_refused_with_its_line_and_a_remedy(refusal, text, said):
    told = refusal(text)
    assert said in told
    assert "mine.yaml" in told
    assert "→" in told


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(SpecError, match=r"gone\.yaml"):
        load_spec(tmp_path / "gone.yaml")
    with pytest.raises(SpecError):
        load_spec(tmp_path)
    binary = tmp_path / "image.yaml"
    binary.write_bytes(b"\x93NUMPY\xff")
    with pytest.raises(SpecError, match=r"image\.yaml"):
        load_spec(binary)


def test_all_problems_are_told_at_once_and_in_the_order_of_lines(refusal):
    told = refusal(
        "features:\n  - original_glcm_Imc3\n  - original_glcm\n"
        "setting: {binWidth: -1, gldm_b: 0}\nimageType: {Lbp2d: {}}\nmap: true\n"
    )
    lines = [line.split(": ")[0] for line in told.splitlines() if not line.startswith("  →")]
    assert [place.split(", ")[-1] for place in lines] == [
        "line 2",
        "line 3",
        "line 4",
        "line 4",
        "line 5",
        "line 6",
    ]
    assert told.count("→") == 6


def test_settings_that_a_list_of_names_makes_idle_are_remarked(load):
    spec = load(
        "features: [log-sigma-1-0-mm-3D_glcm_Imc1]\n"
        "imageType: {LoG: {sigma: [3.0]}, Gradient: {}}\nsetting: {level: 2}"
    )
    assert "imageType.Gradient has no effect: no feature in the list is of that type" in spec.notes
    assert sum("follows from their names" in note for note in spec.notes) == 2
    assert spec.columns[0].sigma == 1.0


def test_maps_of_shape_alone_are_remarked(load):
    spec = load("features: [original_shape_Sphericity]\nmaps: true")
    assert "shape features have no map" in spec.notes[0]
    assert not spec.has_maps


def test_a_dictionary_is_told_by_key_and_left_alone():
    document = {"features": ["original_glcm_Imc1"], "setting": {"binWidth": 10}}
    spec = Spec.from_dict(document, name="quick")
    assert (spec.name, spec.settings.binWidth) == ("quick", 10)
    assert document == {"features": ["original_glcm_Imc1"], "setting": {"binWidth": 10}}
    with pytest.raises(SpecError, match=r"quick, setting\.binWidth: binWidth is 0"):
        Spec.from_dict({"setting": {"binWidth": 0}}, name="quick")
    with pytest.raises(SpecError, match=r"features\.0"):
        Spec.from_dict({"features": ["a"]})


def test_importing_it_is_light():
    code = (
        "import sys, radstore.spec;"
        "heavy = {'SimpleITK', 'radiomics', 'pandas', 'dask', 'zarr', 'matplotlib', 'pywt', 'scipy'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_provenance_is_kept_and_not_hashed(load, refusal) -> None:
    text = "features: [original_glcm_Imc1]\n"
    plain = load(text)
    told = load(text + "provenance: {by: hand, scores: {auroc: 0.9}}\n")
    assert told.provenance == {"by": "hand", "scores": {"auroc": 0.9}}
    assert plain.provenance == {}
    assert (told.hash, told.document, told) == (plain.hash, plain.document, plain)
    assert "provenance is 3, not a mapping" in refusal(text + "provenance: 3\n")
