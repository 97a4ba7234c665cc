"""``--set``: the same as writing it into the file, and told as what it is."""

from __future__ import annotations

import pytest

BASE = "featureClass: {glcm: [Imc1]}\nsetting: {binWidth: 10}\n"


@pytest.mark.parametrize(
    ("override", "written"),
    [
        ("setting.binWidth=25", "featureClass: {glcm: [Imc1]}\nsetting: {binWidth: 25}"),
        ("setting.binWidth = 25 ", "featureClass: {glcm: [Imc1]}\nsetting: {binWidth: 25}"),
        ("setting.geometryTolerance=1e-3", BASE.replace("10}", "10, geometryTolerance: 0.001}")),
        (
            "setting.resampledPixelSpacing=[1,1,2.5]",
            BASE.replace("10}", "10, resampledPixelSpacing: [1, 1, 2.5]}"),
        ),
        ("imageType.LoG.sigma=[1.0]", BASE + "imageType: {LoG: {sigma: [1.0]}}"),
        ("voxelSetting={kernelRadius: 2}", BASE + "voxelSetting: {kernelRadius: 2}"),
        ("featureClass.glcm=[MCC]", BASE.replace("Imc1", "MCC")),
        ("maps=true", BASE + "maps: true"),
        ("region=lesion", BASE + "region: lesion"),
    ],
)
def test_an_override_is_what_the_file_would_say(load, override, written):
    assert load(BASE, override) == load(written)


def test_a_later_override_wins(load):
    assert load(BASE, "setting.binWidth=25", "setting.binWidth=5").settings.binWidth == 5


def test_another_number_is_another_spec(load):
    assert load(BASE, "setting.binWidth=25").hash != load(BASE).hash
    assert load(BASE, "setting.binWidth=10.0").hash == load(BASE).hash


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("setting.binWidth", "not of the form path=value"),
        ("=3", "not of the form path=value"),
        ("setting..binWidth=3", "not of the form path=value"),
        ("setting.binWidth=[1", "not YAML"),
        ("setting.binWidth=wide", 'binWidth is "wide", and takes a number above 0'),
        ("setting.binWdith=3", "Did you mean 'binWidth'?"),
        ("binWidth=3", "Put it under `setting:` (setting.binWidth)"),
        ("settings.binWidth=3", "Did you mean 'setting'?"),
        ("setting.binWidth.of=3", "there is no mapping at 'setting.binWidth'"),
        ("imageType.Log.sigma=[1]", "Did you mean 'LoG'?"),
        ("setting.binWidth=", "Leave the line out"),
    ],
)
def test_a_bad_override_names_itself(refusal, override, said):
    told = refusal(BASE, override)
    assert f"--set {override}" in told
    assert said in told
    assert "→" in told
