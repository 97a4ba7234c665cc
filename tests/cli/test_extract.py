from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import yaml

import radstore
from radstore.cli import exits
from radstore.images.read import read_image

FEATURES = ["original_firstorder_Mean", "original_glcm_Imc1", "original_shape_Sphericity"]
CASE = ("images/P1_1.nii.gz", "labels/P1_1.nii.gz", "--features", "tiny.yaml")


def printed(out: str) -> dict[str, float]:
    return {name: float(value) for name, value in (line.split(": ") for line in out.splitlines())}


def test_one_line_a_feature(run: Any, built: Path) -> None:
    result = run("extract", *CASE)
    assert result.code == exits.OK
    assert list(printed(result.out)) == FEATURES
    assert (
        result.err
        == "engine cpu: the fastest that works here, before pyradiomics (cuda: CuPy is not installed)\n"
    )


def test_values_are_those_of_a_build(run: Any, built: Path) -> None:
    table = radstore.open("store").table("tiny@organ")["value"].sel(case="P1_1")
    values = printed(run("extract", *CASE).out)
    assert values == {name: float(table.sel(feature=name)) for name in FEATURES}


def by_pyradiomics(image: Path | str, mask: Path | str, params: dict[str, Any]) -> dict[str, float]:
    """What the library's own entry point gives (set up by hand: its file reader is full of warnings)."""
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    extractor = RadiomicsFeatureExtractor(**params["setting"])
    extractor.disableAllImageTypes()
    for image_type, settings in params["imageType"].items():
        extractor.enableImageTypeByName(image_type, customArgs=settings)
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(**params["featureClass"])
    done = extractor.execute(str(image), str(mask))
    return {name: float(value) for name, value in done.items() if not name.startswith("diagnostics")}


def test_values_are_pyradiomics_own(run: Any, site: Path) -> None:
    params = {
        "imageType": {"Original": {}, "Wavelet": {}, "LoG": {"sigma": [2.0]}},
        "featureClass": {"firstorder": ["Mean", "Skewness"], "glcm": [], "shape": ["Sphericity"]},
        "setting": {"binWidth": 15, "label": 1},
    }
    (site / "params.yaml").write_text(yaml.safe_dump(params))
    images = "images/P2_1.nii.gz", "labels/P2_1.nii.gz"
    ours = printed(run("extract", *images, "-f", "params.yaml").out)
    theirs = by_pyradiomics(*images, params)
    assert set(ours) == set(theirs)
    assert len(ours) > 200
    assert ours == pytest.approx(theirs, rel=1e-9, nan_ok=True)


def test_json(run: Any, built: Path) -> None:
    record = run("extract", *CASE, "--json").json
    assert set(record) == {
        "image",
        "mask",
        "label",
        "spec",
        "engine",
        "geometry",
        "features",
        "failures",
        "notes",
    }
    assert record["features"] == printed(run("extract", *CASE).out)
    assert record["image"] == CASE[0]


def test_nan_is_null_in_json_and_nan_on_paper(run: Any, built: Path) -> None:
    """Two voxels that do not touch have no co-occurrence."""
    arguments = (*CASE[:2], "-f", "flat.yaml", "--label", "2")
    record = run("extract", *arguments, "--json").json
    assert record["label"] == 2
    assert record["features"]["original_glcm_Imc1"] is None
    assert math.isnan(printed(run("extract", *arguments).out)["original_glcm_Imc1"])


def test_a_row_of_csv(run: Any, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "row.csv"
    result = run("extract", *CASE, "--csv", out)
    assert (result.code, result.out) == (exits.OK, "")
    assert f"written: {out}" in result.err
    with out.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert list(row) == ["Image", "Mask", "Label", *FEATURES]
    assert {name: float(row[name]) for name in FEATURES} == printed(run("extract", *CASE).out)
    assert "features" in run("extract", *CASE, "--csv", out, "--json").json  # both, where both are asked for


def test_maps(run: Any, built: Path, tmp_path: Path) -> None:
    result = run("extract", *CASE, "--maps", tmp_path / "maps")
    assert result.code == exits.OK
    assert f"2 maps in {tmp_path / 'maps'}" in result.err
    assert {file.name for file in (tmp_path / "maps").iterdir()} == {f"{n}.nrrd" for n in FEATURES[:2]}
    written = read_image(tmp_path / "maps" / f"{FEATURES[0]}.nrrd")
    stored = radstore.open("store").case("P1_1").get_map(FEATURES[0], "tiny@organ")
    np.testing.assert_array_equal(np.nan_to_num(stored.values), written.array)  # initValue is 0
    image = sitk.ReadImage(CASE[0])
    assert written.geometry.direction == pytest.approx(image.GetDirection())
    assert written.geometry.spacing == pytest.approx(image.GetSpacing())


def test_settings_and_engine(run: Any, built: Path) -> None:
    result = run("extract", *CASE, "--set", f"features=[{FEATURES[1]}]", "--set", "setting.binWidth=5")
    assert list(printed(result.out)) == FEATURES[1:2]
    assert printed(result.out)[FEATURES[1]] != printed(run("extract", *CASE).out)[FEATURES[1]]
    assert "as asked" in run("extract", *CASE, "--engine", "pyradiomics").err


def test_what_has_no_effect_is_noted(run: Any, built: Path) -> None:
    result = run("extract", *CASE, "--set", f"features=[{FEATURES[2]}]", "--set", "maps=true")
    assert result.code == exits.OK
    assert "note: maps is true, but shape features have no map" in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.nii.gz", *CASE[1:]], "none.nii.gz does not exist"),
        ([CASE[0], "none.nii.gz", *CASE[2:]], "none.nii.gz does not exist"),
        (["tiny.yaml", *CASE[1:]], ".yaml is no image format"),
        ([*CASE[:3], "none.yaml"], "cannot read none.yaml"),
        ([*CASE, "--label", "7"], "has a label value of 7; it has 1, 2"),
        ([*CASE, "--engine", "quantum"], "there is no engine 'quantum'"),
        ([*CASE, "--set", "setting.binwidth=3"], "binWidth"),
        ([*CASE, "--csv", "/proc/row.csv"], "/proc/row.csv cannot be written"),
        ([*CASE, "--csv", "images"], "images cannot be written"),
        ([*CASE, "--maps", "/proc/maps"], "cannot be written"),
        ([*CASE[:1], "labels/P3_1.nii.gz", *CASE[2:]], "is empty (all voxels are 0)"),
    ],
)
def test_bad_input(run: Any, built: Path, arguments: list[str], said: str) -> None:
    result = run("extract", *arguments)
    assert (result.code, result.out) == (exits.BAD_INPUT, "")
    assert said in result.err
    assert "\n  → " in result.err
    assert "Traceback" not in result.err


def test_a_real_case(run: Any, shared_data: Path, nowhere: Path) -> None:
    image, label = (shared_data / "pyradiomics_cases" / f"brain1_{what}.nrrd" for what in ("image", "label"))
    params = {
        "imageType": {"Original": {}},
        "featureClass": {"firstorder": ["Mean", "Entropy"], "shape": ["MeshVolume"], "glszm": []},
        "setting": {"binWidth": 25},
    }
    (nowhere / "params.yaml").write_text(yaml.safe_dump(params))
    result = run("extract", image, label, "-f", "params.yaml", "--json")
    assert result.json["features"] == pytest.approx(by_pyradiomics(image, label, params), rel=1e-9)
