from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

import radstore
from radstore.cli import exits

FEATURES = ["original_firstorder_Mean", "original_glcm_Imc1", "original_shape_Sphericity"]


def test_features_as_csv(run: Any, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "features.csv"
    result = run("export", "features", out, "--view", "tiny@organ")
    assert (result.code, result.out, result.err) == (exits.OK, f"{out}\n", "")
    frame = pd.read_csv(out, index_col="case")
    assert list(frame.index) == ["P1_1", "P1_2", "P2_1"]
    assert list(frame) == ["patient", "source", "age", "label", "spec", *FEATURES]
    assert frame["age"].tolist()[:2] == [61, 62]
    assert np.isnan(frame["age"]["P2_1"])
    stored = radstore.open("store").table("tiny@organ")["value"].to_pandas()
    pd.testing.assert_frame_equal(frame[FEATURES], stored, check_names=False, check_exact=True)


def test_features_as_parquet_of_a_version(run: Any, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "features.parquet"
    assert run("export", "features", out, "--version", "first", "--store", "store").code == exits.OK
    assert pd.read_parquet(out).index.tolist() == ["P1_1", "P1_2"]


def test_the_default_view_is_the_last_one_built(run: Any, built: Path, tmp_path: Path) -> None:
    run("export", "features", tmp_path / "f.csv")
    frame = pd.read_csv(tmp_path / "f.csv")
    assert len(frame) == 2
    assert frame["original_glcm_Imc1"].isna().all()  # flat@pair


@pytest.mark.parametrize("suffix", ["nrrd", ".mha", "nii.gz"])
def test_maps_lie_where_the_image_lies(run: Any, built: Path, tmp_path: Path, suffix: str) -> None:
    """Against SimpleITK itself: the grid of the CT, oblique and anisotropic, and NaN outside the region."""
    result = run("export", "maps", tmp_path, "--view", "tiny@organ", "--format", suffix)
    assert (result.code, result.out) == (exits.OK, f"6 maps in {tmp_path}\n")
    image, labels = sitk.ReadImage("images/P1_2.nii.gz"), sitk.ReadImage("labels/P1_2.nii.gz")
    name = f"original_firstorder_Mean.{suffix.lstrip('.')}"
    written = sitk.ReadImage(str(tmp_path / "P1_2" / name))
    assert written.GetSize() == image.GetSize()
    assert written.GetPixelID() == sitk.sitkFloat32
    for mine, its in (
        (written.GetSpacing(), image.GetSpacing()),
        (written.GetOrigin(), image.GetOrigin()),
        (written.GetDirection(), image.GetDirection()),
    ):
        assert mine == pytest.approx(its, abs=1e-5)
    values = sitk.GetArrayFromImage(written)
    if suffix == "nii.gz":  # ITK's reader of NIfTI turns NaN into 0; the file has it
        data = gzip.decompress((tmp_path / "P1_2" / name).read_bytes())[-values.nbytes :]
        values = np.frombuffer(data, "<f4").reshape(values.shape)
    np.testing.assert_array_equal(np.isfinite(values), sitk.GetArrayViewFromImage(labels) == 1)


def test_cropped_maps_hold_the_same_at_the_same_points(run: Any, built: Path, tmp_path: Path) -> None:
    options = ("--view", "tiny@organ", "--cases", "P1_1", "--feature", FEATURES[1])
    run("export", "maps", tmp_path / "whole", *options)
    result = run("export", "maps", tmp_path / "box", *options, "--cropped")
    assert result.out == f"1 map in {tmp_path / 'box'}\n"
    whole, box = (
        sitk.ReadImage(str(tmp_path / where / "P1_1" / f"{FEATURES[1]}.nrrd")) for where in ("whole", "box")
    )
    assert box.GetSize() == (4, 4, 3)
    for index in ((0, 0, 0), (3, 0, 2), (1, 3, 1)):
        there = whole.TransformPhysicalPointToIndex(box.TransformIndexToPhysicalPoint(index))
        np.testing.assert_equal(whole[there], box[index])


def test_only_what_was_asked_for(run: Any, built: Path, tmp_path: Path) -> None:
    options = ("--version", "2", "--store", "store")
    names = ("--feature", FEATURES[0], "--feature", FEATURES[1])
    run("export", "maps", tmp_path, "--cases", "P2_1,P1_1", *names, *options)
    written = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.nrrd"))
    assert written == [f"{case}/{name}.nrrd" for case in ("P1_1", "P2_1") for name in FEATURES[:2]]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["features", "f.txt"], "no table format is known by the suffix '.txt'"),
        (["features", "f"], "Use .csv or .parquet."),
        (["features", "/proc/none/f.csv"], "/proc/none/f.csv cannot be written"),
        (["features", "f.csv", "--view", "none@organ"], "no view 'none@organ'"),
        (["features", "f.csv", "--version", "9"], "no version 9"),
        (["maps", "m"], "no case has maps of flat@pair"),
        (["maps", "m", "--view", "tiny@organ", "--format", "png"], "no image format is known by that suffix"),
        (["maps", "m", "--view", "tiny@organ", "--feature", "original_firstorder_Men"], "Did you mean"),
        (["maps", "m", "--view", "tiny@organ", "--cases", "P1_3"], "no case 'P1_3'"),
        (["maps", "m", "--view", "tiny@organ", "--cases", "P3_1"], "is empty (all voxels are 0)"),
        (["maps", "m", "--view", "tiny@organ", "--cases", ""], "names no case"),
        (["maps", "/proc/none", "--view", "tiny@organ"], "cannot be written"),
    ],
)
def test_bad_input(run: Any, copied: Path, argv: list[str], said: str) -> None:
    before = sorted(file for file in copied.iterdir() if file.name != "store")
    result = run("export", *argv)
    assert (result.code, result.out) == (exits.BAD_INPUT, "")
    assert said in result.err
    assert "\n  → " in result.err
    assert result.err.endswith(".\n")
    assert sorted(file for file in copied.iterdir() if file.name != "store") == before
