"""The second half of the pipeline: what its steps type and depend on; one run of it, killed and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from pipelines import ablation
from pipelines import panorama as pipeline
from pipelines.budget import FULL, QUICK
from pipelines.page import markdown
from pipelines.plan import Plan
from pipelines.stages import ALL_ROWS, STAGES, rows_of
from pipelines.step import Command, Step
from pipelines.steps import STEPS
from radstore.canonical import digest_of
from radstore.errors import BadInput
from radstore.store.manifest import CaseRecord

SECOND = [step.name for step in STAGES]
TINY = Path(__file__).with_name("tiny.py")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two folds; the selection of the first found something."""
    out = tmp_path / "out"
    out.mkdir()
    for name in ("catalog.yaml", "features.yaml", "other.yaml"):
        (tmp_path / name).write_text(name)
    (out / "selected.fold0.yaml").write_text("features of fold 0")
    files = {"catalog": tmp_path / "catalog.yaml", "features": tmp_path / "features.yaml"}
    more = {"otherwise": tmp_path / "other.yaml", "store": str(tmp_path / "store"), "jobs": 1, "folds": 2}
    return Plan(**files, **more, out=out, rows=("ct", "ct+maps", "ct-sgd"), source="here", limit=5)  # type: ignore[arg-type]


def typed(step: Step, plan: Plan) -> list[str]:
    return [" ".join(command.words) for command in step.commands(plan)]


def step(name: str) -> Step:
    return next(one for one in STEPS if one.name == name)


@pytest.mark.parametrize(
    "change",
    [{}, {"quick": True}, {"external": ("there",)}, {"nested": True, "folds": 3}],
    ids=["full", "quick", "external", "nested"],
)
@pytest.mark.parametrize("name", ["split", *SECOND])
def test_the_programs_understand_what_is_typed(plan: Plan, name: str, change: dict[str, Any]) -> None:
    from fusion.cli.app import app as fusion
    from radstore.cli.app import app as radstore

    apps = {"fusion": typer.main.get_command(fusion), "radstore": typer.main.get_command(radstore)}
    for command in step(name).commands(replace(plan, **change)):
        program, verb, *options = command.words
        group: Any = apps[program]
        group.commands[verb].make_context(verb, list(options))  # raises what a user would see


def test_each_chain_has_its_own_features_and_region(plan: Plan) -> None:
    out, other = plan.out, plan.otherwise
    for name in ("maps", "stage2-plan"):
        first, second = typed(step(name), plan)
        assert f"--features {out}/selected.fold0.yaml --region stage1-fold0" in first
        assert f"--features {other} --region stage1-fold1" in second
    assert [line.split(" --")[2] for line in typed(step("stage1-train"), plan)] == ["fold 0", "fold 1"]


def test_nested_chains_have_a_stage_1_for_each_pair_of_folds(plan: Plan) -> None:
    nested = replace(plan, nested=True, folds=3)
    own, pairs = ["0", "1", "2"], ["0 --without 1", "0 --without 2", "1 --without 2"]
    for name, held in (("stage1-plan", own + pairs), ("stage1-train", own + pairs), ("regions", own)):
        lines = typed(step(name), nested)
        assert len(lines) == len(held)
        assert all(f"--fold {folds} --" in line for folds, line in zip(held, lines, strict=True))
    for name in ("regions", "stage2-plan"):
        assert all("--nested" in line for line in typed(step(name), nested))
    for name in ("maps", "stage2-train", "predict", "evaluate"):
        assert typed(step(name), nested) == typed(step(name), replace(plan, folds=3))
    with pytest.raises(BadInput, match="--nested with 2 folds"):
        replace(plan, nested=True)


def test_every_row_is_trained_alike(plan: Plan) -> None:
    lines = typed(step("stage2-train"), plan)
    assert len(lines) == 6
    said = {line.partition("--inputs")[0] + line.partition(" --epochs")[1] for line in lines}
    assert said == {f"fusion train --stage 2 --fold {fold} " for fold in (0, 1)}
    assert [line for line in lines if "sgd" in line] == lines[4:]


