from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import radstore
from radstore.cli import exits
from radstore.store import admin


def test_log(run: Any, built: Path) -> None:
    result = run("log")
    assert (result.code, result.err) == (exits.OK, "")
    head, *rows = result.out.splitlines()
    assert head.split("  ")[0] == "version"
    assert [row.split()[0] for row in rows] == ["3", "2", "1"]
    assert rows[2].endswith("first  two cases")
    assert "tiny@organ" in rows[1]
    assert not [line for line in result.out.splitlines() if line != line.rstrip()]


def test_log_json(run: Any, built: Path) -> None:
    record = run("log", "--json").json
    assert [version["number"] for version in record] == [3, 2, 1]
    assert [version["tags"] for version in record] == [[], [], ["first"]]
    assert {"number", "parent", "message", "author", "time", "build", "changed", "code"} <= set(record[0])
    assert record[0]["build"]["view"] == "flat@pair"


def test_diff(run: Any, built: Path) -> None:
    result = run("diff", "first", "2")
    assert (result.code, result.out) == (exits.OK, "+ case P2_1\n+ case P3_1\n")
    back = run("diff", "2", "first").out
    assert back == "- case P2_1\n- case P3_1\n"
    latest = run("diff", "2").out.splitlines()
    assert latest[0] == "~ case P1_1: features/flat@pair, region/pair"
    assert latest[2].startswith("+ 3 features of flat@pair: original_firstorder_Mean, ")
    assert run("diff", "3").out == "no difference\n"
    assert run("diff", "v2", "2").out == "no difference\n"


def test_diff_of_values(run: Any, copied: Path, scheduler: str) -> None:
    options = ("-f", "tiny.yaml", "--cases", "P1_1", "--scheduler", scheduler)
    assert run("build", *options, "--set", "setting.binWidth=5").code == exits.OK
    out = run("diff", "3").out.splitlines()
    assert out[0] == "~ case P1_1: features/tiny@organ, maps/tiny@organ"
    assert out[2].split() == ["view", "feature", "largest", "change"]
    assert out[3].split()[:2] == ["tiny@organ", "original_glcm_Imc1"]
    assert float(out[3].split()[2]) > 0
    record = run("diff", "3", "--json").json
    assert set(record) == {
        *("cases_added", "cases_removed", "cases_changed"),
        *("features_added", "features_removed", "features_changed"),
    }
    assert set(record["features_changed"]["tiny@organ"]) == {"original_glcm_Imc1"}


def test_tag(run: Any, copied: Path) -> None:
    assert run("tag", "second", "2").out == "second names version 2\n"
    assert run("tag", "latest-one").out == "latest-one names version 3\n"
    assert run("tag", "second", "2").code == exits.OK  # again the same is fine
    assert radstore.open("store").tags == {"first": 1, "second": 2, "latest-one": 3}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["tag", "first", "2"], "names version 1 already"),
        (["tag", "two words"], "not a tag name"),
        (["tag", "12"], "not a tag name"),
        (["tag", "new", "9"], "no version 9 (versions 1 to 3 are there)"),
        (["diff", "9"], "no version 9"),
        (["diff", "1", "nine"], "no version or tag 'nine'"),
        (["verify", "--version", "9"], "no version 9"),
        (["expire"], "expire was not told which versions"),
    ],
)
def test_bad_input(run: Any, built: Path, argv: list[str], said: str) -> None:
    result = run(*argv)
    assert (result.code, result.out) == (exits.BAD_INPUT, "")
    assert said in result.err
    assert "\n  → " in result.err
    assert result.err.endswith(".\n")


def test_verify(run: Any, built: Path) -> None:
    result = run("verify")
    blocks = 3 * 3 + 2 + 2  # images, features, maps; features of flat@pair; all cases share the regions
    assert (result.code, result.out) == (exits.OK, f"{blocks} blocks read, none damaged\n")
    assert run("verify", "--version", "first", "--json").json == {"blocks": 7, "damaged": {}}


def test_verify_finds_damage(run: Any, copied: Path) -> None:
    entry = radstore.open("store").case("P1_1").entry("features/tiny@organ")
    folder = copied / "store" / "objects" / entry.key[:2] / entry.key
    chunk = next(file for file in folder.rglob("c/*") if file.is_file())
    data = bytearray(chunk.read_bytes())
    data[-1] ^= 1
    chunk.write_bytes(data)
    result = run("verify")
    assert result.code == exits.SOME_FAILED
    assert result.out.startswith("damaged  P1_1 features/tiny@organ: ")
    assert "Delete this folder" in result.out
    assert result.out.endswith("13 blocks read, 1 damaged\n")
    assert set(run("verify", "--json").json["damaged"]) == {"P1_1 features/tiny@organ"}


def test_expire(run: Any, copied: Path) -> None:
    result = run("expire", "--keep", "1")
    assert result.out == "1 version dropped: 2\n"  # 1 is tagged, 3 is the latest
    assert "radstore gc" in result.err
    assert run("expire", "--keep", "1").out == "no version dropped\n"
    assert [version.number for version in admin.log("store")] == [3, 1]


def test_expire_by_age(run: Any, copied: Path) -> None:
    assert run("expire", "--older-than", "1").out == "no version dropped\n"
    assert run("expire", "--older-than", "0", "--json").json == {"dropped": [2]}


def test_gc(run: Any, copied: Path) -> None:
    assert run("gc").out == "nothing to delete\n"
    run("expire", "--keep", "1")
    spared = run("gc").out.splitlines()
    assert spared[0] == "nothing to delete"
    assert spared[1].endswith("spared: younger than 24 h, or of a build in progress")
    would = run("gc", "--grace", "0", "--dry-run").out
    assert would.endswith(") would be deleted\n")
    found = run("gc", "--grace", "0", "--json").json
    assert set(found) == {"files", "bytes", "blocks", "spared"}
    assert found["files"] >= 1
    assert run("gc", "--grace", "0").out == "nothing to delete\n"
    assert run("verify").code == exits.OK
