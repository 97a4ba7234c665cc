from __future__ import annotations

from pathlib import Path
from typing import Any

from radstore.cli import exits


def test_split_before_anything_is_built(run: Any, site: Path) -> None:
    result = run("split", "-k", 2)
    assert result.code == exits.OK
    assert "4 cases of 3 patients in 2 folds; no patient is in two\n./store is at version 1\n" in result.out
    assert "stratified by label alone" in result.err


def test_split_of_a_built_store_stays_when_it_is_built_on(run: Any, copied: Path, scheduler: str) -> None:
    assert run("split", "-k", 2, "--size-region", "pair", "--seed", 1, "-m", "mine").code == exits.OK
    folds = run("show", "P1_1", "--json").json["marks"]
    assert set(folds) == {"fold", "split", "lesion_voxels"}
    assert run("log", "--json").json[0]["marks"]["fold"]["seed"] == 1
    build = ("build", "-f", "tiny.yaml", "--scheduler", scheduler, "--set", "setting.binWidth=5")
    assert run(*build).code == exits.SOME_FAILED
    assert run("show", "P1_1", "--json").json["marks"] == folds
    table = Path("table.csv")
    table.write_text(table.read_text().replace("061Y", "071Y"))
    assert run(*build).code == exits.SOME_FAILED
    record = run("show", "P1_1", "--json").json
    assert (record["info"]["age"], record["marks"]) == (71, folds)
    assert run("split", "--check").out.endswith("4 cases of 3 patients in 2 folds; no patient is in two\n")
    run("export", "features", "f.csv")
    assert "fold" in Path("f.csv").read_text().splitlines()[0].split(",")


def test_json(run: Any, site: Path) -> None:
    record = run("split", "-k", 2, "--json").json
    assert set(record["folds"]) == {"P1_1", "P1_2", "P2_1", "P3_1"}
    assert record["folds"]["P1_1"] == record["folds"]["P1_2"]


def test_a_torn_patient(run: Any, site: Path) -> None:
    Path("folds.csv").write_text("case,fold\nP1_1,0\nP1_2,1\nP2_1,1\n")
    result = run("split", "--from", "folds.csv")
    assert result.code == exits.BAD_INPUT
    assert "1 patient is in more than one fold: P1 (fold 0: P1_1, fold 1: P1_2)" in result.err
    assert not Path("store").exists()


def test_without_store_and_catalog(run: Any, nowhere: Path) -> None:
    result = run("split")
    assert result.code == exits.BAD_INPUT
    assert "no store here" in result.err
