"""``fusion regions``: what it refuses, and what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

import fusion.regions
from fusion.cli import main
from fusion.regions import RegionsReport
from radstore.store.log import Version


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--fold", "0", "--stage", "2"], "--stage 2 predicts no regions"),
        ([], "Give either --fold K or --paper"),
        (["--fold", "0", "--paper"], "Give either --fold K or --paper"),
        (["--fold", "0", "--catalog", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_bad_input(
    args: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["regions", *args]) == 2
    assert said in capsys.readouterr().err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """The verb with a report that is given."""
    (tmp_path / "catalog.yaml").write_text("store: ./store\nsources: {demo: {driver: phantom}}\n")
    monkeypatch.chdir(tmp_path)

    def run(report: RegionsReport, *args: str) -> tuple[int, dict[str, Any]]:
        given: dict[str, Any] = {}

        def predict(models: Any, store: Any, catalog: Any, fold: Any, **keywords: Any) -> RegionsReport:
            given.update(keywords, models=str(models), fold=fold)
            return report

        monkeypatch.setattr(fusion.regions, "predict_regions", predict)
        return main(["regions", *args]), given

    return run


def test_what_it_says(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    error = {"step": "stage1", "message": "case c: broken", "remedy": "Mend it."}
    report = RegionsReport(
        "/data/store", "stage1-fold1", ("a", "b"), ("d",), ("b",), {"c": error}, Version(7, 6, ""), ("hm",)
    )
    code, given = run(report, "--fold", "1", "--cases", "a,b", "--nested", "--device", "cpu")
    assert (code, given["fold"], given["cases"], given["nested"]) == (1, 1, ["a", "b"], True)
    said = capsys.readouterr()
    assert "region stage1-fold1: 2 cases predicted, 1 were there, 1 failed" in said.out
    assert "fallback in 1 case (b): Stage 1 found nothing" in said.out
    assert "version 7" in said.out
    assert "note: hm" in said.err
    assert "case c: broken" in said.err


def test_many_fallbacks_are_one_line(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cases = tuple(f"c{number}" for number in range(500))
    report = RegionsReport("/s", "stage1-fold1", cases, (), cases[:400], {}, Version(7, 6, ""))
    run(report, "--fold", "1")
    said = capsys.readouterr().out
    assert "fallback in 400 cases (c0, c1, c2 …)" in said
    assert len(said.splitlines()) == 3
    run(report, "--fold", "1", "--json")
    assert json.loads(capsys.readouterr().out)["fallback"] == list(cases[:400])


def test_a_stage_1_that_finds_nothing_at_all(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(RegionsReport("/s", "stage1-fold1", ("a",), (), ("a",), {}, Version(7, 6, "")), "--fold", "1")
    assert "found nothing in any case" in capsys.readouterr().err


def test_json_and_interrupted(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    report = RegionsReport("/s", "stage1", (), (), (), {}, Version(1, 0, ""), (), interrupted=True)
    code, given = run(report, "--paper", "--json", "--device", "cpu")
    assert (code, given["fold"]) == (130, None)
    assert json.loads(capsys.readouterr().out)["region"] == "stage1"
