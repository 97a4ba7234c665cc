from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.cli import exits
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume


@pytest.fixture
def check(run: Any, site: Path) -> Any:
    """Run ``radstore check`` with the site's spec, on headers."""
    return lambda *options: run("check", "--features", "tiny.yaml", "--sample", "0", *options)


def test_what_a_build_would_do(check: Any, site: Path) -> None:
    before = sorted(site.rglob("*"))
    result = check()
    assert (result.code, result.err) == (exits.OK, "")
    lines = result.out.splitlines()
    assert lines[0].startswith("tiny@organ: 3 features, 2 maps (spec ")
    assert lines[1].startswith("engine cpu: ")
    assert lines[2] == "4 cases: 0 up to date, 4 to do"
    assert lines[3].startswith("memory: about ")
    assert "GB" in lines[3]
    assert lines[4] == "no case would be refused"
    assert sorted(site.rglob("*")) == before


def test_what_it_would_refuse(check: Any, site: Path) -> None:
    (site / "labels" / "P1_2.nii.gz").unlink()
    (site / "images" / "P2_1.nii.gz").write_bytes(b"not an image")
    flat = Geometry((5, 5, 5), (1.0, 1.0, 1.0))
    write_volume(Volume(np.ones(flat.shape, np.uint8), flat), site / "labels" / "P1_1.nii.gz")
    result = check()
    assert result.code == exits.SOME_FAILED
    assert "failed   P1_1 (region): " in result.out
    assert "failed   P1_2 (find): " in result.out
    assert "failed   P2_1 (read): " in result.out
    assert result.out.count("\n         → ") == 3
    assert result.out.endswith("3 cases would be refused\n")
    assert set(check("--json").json["refused"]) == {"P1_1", "P1_2", "P2_1"}


def test_what_is_done_is_not_looked_at_again(run: Any, built: Path) -> None:
    result = run("check", "-f", "tiny.yaml", "--sample", "0")
    assert result.code == exits.SOME_FAILED
    assert "4 cases: 3 up to date, 0 to do, 1 failed before (--retry-failed tries them again)" in result.out
    assert "memory" not in result.out
    assert "failed   P3_1 (region): " in result.out


def test_options(check: Any, site: Path) -> None:
    result = check(
        *("--catalog", site / "catalog.yaml", "--source", "tiny", "--cases", "P1_1,P1_2", "--limit", "1"),
        *("--region", "pair", "--set", "maps=false", "--engine", "pyradiomics", "--store", "other"),
    )
    assert result.code == exits.OK
    assert result.out.startswith("tiny@pair: 3 features, no maps")
    assert "1 case: 0 up to date, 1 to do" in result.out
    assert not (site / "other").exists()


def test_json(check: Any, site: Path) -> None:
    record = check("--json").json
    assert set(record) == {
        *("store", "view", "spec_hash", "engine", "engine_reason", "notes", "cases", "up_to_date", "todo"),
        *("failed_before", "refused", "needs", "examined"),
    }
    assert record["todo"] == ["P1_1", "P1_2", "P2_1", "P3_1"]
    assert set(record["needs"]) >= {"case_bytes", "disk_bytes", "free_bytes"}
    assert (record["refused"], record["examined"]) == ({}, None)


def test_what_the_features_are_worth(run: Any, site: Path) -> None:
    flat = (site / "tiny.yaml").read_text().replace("[", "[lbp-2D_glcm_JointEnergy, lbp-2D_glcm_Contrast, ")
    (site / "flat.yaml").write_text(flat)
    asked = ("check", "-f", "flat.yaml", "--sample", "4", "--jobs", "1")
    result = run(*asked)
    assert result.code == exits.SOME_FAILED  # P3_1's mask is empty, too
    lines = result.out.splitlines()
    at = lines.index("flagged  one grey level: 2 features")
    assert lines[at + 1] == "         lbp-2D_glcm_JointEnergy: one grey level in 3 of 3 cases (binWidth 20)"
    assert lines[at + 3].startswith("         → Its bins are wider than")
    assert "failed   P3_1 (region)" in result.out
    # and all masks have one sphericity
    assert lines[-1] == "5 features looked at on 3 cases: 3 of them say nothing of the image"
    examined = run(*asked, "--json").json["examined"]
    assert examined["features"] == 5
    first = next(flag for flag in examined["flags"] if flag["kind"] == "one grey level")
    assert set(first) == {"kind", "feature", "message", "numbers", "remedy"}


def test_notes_and_bad_input(check: Any, site: Path) -> None:
    (site / "table.csv").write_text((site / "table.csv").read_text() + "P9_9,P9,,0\n")
    assert "note: tiny: 1 rows of table.csv have no image: P9_9" in check().out
    for options in (["--cases", ""], ["--store", ""], ["--region", "liver"], ["--catalog", "none.yaml"]):
        result = check(*options)
        assert (result.code, result.out) == (exits.BAD_INPUT, "")
        assert "\n  → " in result.err
