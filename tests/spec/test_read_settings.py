"""Sections of settings: what is taken, what is refused and where, what is remarked."""

from __future__ import annotations

import pytest

from radstore.spec import Settings


def settings_of(spec, image_type):
    return next(c.settings for c in spec.columns if c.image_type == image_type and c.family != "shape")


def test_nothing_said_is_the_default(load):
    assert load("featureClass: {}").settings == Settings()


def test_values_arrive(load):
    settings = load(
        "setting: {binWidth: 10, resampledPixelSpacing: [1, 1, 0], geometryTolerance: 1e-3}\n"
        "voxelSetting: {kernelRadius: 2, initValue: .nan}"
    ).settings
    assert settings.binWidth == 10.0
    assert settings.resampledPixelSpacing == (1.0, 1.0, 0.0)
    assert settings.geometryTolerance == 0.001
    assert settings.kernelRadius == 2


def test_an_image_type_overrules_the_file(load):
    spec = load("imageType: {Original: {}, LBP2D: {binWidth: 1}}\nsetting: {binWidth: 20, gldm_a: 1}")
    assert settings_of(spec, "Original").binWidth == 20
    assert settings_of(spec, "LBP2D") == Settings(binWidth=1, gldm_a=1)
    assert spec.settings.binWidth == 20


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("binWidth: '20'", 'binWidth is "20", and takes a number above 0'),
        ("binWidth: true", "binWidth is true"),
        ("binWidth: 0", "binWidth is 0"),
        ("binWidth: .inf", "binWidth is Infinity"),
        ("binWidth: null", "Leave the line out for the default, 25"),
        ("binWidth: [1]", "binWidth is [1]"),
        ("binCount: 16.0", "binCount is 16.0, and takes a whole number, 1 or more, or null"),
        ("normalize: 1", "normalize is 1, and takes true or false"),
        ("normalize: yes", 'normalize is "yes"'),
        ("distances: []", "distances is []"),
        ("distances: [1.5]", "distances is [1.5]"),
        ("sigma: 2", "sigma is 2, and takes a list of numbers above 0"),
        ("resampledPixelSpacing: [1, 1]", "takes three numbers"),
        ("resegmentRange: [1, 2, 3]", "a list of one or two finite numbers"),
        ("force2Ddimension: 3", "0 (z), 1 (y) or 2 (x)"),
        ("interpolator: 11", "interpolator is 11"),
        ("interpolator: linear", "Did you mean 'sitkLinear'?"),
        ("weightingNorm: euclid", "Did you mean 'euclidean'? It can be: manhattan, euclidean"),
        ("wavelet: coif_1", "Did you mean 'coif1'?"),
        ("wavelet: mexh", 'wavelet cannot be "mexh"'),
        ("resegmentMode: abs", "It can be: absolute, relative, sigma"),
        ("binWdith: 20", "there is no setting \"binWdith\"\n  → Did you mean 'binWidth'? There are: label"),
        ("3: 20", "there is no setting 3"),
        ("kernelRadius: 2", "kernelRadius does not belong here\n  → Put it under `voxelSetting:`"),
        ("windowLevel: 40", "windowLevel and windowWidth go together"),
        ("windowWidth: 400", "windowLevel and windowWidth go together"),
    ],
)
def test_a_setting_is_refused_with_its_line_and_a_remedy(refusal, line, said):
    told = refusal(f"# a comment\nsetting:\n  padDistance: 5\n  {line}\n")
    assert "mine.yaml, line 4: " in told
    assert said in told
    assert "→" in told


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("Log: {}", "there is no image type \"Log\"\n  → Did you mean 'LoG'? There are: Original"),
        ("LoG:", "LoG is null, not a mapping of settings\n  → Write `LoG: {}`"),
        ("LoG: [1.0]", "LoG is [1.0], not a mapping"),
        ("LBP2D: {binwidth: 1}", "Did you mean 'binWidth'? There are: lbp2DRadius"),
        ("LBP2D: {binWidth: one}", 'binWidth is "one"'),
        ("LBP2D: {kernelRadius: 1}", "Put it under `voxelSetting:`"),
        ("LBP2D: {label: 2}", "label cannot differ between image types"),
    ],
)
def test_an_image_type_is_refused_with_its_line_and_a_remedy(refusal, entry, said):
    told = refusal(f"imageType:\n  Original: {{}}\n  {entry}\n")
    assert "mine.yaml, line 3: " in told
    assert said in told


@pytest.mark.parametrize("section", ["setting", "voxelSetting", "imageType", "featureClass"])
@pytest.mark.parametrize("value", ["null", "3", "[a]", "text"])
def test_a_section_must_be_a_mapping(refusal, section, value):
    assert f"line 1: {section} is " in refusal(f"{section}: {value}\n")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "imageType: {Gradient: {resampledPixelSpacing: [1, 1, 1]}}",
            "imageType.Gradient.resampledPixelSpacing has no effect there: it acts before any filter",
        ),
        (
            "imageType: {Original: {sigma: [1.0]}}",
            "imageType.Original.sigma has no effect there: only LoG uses it",
        ),
        ("setting: {binWidth: 5, binCount: 16}", "binCount is given, so binWidth has no effect"),
        (
            "setting: {binCount: 16}\nimageType: {LBP2D: {binWidth: 1}}",
            "imageType.LBP2D.binWidth has no effect: binCount overrules it",
        ),
        (
            "voxelSetting: {initValue: 0}",
            "initValue has no effect: maps are NaN outside the region, and where undefined",
        ),
    ],
)
def test_a_setting_without_effect_is_remarked_and_changes_nothing(load, text, note):
    spec = load(text)
    assert note in spec.notes
    assert spec.settings.resampledPixelSpacing is None
    assert all(c.settings.resampledPixelSpacing is None for c in spec.columns)


def test_nan_as_initial_value_needs_no_remark(load):
    assert not any("initValue" in note for note in load("voxelSetting: {initValue: .nan}").notes)


def test_lbp_with_one_grey_level_is_remarked(load):
    def notes(own, features="[original_glcm_Imc1, lbp-2D_glcm_Imc1]"):
        return load(f"features: {features}\nimageType: {{LBP2D: {own}}}\nsetting: {{binWidth: 10}}").notes

    (note,) = notes("{}")
    assert "LBP2D holds the values 0 to 9, so binWidth 10 leaves it one grey level" in note
    assert "lbp-2D_glcm_Imc1 is the same for every image" in note
    assert notes("{binWidth: 1}") == ()
    assert notes("{binWidth: 9}") == ()  # the value 9 has a level of its own
    assert notes("{binCount: 4}") == ()
    assert notes("{lbp2DSamples: 16}") == ()
    assert notes("{lbp2DMethod: var}") == ()
    assert notes("{}", "[lbp-2D_firstorder_Mean]") == ()
    assert "and 1 other are" in notes("{}", "[lbp-2D_glcm_Imc1, lbp-2D_firstorder_Entropy]")[0]
