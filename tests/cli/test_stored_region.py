"""A predicted region on the command line: listed with its models, built in, selected in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.images.read import read_image
from radstore.images.volume import Volume
from radstore.store.query import open_store
from radstore.store.regions import StoredRegion, keep_regions, region_of

NAME = "stage1-fold0"


@pytest.fixture
def predicted(copied: Path) -> Path:
    """The site with a region of three cases, one of which fell back; version 4."""
    image = read_image("images/P1_1.nii.gz")
    array = np.zeros(image.geometry.shape, np.uint8)
    array[2:7, 2:8, 1:7] = 1
    regions = {}
    for case, fold, status in (("P1_1", 0, "ok"), ("P1_2", 1, "ok"), ("P2_1", 1, "fallback")):
        told = {"model": f"{fold}" * 64, "held_out": [fold], "stage": 1, "status": status}
        regions[case] = StoredRegion(Volume(array, image.geometry), told)
    keep_regions("store", NAME, regions)
    return copied


def test_ls_lists_it(run: Any, predicted: Path) -> None:
    lines = run("ls").out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("predicted region"))
    assert lines[at].split("  ")[0] == "predicted region"
    assert lines[at + 1].split() == [NAME, "3", "1", f"{'0' * 12},", "1" * 12, "0,", "1"]
    summary = run("ls", "--json").json["regions"][NAME]
    assert summary == {"cases": 3, "fallback": 1, "models": ["0" * 64, "1" * 64], "held_out": [0, 1]}


def test_ls_without_any_says_nothing_of_it(run: Any, built: Path) -> None:
    assert "predicted" not in run("ls").out


def test_show_says_where_it_comes_from(run: Any, predicted: Path) -> None:
    said = run("show", "P2_1").out
    assert f"region/{NAME}: predicted by model {'1' * 12}, held-out folds 1\n" in said
    assert f"region/{NAME}: note: fallback, not what the model found\n" in said
    assert "held-out folds 0\n" in run("show", "P1_1").out
    block = run("show", "P1_1", "--json").json["blocks"][f"region/{NAME}"]
    assert block["origin"] == {"model": "0" * 64, "held_out": [0], "stage": 1, "status": "ok"}
    assert "note:" not in run("show", "P1_1").out


def test_show_has_the_makers_own_words_for_it(run: Any, predicted: Path) -> None:
    kept = region_of(open_store("store"), "P2_1", NAME)
    told = {**kept.provenance, "note": "nothing was found; a box stands in"}
    keep_regions("store", NAME, {"P2_1": StoredRegion(kept.mask, told)})
    said = run("show", "P2_1").out
    assert f"region/{NAME}: note: nothing was found; a box stands in\n" in said
    assert "not what the model found" not in said


def test_build_in_it(run: Any, predicted: Path, scheduler: str) -> None:
    build = ["build", "-f", "tiny.yaml", "--region", NAME, "--scheduler", scheduler]
    first = run(*build)
    assert first.code == 1  # P3_1 has none
    assert f"keeps no region '{NAME}' of it" in first.err
    assert run("ls", "--json").json["views"][f"tiny@{NAME}"] == 3
    again = run(*build)
    assert "nothing to compute, nothing to commit" in again.out
    checked = run("check", "-f", "tiny.yaml", "--region", NAME, "--cases", "P1_1,P2_1", "--sample", 0)
    assert (checked.code, "no case would be refused" in checked.out) == (0, True)
    assert "tiny@stage1-fold0: 3 done" in run("status").out


def test_a_typo_is_told_what_there_is(run: Any, predicted: Path) -> None:
    result = run("build", "-f", "tiny.yaml", "--region", "stage1-fold1", "--dry-run")
    assert result.code == 2
    assert "defines no region 'stage1-fold1', and the store keeps none" in result.err
    assert NAME in result.err
