"""`train` from a store: what it writes, and from whom it learns."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fusion.cli import main
from fusion.data.view import View
from fusion.recipe import KEY, Recipe
from fusion.train.job import split_cases
from fusion.train.settings import Training, model_folder
from radstore.errors import BadInput
from radstore.store import log
from radstore.store.log import Change
from radstore.store.query import open_store


def test_trains_a_row_from_the_store_into_a_model_folder(cohort: Any) -> None:
    told: list[Any] = []
    folder = cohort.train(progress=told.append)
    assert folder == cohort.models / "stage2" / "ct+maps+global" / "chain0"
    assert [epoch.number for epoch in told] == [1, 2]
    plans = json.loads((folder / "plans.json").read_text())
    recipe = Recipe.from_plans(plans)
    assert recipe.store == f"{cohort.bucket.location}@1"
    assert recipe.inputs.name == "ct+maps+global"
    assert Training.from_plans(plans) == Training(**cohort.settings)
    assert any(name.startswith("fusion.") for name in cohort.weights(folder))


def test_a_row_without_vector_is_nnunets_own_network(cohort: Any) -> None:
    found = cohort.weights(cohort.train("ct", epochs=1))
    assert not any(name.startswith("fusion.") for name in found)
    sgd = cohort.train("ct", epochs=1, optimiser="sgd")
    assert sgd == cohort.models / "stage2" / "ct-sgd" / "chain0"


def test_the_held_out_fold_and_cases_of_no_fold_are_not_trained_on(cohort: Any) -> None:
    view = View.load(cohort.train("ct", epochs=1) / "data" / "view")
    training, held_out = split_cases(view)
    assert training == ["case1", "case2", "case4", "case5"]
    assert held_out == ["case0", "case3", "case6"]


def test_what_is_known_of_the_selection_stops_no_training(cohort: Any) -> None:
    cohort.train(epochs=1)
    cohort.plan(unknown_selection=True)
    folder = cohort.train(resume=True)
    plans = json.loads((folder / "plans.json").read_text())
    assert Recipe.from_plans(plans).protocol == ("standard chain", "unknown selection")


def test_of_nested_chains_neither_fold_is_trained_on(cohort: Any) -> None:
    nested = Recipe(stage=1, fold=0, labels=cohort.toy.DATASET["labels"], without=(1,), split="s")
    with pytest.raises(BadInput, match="stage1-fold0-without1: no plan of stage 1, fold 0"):
        cohort.prepare(stage=1, without=1)
    folder = cohort.models / "plans" / "stage1-fold0-without1"
    shutil.copytree(cohort.models / "plans" / "stage2-fold0", folder)
    plans = json.loads((folder / "plans.json").read_text()) | {KEY: nested.to_json()}
    plans["configurations"]["3d_fullres"]["architecture"]["network_class_name"] = cohort.toy.STOCK
    (folder / "plans.json").write_text(json.dumps(plans))
    for case, record in open_store(cohort.bucket.location).manifest.items():
        entry = replace(record.blocks["training/stage2-fold0"], spec="")
        made = replace(record, blocks={**record.blocks, "training/stage1-fold0-without1": entry})
        log.commit(cohort.bucket, {case: Change(record, made)})
    job = cohort.prepare(stage=1, without=1)
    training, held_out = split_cases(job.view)
    assert (training, held_out) == (["case2", "case5"], ["case0", "case3", "case6"])
    assert job.folders.model == cohort.models / "stage1" / "chain0-without1"
    assert Recipe.from_plans(job.plans).held_out == (0, 1)


def test_the_verb_mirrors_the_function(cohort: Any, capsys: pytest.CaptureFixture[str]) -> None:
    asked = (
        "train --stage 2 --fold 0 --inputs ct+global --epochs 1 --steps 1 --validation-steps 1 --device cpu"
    )
    places = ["--models", str(cohort.models), "--store", str(cohort.bucket.location)]
    assert main([*asked.split(), *places]) == 0
    out, err = capsys.readouterr()
    assert out == f"{cohort.models / 'stage2' / 'ct+global' / 'chain0'}\n"
    assert "device: as asked: cpu" in err
    assert "epoch 1 of 1: loss" in err
    assert main([*asked.split(), *places]) == 2
    assert "Add --continue" in capsys.readouterr().err


def test_folders_are_named_by_stage_row_and_fold() -> None:
    assert model_folder("m", 1, "ct", 2) == Path("m/stage1/chain2")
    assert model_folder("m", 1, "ct", 0, 2) == Path("m/stage1/chain0-without2")
    assert model_folder("m", 2, "ct+maps", 1) == Path("m/stage2/ct+maps/chain1")