def test_only_the_source_that_was_asked_for_is_split(plan: Plan) -> None:
    """Others stay without folds: external."""
    (line,) = typed(step("split"), plan)
    assert line.endswith("--source here")


def test_external_sources_are_predicted_and_nothing_else(plan: Plan) -> None:
    external = replace(plan, external=("there",))
    for name in ("split", "stage1-plan", "stage1-train", "stage2-plan", "stage2-train"):
        assert typed(step(name), external) == typed(step(name), plan)
    for name in ("regions", "maps", "predict"):
        lines = typed(step(name), external)
        assert {line for line in lines if "--source here" in line} == set(typed(step(name), plan))
        assert sum("--source there" in line for line in lines) == len(lines) / 2
    assert "--trained-on here" in typed(step("evaluate"), external)[0]
    with pytest.raises(BadInput, match="--source is not given"):
        replace(external, source=None)


def test_an_external_case_with_a_fold_is_refused(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a store is split once more, that has external cases by now."""
    record = CaseRecord({}, {}, {"fold": 0})
    stored = SimpleNamespace(manifest={"a": record, "b": record})
    found = {"here": [SimpleNamespace(id="a", patient="p")], "there": [SimpleNamespace(id="b", patient="q")]}
    monkeypatch.setattr(Plan, "cases", SimpleNamespace(cases=lambda source: found[source]))
    monkeypatch.setattr(Plan, "snapshot", lambda plan: stored)
    assert plan.folded() is not None
    with pytest.raises(BadInput, match="case b of an external source has a fold"):
        replace(plan, external=("there",)).folded()


@pytest.mark.parametrize(
    ("case", "patient", "said"),
    [
        ("a", "q", "case a is of source here and of the external source there"),
        ("b", "p", r"case b .* is of patient p, whom the source that is trained on has too \(case a\)"),
    ],
    ids=["case", "patient"],
)
def test_external_cases_that_are_known_already_are_refused_first(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, case: str, patient: str, said: str
) -> None:
    """As where two hospitals number alike: not after hours, when they are evaluated."""
    found = {
        "here": [SimpleNamespace(id="a", patient="p")],
        "there": [SimpleNamespace(id=case, patient=patient)],
    }
    monkeypatch.setattr(Plan, "cases", SimpleNamespace(cases=lambda source: found[source]))
    monkeypatch.setattr(Plan, "snapshot", lambda plan: None)
    assert plan.folded() is None
    with pytest.raises(BadInput, match=said):
        replace(plan, external=("there",)).folded()


def test_no_features_for_a_fold_is_said_before_anything_is_trained(plan: Plan) -> None:
    alone = replace(plan, otherwise=None)
    with pytest.raises(BadInput, match=r"fold 1 found nothing\n.*--otherwise"):
        step("stage1-plan").commands(alone)


@pytest.mark.parametrize(("text", "rows"), [("", ALL_ROWS), ("ct, ct+maps,ct", ("ct", "ct+maps"))])
def test_rows(text: str, rows: tuple[str, ...]) -> None:
    assert rows_of(text) == rows


def test_a_row_that_is_none_is_refused(capsys: Any) -> None:
    assert pipeline.main(["--rows", "ct,ct+map"]) == 2
    assert "Did you mean 'ct+maps'" in capsys.readouterr().err


# What runs again: the programs are replaced by ones that leave what the true ones would, made from the same.


class World:
    """A store's blocks, and programs that only write what tells what they were given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.blocks: dict[str, str] = {}
        self.ran: list[str] = []
        monkeypatch.setattr(Plan, "found", lambda plan, limited=True, external=False: "cases")
        monkeypatch.setattr(Plan, "folded", lambda plan: "folds")
        monkeypatch.setattr(Plan, "blocks", lambda plan, names, every=True: self.known(names))
        monkeypatch.setattr(pipeline, "_execute", self.execute)

    def known(self, names: Sequence[str]) -> str | None:
        found = [self.blocks.get(name) for name in names]
        return None if None in found else digest_of(found)

    def execute(self, plan: Plan, step: Step, command: Command) -> None:
        _, verb, *options = command.words
        told = dict(pairwise(options))
        fold, stage, row = (told.get(f"--{name}", "") for name in ("fold", "stage", "inputs"))
        held = fold + (f"-without{told['--without']}" if "--without" in told else "")
        models = plan.out / "models"
        if verb == "plan":
            name = f"stage{stage}-fold{held}"
            self.blocks[f"training/{name}"] = made = digest_of([options, sorted(self.blocks.items())])
            for file in ("plans", "dataset"):
                self.write(models / f"plans/{name}/{file}.json", made)
        elif verb == "train":
            row = "ct-sgd" if told.get("--optimiser") else row
            folder = models / (f"stage2/{row}" if stage == "2" else "stage1")
            made = (models / f"plans/stage{stage}-fold{held}/plans.json").read_text()
            self.write(folder / f"chain{held}/fold_{fold}/checkpoint_final.pth", made + " ".join(options))
        elif verb == "regions":
            self.blocks[f"region/stage1-fold{fold}"] = digest_of(self.content(models / "stage1"))
        elif verb == "build":
            features = Path(told["--features"])
            region = self.blocks[f"region/{told['--region']}"]
            name = f"features/{features.stem}@{told['--region']}"
            self.blocks[name] = digest_of([features.read_text(), region])
        elif verb == "predict":
            self.write(plan.out / f"predictions/{row}/predictions.json", self.content(models))
        elif verb == "evaluate":
            self.write(plan.out / "evaluation/evaluation.json", self.content(plan.out / "predictions"))

    def write(self, path: Path, content: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    def content(self, folder: Path) -> list[str]:
        return [path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.fixture
def run(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> Callable[[Plan], list[str]]:
    World(monkeypatch)
    runs: Callable[[Plan], list[str]] = lambda plan: pipeline.run(plan, STAGES)  # noqa: E731
    assert runs(plan) == SECOND
    assert runs(plan) == []
    return runs


def test_a_budget_reruns_what_it_is_for(
    plan: Plan, run: Callable[[Plan], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, first in (
        ("predict", "predict"),
        ("train2", "stage2-train"),
        ("stage2", "stage2-plan"),
        ("train1", "stage1-train"),
        ("stage1", "stage1-plan"),
    ):
        changed = replace(plan.budget, **{part: (*getattr(plan.budget, part), "--batch", "3")})
        monkeypatch.setattr(Plan, "budget", changed)
        ran = run(plan)
        assert ran[0] == first
        assert ran == SECOND[SECOND.index(first) :] or part == "predict"
        assert run(plan) == []


def test_quick_and_not_quick_are_two_things(plan: Plan, run: Callable[[Plan], list[str]]) -> None:
    assert QUICK != FULL
    assert run(replace(plan, quick=True)) == SECOND
    assert run(replace(plan, quick=True)) == []


def test_a_selection_reruns_what_is_behind_it(plan: Plan, run: Callable[[Plan], list[str]]) -> None:
    after = SECOND[SECOND.index("maps") :]
    (plan.out / "selected.fold0.yaml").write_text("other features of fold 0")
    assert run(plan) == after
    (plan.out / "selected.fold0.yaml").unlink()
    assert run(plan) == after  # what stands in has its turn
    (plan.out / "selected.fold1.yaml").write_text("features of fold 1")
    assert run(plan) == after
    assert run(plan) == []


def test_one_more_row_reruns_nothing_before_the_rows(plan: Plan, run: Callable[[Plan], list[str]]) -> None:
    assert run(replace(plan, rows=("ct", "ct+maps"))) == ["stage2-train", "predict", "evaluate"]
    assert run(replace(plan, rows=("ct", "ct+maps", "ct+global")))[0] == "stage2-train"


def test_nested_chains_rerun_what_is_theirs(plan: Plan, run: Callable[[Plan], list[str]]) -> None:
    for nested in (True, False):
        changed = replace(plan, nested=nested, folds=3)
        assert run(changed) == SECOND
        assert run(changed) == []


def test_what_is_lost_is_made_again(plan: Plan, run: Callable[[Plan], list[str]]) -> None:
    (plan.out / "predictions/ct/predictions.json").unlink()
    assert run(plan)[0] == "predict"
    (plan.out / "models/stage1/chain1/fold_1/checkpoint_final.pth").unlink()
    assert run(plan)[0] == "stage1-train"


@pytest.mark.slow
def test_the_paper_on_a_tiny_cohort_killed_and_resumed(tmp_path: Path) -> None:
    pytest.importorskip("nnunetv2")
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    (tmp_path / "other.yaml").write_text(OTHERWISE)
    log = tmp_path / "killed.txt"
    with log.open("w") as file, start(tmp_path, stdout=file) as running:
        while not half_trained(tmp_path):
            assert running.poll() is None, log.read_text()
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGKILL)
    with start(tmp_path, stdout=subprocess.PIPE) as running:
        said, _ = running.communicate(timeout=300)
    assert running.returncode == 0, said
    assert "stage1-train: skipped" in said
    assert "behind epoch" in said
    evaluation = json.loads((tmp_path / "out/evaluation/evaluation.json").read_text())
    (cohort,) = evaluation["cohorts"]
    assert list(cohort["rows"]) == ["ct", "ct+maps+global"]
    for row in cohort["rows"].values():
        assert row["pooled"]["scores"]["cases"] == CASES
        assert list(row["folds"]) == ["0", "1"]
    report = "\n\n".join(map(markdown, ablation.blocks(tmp_path / "out")))
    assert "| ct+maps+global | " in report
    assert "Chain 1, view other@stage1-fold1: its selection found nothing, so these stand in" in report
    with start(tmp_path, stdout=subprocess.PIPE) as running:
        said, _ = running.communicate(timeout=60)
    lines = [line for line in said.splitlines() if not line.startswith("[")]
    assert lines == [f"{name}: skipped, done from the same before" for name in ("split", *SECOND)]


CASES = 8
CATALOG = f"""\
store: ./store
sources:
  demo:
    driver: phantom
    args: {{cases: {CASES}, seed: 0, folder: ./images}}
    regions: {{pancreas: [1, 4, 5], lesion: [1]}}
"""
OTHERWISE = """\
features: [original_firstorder_Mean, original_glcm_Contrast]
setting: {binWidth: 20, resampledPixelSpacing: [2, 2, 2.5]}
maps: true
"""


def start(folder: Path, **more: Any) -> subprocess.Popen[str]:
    """The pipeline with a budget of seconds, in a group of processes that can be killed together."""
    options = ["--quick", "--catalog", "catalog.yaml", "--otherwise", "other.yaml", "--out", "out"]
    options += ["--folds", "2", "--jobs", "1", "--rows", "ct,ct+maps+global", "--device", "cpu"]
    options += ["--steps", ",".join(("split", *SECOND))]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(pipeline.__file__).parents[1])}
    command = [sys.executable, str(TINY), *options]
    return subprocess.Popen(
        command, cwd=folder, env=env, text=True, stderr=subprocess.STDOUT, start_new_session=True, **more
    )


def half_trained(folder: Path) -> bool:
    """Whether the last row has an epoch behind it, and not all."""
    return (folder / "out/models/stage2/ct+maps+global/chain0/fold_0/checkpoint_latest.pth").is_file()
