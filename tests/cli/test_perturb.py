from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from radstore.cli import exits

FEATURES = ["original_firstorder_Mean", "original_glcm_Imc1", "original_shape_Sphericity"]


@pytest.fixture
def perturb(run: Any) -> Any:
    """Run ``radstore perturb`` with the site's spec and only one perturbation, in this process."""
    quick = (
        "--jobs",
        "1",
        "--contour",
        "0",
        "--erode",
        "0",
        "--resample",
        "0",
        "--noise",
        "0",
        "--shift",
        "0",
    )
    return lambda *options: run("perturb", "--features", "tiny.yaml", *quick, *options)


def test_files_and_words(perturb: Any, site: Path) -> None:
    result = perturb()
    assert result.code == exits.SOME_FAILED  # one mask is empty
    assert "failed   P3_1 (region)" in result.err
    lines = result.out.splitlines()
    assert lines[0] == "tiny@organ: 3 features on 3 cases, each as it is and after dilate"
    assert lines[-1] == "not kept: ./store has no tiny@organ"
    assert list(pd.read_csv(site / "tiny@organ.icc.csv")["feature"]) == FEATURES
    assert (site / "tiny@organ.icc.png").exists()


def test_json_and_store(perturb: Any, run: Any, copied: Path) -> None:
    before = run("log", "--json").json[0]["number"]
    record = perturb("--json", "--out", "here.csv").json
    assert [row["feature"] for row in record["features"]] == FEATURES
    assert (record["kinds"], record["strengths"]["noise"]) == (["as it is", "dilate"], 0)
    assert record["version"] == before + 1
    assert list(record["failed"]) == ["P3_1"]


def test_bad_input(perturb: Any, site: Path) -> None:
    perturb()
    for options in ((), ("--force", "--dilate", "0"), ("--out", "x.txt"), ("--region", "liver")):
        result = perturb(*options)
        assert (result.code, result.out) == (exits.BAD_INPUT, "")
        assert "\n  → " in result.err
