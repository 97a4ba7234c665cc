"""The first half of the pipeline on a folder like PANORAMA's."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import radstore
from pipelines import panorama as pipeline
from pipelines.plan import Plan
from pipelines.radiomics import RADIOMICS
from pipelines.step import Command, Step
from radstore.cli import exits
from radstore.spec import load_spec

NAMES = [*(step.name for step in RADIOMICS), "report"]
FEW = ["--folds", "3", "--selection-folds", "3", "--jobs", "1", "--steps", ",".join(NAMES)]


def arguments(folder: Path) -> list[str]:
    files = ["--catalog", str(folder / "catalog.yaml"), "--features", str(folder / "tiny.yaml")]
    return [*files, "--out", str(folder / "out"), *FEW]


@pytest.fixture(scope="module")
def folder(panorama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(panorama, tmp_path_factory.mktemp("run") / "panorama"))


@pytest.fixture(scope="module")
def done(folder: Path) -> Path:
    assert pipeline.main(arguments(folder)) == exits.OK
    return folder / "out"


def test_every_case_is_computed_whatever_its_label_image_is_like(done: Path, folder: Path) -> None:
    snapshot = radstore.open(str(folder / "store"))
    table = snapshot.table("tiny@pancreas")
    assert table.sizes["case"] == 19
    assert np.isfinite(table["value"].values).all()
    assert str(table["case"].values[0]) == "100000_00001"
    assert len(set(table["patient"].values.tolist())) == 14
    assert float(table["patient_age"].values[0]) == 41


def test_no_patient_is_in_two_folds(done: Path, folder: Path) -> None:
    table = radstore.open(str(folder / "store")).table("tiny@pancreas")
    pairs = set(zip(table["patient"].values.tolist(), table["fold"].values.tolist(), strict=True))
    assert len(pairs) == 14
    assert {fold for _, fold in pairs} == {0, 1, 2}


def test_what_is_left_behind(done: Path) -> None:
    assert json.loads((done / "catalog.json").read_text())["cases"] == 19
    assert json.loads((done / "check.json").read_text())["examined"]["features"] == 13
    whole = json.loads((done / "selected.json").read_text())
    assert (whole["cases"], whole["positives"]) == (18, 6)  # one case has no label
    for fold in range(3):
        chain = json.loads((done / f"selected.fold{fold}.json").read_text())
        assert chain["fold"] == fold
        assert chain["cases"] < 18
        assert "held_out" in chain["scores"]
        spec = done / f"selected.fold{fold}.yaml"
        assert "original_firstorder_Mean" in load_spec(spec).names
        assert load_spec(spec).document["setting"]["binWidth"] == 20
        assert yaml.safe_load(spec.read_text())["region"] == "pancreas"


def test_the_report(done: Path) -> None:
    text, page = (done / "report.md").read_text(), (done / "report.html").read_text()
    assert "18 labelled cases (6 with label '1') of 13 patients; 19 in the catalog" in text
    held_out = [
        json.loads((done / f"selected.fold{fold}.json").read_text())["scores"]["held_out"]["auroc"]
        for fold in range(3)
    ]
    assert f"{np.mean(held_out):.3f} ± {np.std(held_out, ddof=1):.3f}" in text
    assert "0.824 ± 0.035 | 0.667 ± 0.046" in text
    assert page.count("<img") == text.count("![") == 2
    assert "data:image/png;base64," in page


def test_a_second_run_does_nothing_and_says_so(done: Path, folder: Path, capsys: Any) -> None:
    assert pipeline.main(arguments(folder)) == exits.OK
    said = capsys.readouterr().out.splitlines()
    assert said == [f"{name}: skipped, done from the same before" for name in NAMES]


def test_only_what_changed_is_done_again(done: Path, folder: Path, capsys: Any) -> None:
    (done / "selected.fold1.json").unlink()
    assert pipeline.main([*arguments(folder), "--permutations", "2"]) == exits.OK
    said = capsys.readouterr().out
    ran = [line.split(":")[0] for line in said.splitlines() if line[0].isalpha() and "skipped" not in line]
    assert ran == ["select", "svm", "report"]
    assert "--permutations 2" in said
    assert "Permutation null of the nested AUROC: 2 permutations" in (done / "report.md").read_text()


def test_the_printed_commands_are_those_that_run(folder: Path) -> None:
    plan = Plan(folder / "catalog.yaml", folder / "tiny.yaml", None, folder / "out", limit=3)
    words = [" ".join(command.words) for step in RADIOMICS for command in step.commands(plan)]
    assert all(line.startswith("radstore ") for line in words)
    assert any("build" in line and line.count("--limit 3") == 1 for line in words)
    assert not any("None" in line for line in words)


def test_an_image_that_changed_is_seen(panorama: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(panorama, tmp_path / "panorama"))
    asked = {"catalog": folder / "catalog.yaml", "features": folder / "tiny.yaml", "store": None}
    before = Plan(**asked, out=tmp_path).found()  # type: ignore[arg-type]
    assert Plan(**asked, out=tmp_path).found() == before  # type: ignore[arg-type]
    image = next((folder / "images").iterdir())
    image.write_bytes(image.read_bytes() + b"\0")
    assert Plan(**asked, out=tmp_path).found() != before  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--steps", "selekt"], "Did you mean 'select'"),
        (["--catalog", "nowhere.yaml"], "nowhere.yaml"),
        (["--steps", "report", "--out", "empty"], "stopped with exit code"),
    ],
)
def test_bad_input(
    folder: Path, tmp_path: Path, more: list[str], words: str, capfd: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert pipeline.main([*arguments(folder), *more]) != exits.OK
    assert words in capfd.readouterr().err


def test_a_step_that_fails_stops_the_run_and_leaves_no_file(
    folder: Path, tmp_path: Path, capfd: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(pipeline.PROGRAMS, "radstore", (sys.executable,))

    def fail(code: int) -> Step:
        words = ("radstore", "-c", f"print('half'); raise SystemExit({code})")
        return Step(
            "one", "fails", lambda plan: [Command(words, "told.json")], lambda plan: 1, lambda plan: 1
        )

    plan = Plan(folder / "catalog.yaml", folder / "tiny.yaml", None, tmp_path / "out")
    with pytest.raises(pipeline.Stopped, match="exit code 2"):
        pipeline.run(plan, [fail(2)])
    assert not list((tmp_path / "out").iterdir())
    assert pipeline.run(plan, [fail(1)]) == ["one"]  # some cases failed: the others go on
    assert "going on" in capfd.readouterr().out
    assert (tmp_path / "out" / "told.json").read_text() == "half\n"
    assert pipeline.run(plan, [fail(1)]) == []


def test_imports_run_one_way() -> None:
    root = Path(pipeline.__file__).parents[1]
    for package, above in (("radstore", ("fusion", "pipelines")), ("fusion", ("pipelines",))):
        source = "\n".join(path.read_text() for path in (root / package).rglob("*.py"))
        for name in above:
            assert not re.search(rf"^\s*(from|import) {name}\b", source, re.MULTILINE), (package, name)
