from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import radstore
from radstore.cli import exits
from radstore.texture import names

FEATURES = ["original_firstorder_Mean", "original_glcm_Imc1", "original_shape_Sphericity"]


def columns(text: str) -> list[list[str]]:
    """The cells of lines with two or more blanks between them."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


# ls


def test_ls(run: Any, built: Path) -> None:
    result = run("ls")
    assert (result.code, result.err) == (exits.OK, "")
    assert result.out == (
        "./store, version 3: 4 cases\n"
        "\n"
        "view        cases\n"
        "flat@pair       2\n"
        "tiny@organ      3\n"
        "\n"
        "case  patient  source  views\n"
        "P1_1  P1       tiny    flat@pair, tiny@organ\n"
        "P1_2  P1       tiny    flat@pair, tiny@organ\n"
        "P2_1  P2       tiny    tiny@organ\n"
        "P3_1  P3       tiny    tiny@organ failed\n"
    )


def test_ls_of_a_version_and_a_view(run: Any, built: Path) -> None:
    first = run("ls", "--version", "first").out
    assert first.startswith("./store, version 1: 2 cases")
    assert "flat@pair" not in first
    assert run("ls", "--version", "1").out == first
    of_view = run("ls", "--view", "flat@pair").out
    assert of_view.startswith("./store, version 3: 2 cases")
    assert "P2_1" not in of_view


def test_ls_json(run: Any, built: Path) -> None:
    record = run("ls", "--json").json
    assert set(record) == {"version", "views", "regions", "cases"}
    assert record["regions"] == {}
    assert record["views"] == {"flat@pair": 2, "tiny@organ": 3}
    assert list(record["cases"]) == ["P1_1", "P1_2", "P2_1", "P3_1"]
    assert record["cases"]["P2_1"] == ["features/tiny@organ", "image", "maps/tiny@organ", "region/organ"]
    assert set(run("ls", "--json", "--view", "flat@pair").json["cases"]) == {"P1_1", "P1_2"}


def test_ls_elsewhere(run: Any, built: Path, nowhere: Path) -> None:
    """A store that is not below the folder we are in is named in full."""
    assert run("ls", "--store", built / "store").out.startswith(f"{built}/store, version 3")


# show


def test_show(run: Any, built: Path) -> None:
    result = run("show", "P1_1")
    assert (result.code, result.err) == (exits.OK, "")
    lines = columns(result.out)
    assert lines[:6] == [
        *(["case", "P1_1"], ["patient", "P1"], ["source", "tiny"], ["age", "61.0"], ["label", "1"], [])
    ]
    assert ["image", "10×11×12", "2×0.9×0.8"] in lines
    assert ["maps/tiny@organ", "2 × 3×4×4", "2×0.9×0.8", "native/1"] in lines
    assert ["features/tiny@organ", "3", "native/1"] in lines
    at = lines.index(["tiny@organ", "value"])
    stored = radstore.open("store").case("P1_1").features("tiny@organ")
    shown = {name: float(value) for name, value in lines[at + 1 : at + 4]}
    assert shown == pytest.approx(dict(zip(FEATURES, stored.values.tolist(), strict=True)), rel=1e-8)
    assert ["original_glcm_Imc1", "nan"] in lines  # of flat@pair


def test_show_of_one_view_and_version(run: Any, built: Path) -> None:
    result = run("show", "P1_1", "--view", "flat@pair")
    assert ["flat@pair", "value"] in columns(result.out)
    assert ["tiny@organ", "value"] not in columns(result.out)
    assert "flat@pair" not in run("show", "P1_1", "--version", "first").out


def test_show_of_a_failed_case(run: Any, built: Path) -> None:
    result = run("show", "P3_1")
    assert result.code == exits.OK
    assert ["features/tiny@organ", "failed"] in columns(result.out)
    assert "failed   P3_1 features/tiny@organ (region): " in result.out
    assert "age" in result.out


def test_show_json(run: Any, built: Path) -> None:
    record = run("show", "P1_1", "--json").json
    assert set(record) == {"case", "info", "marks", "blocks", "features", "undefined"}
    assert record["info"] == {"patient": "P1", "source": "tiny", "age": 61, "label": 1}
    assert list(record["features"]["tiny@organ"]) == FEATURES
    assert record["features"]["flat@pair"]["original_glcm_Imc1"] is None
    assert record["blocks"]["image"]["shape"] == [10, 11, 12]
    assert run("show", "P3_1", "--json").json["blocks"]["features/tiny@organ"]["error"]["step"] == "region"


# status


def test_status(run: Any, built: Path) -> None:
    result = run("status")
    assert result.code == exits.SOME_FAILED
    assert result.err == ""
    assert result.out.splitlines()[:4] == [
        "flat@pair: 2 done, 2 missing, 0 failed",
        "missing  P2_1",
        "missing  P3_1",
        "tiny@organ: 3 done, 0 missing, 1 failed",
    ]
    assert "failed   P3_1 (region): region 'organ'" in result.out
    done = run("status", "--version", "first", "--store", "store")
    assert (done.code, done.out) == (exits.OK, "tiny@organ: 2 done, 0 missing, 0 failed\n")


def test_status_knows_the_catalogs_cases(run: Any, copied: Path) -> None:
    for folder in ("images", "labels"):
        (copied / folder / "P1_1.nii.gz").rename(copied / folder / "P9_9.nii.gz")
    assert "missing  P9_9" in run("status").out
    assert "missing  P9_9" in run("status", "--catalog", "catalog.yaml", "--store", "store").out
    assert "P9_9" not in run("status", "--store", "store").out


def test_status_lists_many_missing_cases_only_in_part(run: Any, copied: Path) -> None:
    for number in range(30):
        (copied / "images" / f"X{number:02}.nii.gz").touch()
    out = run("status", "--version", "first").out
    assert out.count("missing  ") == 20
    assert "… and 12 more are missing; --json lists them all" in out
    assert len(run("status", "--version", "first", "--json").json[0]["missing"]) == 32


def test_status_json(run: Any, built: Path) -> None:
    result = run("status", "--json")
    assert result.code == exits.SOME_FAILED
    assert [set(one) for one in result.json] == [{"view", "done", "failed", "missing", "undefined"}] * 2
    assert set(result.json[1]["failed"]["P3_1"]) == {"step", "message", "remedy"}


def test_an_empty_store(run: Any, site: Path) -> None:
    from radstore.store import layout
    from radstore.store.blocks import CODEC
    from radstore.store.bucket import open_bucket

    layout.create(open_bucket(site / "store"), CODEC)
    assert run("status").out == "no view yet; `radstore build` makes one\n"
    assert run("log").out == "no version yet; `radstore build` makes one\n"
    assert run("ls").out == "./store, version 0: 0 cases\n"
    assert run("verify").out == "0 blocks read, none damaged\n"
    for argv in (["export", "features", "f.csv"], ["export", "maps", "maps"]):
        result = run(*argv)
        assert result.code == exits.BAD_INPUT
        assert "Run `radstore build` first." in result.err
    assert "nothing to tag" in run("tag", "v1").err


# features


def test_features(run: Any) -> None:
    result = run("features")
    assert result.code == exits.OK
    lines = result.out.splitlines()
    assert lines[0].split() == ["name", "what", "it", "is"]
    assert len(lines) == 1 + len(dict(names.describe()))
    assert not [line for line in lines if line != line.rstrip()]
    assert any(line.startswith("glcm_Imc1 ") for line in lines)


def test_features_with_a_word(run: Any) -> None:
    out = run("features", "lbp").out
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["lbp-2D", "lbp-3D-<map>"]
    record = run("features", "LBP", "--json").json
    assert [set(row) for row in record] == [{"name", "description"}] * 2
    unknown = run("features", "glcm_Imc3")
    assert (unknown.code, unknown.out) == (exits.BAD_INPUT, "")
    assert "Did you mean 'glcm_Imc" in unknown.err


# bad input


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["ls", "--store", "none"], "no store here"),
        (["ls", "--store", ""], "--store '' names no store"),
        (["ls", "--store", "images"], "not a radstore"),
        (["ls", "--store", "tiny.yaml"], "a file, not a folder"),
        (["ls", "--version", "9"], "no version 9"),
        (["ls", "--version", "second"], "(tags: first)"),
        (["ls", "--view", "tiny@orgn"], "Did you mean 'tiny@organ'?"),
        (["show", "P1_3"], "Did you mean 'P1_"),
        (["show", "P1_1", "--view", "tiny@pair"], "no features/tiny@pair"),
        (["show", "P3_1", "--view", "tiny@organ"], "is empty (all voxels are 0)"),
        (["show", "P1_1", "--version", "0"], "no case 'P1_1'"),
        (["status", "--version", "nine"], "no version or tag 'nine'"),
        (["status", "--catalog", "none.yaml"], "no none.yaml there"),
    ],
)
def test_bad_input(run: Any, built: Path, argv: list[str], said: str) -> None:
    result = run(*argv)
    assert (result.code, result.out) == (exits.BAD_INPUT, "")
    assert said in result.err
    assert "\n  → " in result.err
    assert result.err.endswith((".\n", "?\n"))


def test_outside_any_site(run: Any, nowhere: Path) -> None:
    for argv in (["ls"], ["status"], ["log"], ["show", "x"], ["verify"], ["gc"], ["diff", "1"], ["tag", "x"]):
        result = run(*argv)
        assert result.code == exits.BAD_INPUT
        assert f"{nowhere}/store: no store here" in result.err
    assert not list(nowhere.iterdir())
