"""The experiment with trainings and predictions that cost nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fusion.evaluate
import fusion.predict.api
import fusion.train.api
from fusion.evaluate.cases import CaseResult
from fusion.evaluate.picai import Finding
from pipelines import signal_ablation, signal_cohort
from pipelines.signal_ablation import Effort, main, run
from pipelines.signal_cohort import Cohort
from pipelines.signal_design import CPU, GPU, STAND_IN, Design
from radstore.cli import exits
from radstore.errors import BadInput
from radstore.spec import load_spec

CASES = [f"c{at:02}" for at in range(16)]
ROWS = ("ct", "ct+maps")


class Laboratory:
    """In the place of training, prediction and evaluation: says what was done, can break off."""

    def __init__(self, breaks_at: int | None = None) -> None:
        self.done: list[tuple[str, str]] = []
        self.breaks_at = breaks_at

    def train(self, models: Path, stage: int, fold: int, row: str, **how: Any) -> Path:
        folder = models / how["name"]
        if (folder / "final").is_file():
            return folder
        if self.breaks_at is not None and len(self.done) >= self.breaks_at:
            raise KeyboardInterrupt
        assert (stage, fold, how["resume"]) == (2, 0, True)
        folder.mkdir(parents=True)
        (folder / "final").touch()
        self.done.append((models.parent.name, how["name"]))
        return folder

    def predict(self, models: Path, out: Path, **how: Any) -> None:
        assert (models / how["inputs"] / "final").is_file()
        out.mkdir(parents=True, exist_ok=True)

    def evaluate(self, folders: dict[str, Path], catalog: Path, **how: Any) -> Any:
        assert all(folder.is_dir() for folder in folders.values())
        return Found({row: results(str(folder), row) for row, folder in folders.items()})


class Found:
    """An evaluation."""

    def __init__(self, results: dict[str, dict[str, CaseResult]]) -> None:
        self.results = results

    def write(self, folder: Path) -> None:
        """Nothing is left."""


def results(folder: str, row: str) -> dict[str, CaseResult]:
    """`ct+maps` sees the signal, where there is one."""
    cohort, seed = Path(folder).parts[-4], int(folder[-1])
    skill = 3.0 if cohort == "signal" and row == "ct+maps" else 0.0
    stream = np.random.default_rng((seed, len(row), len(cohort)))
    made = {}
    for at, case in enumerate(CASES):
        value = float(1 / (1 + np.exp(-stream.normal(skill * (at % 2)))))
        finding = Finding(bool(at % 2), value, 0.5)
        made[case] = CaseResult(case, f"P{at}", cohort, 0, "ok", value, (finding,), dice={"lesion": 0.5})
    return made


@pytest.fixture
def laboratory(monkeypatch: pytest.MonkeyPatch) -> Laboratory:
    made = Laboratory()
    monkeypatch.setattr(fusion.train.api, "train", lambda *a, **k: made.train(*a, **k))
    monkeypatch.setattr(fusion.predict.api, "predict", lambda *a, **k: made.predict(*a, **k))
    monkeypatch.setattr(fusion.evaluate, "evaluate", lambda *a, **k: made.evaluate(*a, **k))
    prepared = {
        "features": {"0": ["a"]},
        "stand_in": [0],
        "svm": {case: float(at) for at, case in enumerate(CASES)},
    }
    monkeypatch.setattr(Cohort, "prepare", lambda *_: prepared)
    return made


def quietly(_: str) -> None:
    pass


def test_the_report_tells_rows_apart_where_there_is_a_signal(laboratory: Laboratory, tmp_path: Path) -> None:
    report = run(CPU, Effort(ROWS, seeds=3, resamples=200), tmp_path, quietly).read_text()
    found = json.loads((tmp_path / "results.json").read_text())["cohorts"]
    better = {name: one["differences to ct"]["ct+maps"]["auroc"] for name, one in found.items()}
    assert better["signal"]["low"] > 0
    assert better["control"]["low"] < 0 < better["control"]["high"]
    assert len(found["signal"]["rows"]["ct"]["ap"]["values"]) == 3
    assert "## Signal" in report
    assert "## Control" in report
    assert "In folds [0] nothing was selected" in report
    assert (tmp_path / "rows.png").stat().st_size > 1_000


def test_a_run_that_was_stopped_goes_on(laboratory: Laboratory, tmp_path: Path) -> None:
    effort = Effort(ROWS, seeds=2, resamples=50)
    laboratory.breaks_at = 3
    with pytest.raises(KeyboardInterrupt):
        run(CPU, effort, tmp_path, quietly)
    laboratory.breaks_at = None
    run(CPU, effort, tmp_path, quietly)
    names = ["ct-seed0", "ct+maps-seed0", "ct-seed1", "ct+maps-seed1"]
    assert sorted(laboratory.done) == sorted(
        (cohort, name) for cohort in ("signal", "control") for name in names
    )


def test_seeds_are_whole_wherever_it_stops(laboratory: Laboratory, tmp_path: Path) -> None:
    run(CPU, Effort(ROWS, seeds=2, resamples=50), tmp_path, quietly)
    assert [name[-1] for _, name in laboratory.done] == ["0"] * 4 + ["1"] * 4


def test_more_seeds_are_added_to_those_that_are_there(laboratory: Laboratory, tmp_path: Path) -> None:
    for seeds in (1, 2):
        run(CPU, Effort(ROWS, seeds=seeds, resamples=50), tmp_path, quietly)
    assert len(laboratory.done) == 8


def test_another_design_is_refused(laboratory: Laboratory, tmp_path: Path) -> None:
    run(CPU, Effort(ROWS, seeds=1, resamples=50), tmp_path, quietly)
    with pytest.raises(BadInput, match=r"another design: epochs \d+, not 3"):
        run(replace(CPU, epochs=3), Effort(ROWS, seeds=1), tmp_path, quietly)


def test_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[Design, Effort]] = []
    monkeypatch.setattr(signal_ablation, "run", lambda design, effort, out: asked.append((design, effort)))
    assert (
        main(["--out", str(tmp_path), "--preset", "cpu", "--epochs", "2", "--rows", "ct,ct+global"])
        == exits.OK
    )
    assert main(["--out", str(tmp_path), "--seeds", "7", "--cases", "50", "--jobs", "3"]) == exits.OK
    assert asked[0][0] == replace(CPU, epochs=2)
    assert asked[0][1].rows == ("ct", "ct+global")
    assert asked[1][0] == replace(GPU, cases=50)
    assert (asked[1][1].seeds, asked[1][1].jobs) == (7, 3)


@pytest.mark.parametrize("rows", ["ct,nonsense", "ct+maps"])
def test_rows_that_cannot_be_compared(rows: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path), "--rows", rows]) == exits.BAD_INPUT
    assert "--rows" in capsys.readouterr().err


def test_the_list_that_stands_in_can_be_built() -> None:
    spec = load_spec(STAND_IN)
    assert len(spec.names) == 10
    assert spec.document["maps"]


FEW = """\
features: [original_firstorder_Mean, original_firstorder_Variance, original_glcm_Contrast]
setting: {binWidth: 25, resampledPixelSpacing: [2, 2, 2.5]}
"""


@pytest.mark.slow
def test_from_the_phantom_to_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only features and selection (which wants more cases) are replaced; twice, with one result."""
    few, chosen = tmp_path / "few.yaml", tmp_path / "chosen.yaml"
    for file in (few, chosen):
        file.write_text(FEW)
    monkeypatch.setattr(signal_cohort, "ALL_FEATURES", few)
    monkeypatch.setattr(Cohort, "_selected", lambda *_: (load_spec(chosen, ["maps=true"]), False))
    tiny = replace(
        CPU, cases=16, folds=2, epochs=1, steps=1, spacing=(3.0, 3.0, 3.0), patch=(8, 16, 16), max_features=16
    )
    effort = Effort(("ct", "ct+maps+global"), seeds=1, device="cpu", jobs=1, resamples=50)
    run(tiny, effort, tmp_path / "out", quietly)
    first = (tmp_path / "out" / "results.json").read_text()
    found = json.loads(first)["cohorts"]
    assert found["control"]["rows"]["ct"]["failed"] == 0
    assert len(found["signal"]["features"]["0"]) == 3
    run(tiny, effort, tmp_path / "out", quietly)
    assert (tmp_path / "out" / "results.json").read_text() == first
