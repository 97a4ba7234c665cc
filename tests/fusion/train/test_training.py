"""`train` from a store: what it writes, what it goes on with, what it refuses."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from fusion.cli import main
from fusion.inputs import Inputs
from fusion.recipe import KEY, Channel, Recipe
from fusion.samples.sample import Sample
from fusion.train.api import train
from fusion.train.checkpoints import load_initial, read_checkpoint
from fusion.train.job import START, Job, prepare, split_cases
from fusion.train.settings import Training, model_folder
from radstore.canonical import digest_of
from radstore.errors import BadInput
from radstore.images.volume import Geometry
from radstore.store import blocks, layout, log
from radstore.store.blocks import CODEC, Block
from radstore.store.bucket import open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.query import open_store

SPEC = "1" * 64
VIEW = "selected@stage1-fold0"
RECIPE = Recipe(
    stage=2,
    fold=0,
    inputs=Inputs("ct+maps+global"),
    labels={"background": 0, "one": 1, "two": 2},
    region="stage1-fold0",
    view=VIEW,
    spec_hash=SPEC,
    maps=(Channel("original_glcm_Imc1", 0.0, 1.0),),
    vector=tuple(
        Channel(f"original_shape_{name}", 0.0, 1.0) for name in ("Sphericity", "Elongation", "Flatness")
    ),
)
TINY = {"epochs": 2, "steps": 2, "validation_steps": 1}


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the picture of the losses."""
    from fusion.train.log import TrainingLog

    monkeypatch.setattr(TrainingLog, "plot_progress_png", lambda self, folder: None)
    logging.disable(logging.WARNING)


class Cohort:
    """A store with eight cases, in three folds and none, and a plan beside it."""

    def __init__(self, folder: Path, toy: ModuleType) -> None:
        self.models, self.toy = folder / "models", toy
        self.bucket = open_bucket(folder / "store")

    def fill(self) -> None:
        layout.create(self.bucket, CODEC)
        self.commit({f"case{number}": number % 3 if number < 7 else None for number in range(8)})
        self.plan()

    def commit(self, folds: dict[str, int | None], held_out: int | None = None) -> None:
        """Cases with their folds, whose regions are out of fold, or held out another."""
        before = dict(open_store(self.bucket.location).manifest.items())
        records = {case: self.made(case, fold, held_out) for case, fold in folds.items()}
        log.commit(self.bucket, {case: Change(before.get(case), made) for case, made in records.items()})

    def made(self, case: str, fold: int | None, held_out: int | None) -> CaseRecord:
        origin = {"held_out": [fold if held_out is None else held_out], "split": "s", "stage": 1}
        region = Block("region", {"region": np.full((6, 20, 20), 1 + (held_out or 0), np.uint8)}, None, {})
        vector = self.toy.ToyDataset("").vector(case).astype(np.float64)
        names = [channel.name for channel in RECIPE.vector]
        entries = {
            "training/stage2-fold0": self.publish(case, self.sample(case).to_block()),
            f"features/{VIEW}": self.publish(
                case, Block("features", {"features": vector}, None, {"names": names})
            ),
            "region/stage1-fold0": self.publish(case, region, origin=origin),
        }
        return CaseRecord(
            {"patient": f"P{case}"}, entries, {} if fold is None else {"fold": fold, "split": "s"}
        )

    def publish(self, case: str, block: Block, **more: Any) -> Entry:
        key = digest_of([case, block.digest])
        digest = blocks.publish(self.bucket, layout.object_folder(key), block)
        return Entry(key, digest=digest, spec=SPEC, **more)

    def sample(self, case: str) -> Sample:
        image, seg, _, properties = self.toy.ToyDataset("").load_case(case)
        data = np.concatenate([image, 2 * image])
        places = [
            (label, *place[1:]) for label, found in properties["class_locations"].items() for place in found
        ]
        region = np.ones(image.shape[1:], np.uint8)
        locations = np.array(places, np.int32)
        grid = Geometry(image.shape[:0:-1], (1.0, 1.0, 2.0))
        names = ("CT", "original_glcm_Imc1")
        return Sample(data, names, region, seg, locations, {"spacing": [2.0, 1.0, 1.0]}, grid)

    def plan(self, **recipe: Any) -> None:
        plans = self.toy.plans(channels=2) | {KEY: replace(RECIPE, **recipe).to_json()}
        ct = {"mean": 0.0, "std": 1.0}
        plans["foreground_intensity_properties_per_channel"] = {"0": ct, "1": ct}
        del plans["fusion_training"]
        folder = self.models / "plans" / "stage2-fold0"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plans.json").write_text(json.dumps(plans))
        dataset = self.toy.DATASET | {"channel_names": {"0": "CT", "1": "original_glcm_Imc1"}}
        (folder / "dataset.json").write_text(json.dumps(dataset))

    def prepare(self, stage: int, without: int) -> Job:
        """A training that is ready to start."""
        how: dict[str, Any] = {
            "channels": None,
            "name": None,
            "resume": False,
            "force": False,
            "changes": TINY,
        }
        store = self.bucket.location
        return prepare(self.models, stage, 0, "ct", store=store, without=without, say=print, **how)

    def train(self, inputs: str = "ct+maps+global", fold: int = 0, **more: Any) -> Path:
        given = {"store": self.bucket.location, "device": "cpu", "say": lambda text: None, **TINY, **more}
        return train(self.models, 2, fold, inputs, **given)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, toy: ModuleType) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    Cohort(folder, toy).fill()
    return folder


@pytest.fixture
def cohort(template: Path, tmp_path: Path, toy: ModuleType) -> Cohort:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return Cohort(tmp_path, toy)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)["network_weights"]


def test_trains_a_row_from_the_store_into_a_model_folder(cohort: Cohort) -> None:
    told: list[Any] = []
    folder = cohort.train(progress=told.append)
    assert folder == cohort.models / "stage2" / "ct+maps+global" / "chain0"
    assert [epoch.number for epoch in told] == [1, 2]
    plans = json.loads((folder / "plans.json").read_text())
    recipe = Recipe.from_plans(plans)
    assert recipe.store == f"{cohort.bucket.location}@1"
    assert recipe.inputs.name == "ct+maps+global"
    assert Training.from_plans(plans) == Training(**TINY)
    assert any(name.startswith("fusion.") for name in weights(folder))


def test_a_row_without_vector_is_nnunets_own_network(cohort: Cohort) -> None:
    found = weights(cohort.train("ct", epochs=1))
    assert not any(name.startswith("fusion.") for name in found)
    sgd = cohort.train("ct", epochs=1, optimiser="sgd")
    assert sgd == cohort.models / "stage2" / "ct-sgd" / "chain0"


def test_the_held_out_fold_and_cases_of_no_fold_are_not_trained_on(cohort: Cohort) -> None:
    from fusion.data.view import View
    from fusion.train.job import split_cases

    view = View.load(cohort.train("ct", epochs=1) / "data" / "view")
    training, held_out = split_cases(view)
    assert training == ["case1", "case2", "case4", "case5"]
    assert held_out == ["case0", "case3", "case6"]


def test_the_same_seed_gives_the_same_weights(cohort: Cohort) -> None:
    first, second = (weights(cohort.train(name=name, epochs=1)) for name in ("a", "b"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_nothing_is_overwritten_and_what_is_done_is_not_done_again(cohort: Cohort) -> None:
    told: list[str] = []
    folder = cohort.train("ct", epochs=1)
    with pytest.raises(BadInput, match="is there already"):
        cohort.train("ct", epochs=1)
    cohort.train("ct", epochs=1, resume=True, say=told.append)
    assert told == [f"{folder}: trained already"]
    cohort.train("ct", epochs=3, resume=True, say=told.append)
    assert "behind epoch 1 of 3" in told[-1]
    final = read_checkpoint(folder / "fold_0" / "checkpoint_final.pth")
    assert final["current_epoch"] == Training.from_plans(final["init_args"]["plans"]).epochs == 3


def test_a_training_is_not_continued_as_another(cohort: Cohort) -> None:
    cohort.train("ct", epochs=1)
    with pytest.raises(BadInput, match="trained with seed 0, now it is 1"):
        cohort.train("ct", epochs=2, seed=1, resume=True)
    with pytest.raises(BadInput, match="of another network"):
        cohort.train("ct+maps", name="ct", resume=True)


def test_what_cannot_be_continued_is_begun_anew_if_asked(cohort: Cohort) -> None:
    told: list[str] = []
    folder = cohort.train("ct", epochs=1) / "fold_0"
    before = weights(folder.parent)
    cohort.train("ct", epochs=1, seed=1, resume=True, force=True, say=told.append)
    assert "was trained with seed 0, now it is 1; beginning anew" in told[0]
    after = weights(folder.parent)
    assert any(not torch.equal(after[name], before[name]) for name in after)
    cohort.train("ct", epochs=1, seed=1, resume=True, force=True, say=told.append)
    assert "trained already" in told[-1]

    def killed(epoch: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cohort.train("ct", epochs=2, seed=2, force=True, progress=killed)
    assert not (folder / "checkpoint_final.pth").exists()  # the other training's: not to be gone on with
    cohort.train("ct", epochs=2, seed=2, resume=True, force=True, say=told.append)
    assert "continuing" in told[-1]
    assert "behind epoch 1 of 2" in told[-1]


def test_starts_from_another_networks_encoder_and_decoder(cohort: Cohort) -> None:
    told: list[str] = []
    file = cohort.train("ct", epochs=1) / "fold_0" / "checkpoint_final.pth"
    cohort.train("ct+maps+global", init_from=file, epochs=1, say=told.append)
    said = next(text for text in told if "weights from" in text)
    assert "encoder.stages.0.0.convs.0.conv.weight ((8, 1, 3, 3, 3) there, (8, 2, 3, 3, 3) here)" in said
    assert "fusion.film.weight (not in the checkpoint)" in said
    assert "decoder" not in said.replace("decoder.encoder.stages.0.0.convs.0.", "")


def test_what_it_started_from_stands_in_the_model(cohort: Cohort) -> None:
    file = cohort.train("ct", epochs=1) / "fold_0" / "checkpoint_final.pth"
    folder = cohort.train("ct+global", init_from=file, epochs=1)
    cohort.train("ct+global", resume=True, epochs=2)
    start = read_checkpoint(folder / "fold_0" / "checkpoint_final.pth")["init_args"]["plans"][START]
    assert start == {"checkpoint": str(file), "digest": hashlib.sha256(file.read_bytes()).hexdigest()}


@pytest.mark.parametrize("paper", [False, True])
def test_weights_that_saw_the_held_out_fold_are_refused(cohort: Cohort, tmp_path: Path, paper: bool) -> None:
    file = cohort.train("ct", epochs=1) / "fold_0" / "checkpoint_final.pth"
    checkpoint = torch.load(file, weights_only=True)
    checkpoint["init_args"]["plans"][KEY]["fold"] = 1
    torch.save(checkpoint, other := tmp_path / "other.pth")
    if paper:
        cohort.plan(paper_mode=True)
        told: list[str] = []
        cohort.train("ct+global", init_from=other, epochs=1, say=told.append)
        assert any("optimistic" in text and "learnt from the cases of fold 0" in text for text in told)
        return
    with pytest.raises(BadInput, match="learnt from the cases of fold 0"):
        cohort.train("ct+global", init_from=other, epochs=1)
    del checkpoint["init_args"]["plans"][KEY]
    torch.save(checkpoint, other)
    stock: list[str] = []
    cohort.train("ct+global", init_from=other, epochs=1, say=stock.append)
    assert any("nothing says whom" in text for text in stock)


def test_weights_come_from_where_it_was_said(cohort: Cohort, toy: ModuleType, tmp_path: Path) -> None:
    file = cohort.train("ct", epochs=1) / "fold_0" / "checkpoint_final.pth"
    trainer = toy.trainer(tmp_path / "other", toy.plans())
    trainer.initialize()
    loaded = load_initial(trainer.module, file)
    theirs, ours = read_checkpoint(file)["network_weights"], trainer.module.state_dict()
    assert set(loaded.taken) == set(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert all(name.startswith("fusion.") for name in loaded.left)


def test_a_stock_checkpoint_with_numpys_scalars_is_read(tmp_path: Path) -> None:
    torch.save({"network_weights": {}, "_best_ema": np.float64(0.5), "x": np.float32(1)}, tmp_path / "c.pth")
    assert read_checkpoint(tmp_path / "c.pth")["_best_ema"] == 0.5


def test_a_checkpoint_that_would_execute_something_is_refused(tmp_path: Path) -> None:
    torch.save({"network_weights": {}, "hidden": Path.home}, tmp_path / "c.pth")
    with pytest.raises(BadInput, match=r"c\.pth cannot be read"):
        read_checkpoint(tmp_path / "c.pth")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"init_from": "gone.pth"}, "gone.pth does not exist"),
        ({"fold": 1}, "no plan of stage 2, fold 1"),
        ({"inputs": "ct+map"}, "is no row of the ablation"),
        ({"channels": ["original_glcm_Imc2"]}, "no map 'original_glcm_Imc2'"),
        ({"ddp": True}, "no `torchrun` started this process"),
        ({"optimiser": "adam"}, "--optimiser 'adam' is not known"),
        ({"epoch": 3}, "no setting 'epoch'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"missing": 1.0}, "missing is 1.0"),
        ({"without": 1}, "--without 1 of stage 2"),
        ({"device": "gpu"}, "--device 'gpu'"),
    ],
)
def test_what_does_not_fit_is_refused(cohort: Cohort, change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        cohort.train(**change)


def test_a_gpu_that_is_not_there_is_refused(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInput, match="--device cuda"):
        cohort.train(device="cuda")
    assert not (cohort.models / "stage2").exists()


def test_another_networks_weights_are_refused(cohort: Cohort, tmp_path: Path, toy: ModuleType) -> None:
    other = {"encoder.stages.0.0.convs.0.conv.weight": torch.zeros(16, 1, 3, 3, 3)}
    torch.save({"network_weights": other}, tmp_path / "other.pth")
    with pytest.raises(BadInput, match=r"of another network: .* weights do not fit"):
        cohort.train(init_from=tmp_path / "other.pth")


def test_a_region_that_is_not_out_of_fold_is_refused(cohort: Cohort) -> None:
    cohort.commit({"case1": 1}, held_out=2)
    with pytest.raises(BadInput, match=r"case1\): its model did not hold out fold 1"):
        cohort.train()
    assert not (cohort.models / "stage2").exists()


def test_a_nested_plan_trains_on_nested_regions_only(cohort: Cohort) -> None:
    cohort.plan(nested=True)
    with pytest.raises(BadInput, match="its model did not hold out fold 0"):
        cohort.train()
    assert not (cohort.models / "stage2").exists()


def test_a_nested_training_starts_from_nothing_less(cohort: Cohort) -> None:
    file = cohort.train("ct", epochs=1) / "fold_0" / "checkpoint_final.pth"
    cohort.plan(nested=True, split="s")
    checkpoint = torch.load(file, weights_only=True)
    checkpoint["init_args"]["plans"][KEY]["split"] = "s"
    torch.save(checkpoint, file)
    with pytest.raises(BadInput, match="is of a standard chain: its masks may know labels of fold 0"):
        cohort.train("ct+global", init_from=file)


def test_what_is_known_of_the_selection_stops_no_training(cohort: Cohort) -> None:
    cohort.train(epochs=1)
    cohort.plan(unknown_selection=True)
    folder = cohort.train(resume=True)
    plans = json.loads((folder / "plans.json").read_text())
    assert Recipe.from_plans(plans).protocol == ("standard chain", "unknown selection")


def test_of_nested_chains_neither_fold_is_trained_on(cohort: Cohort) -> None:
    nested = Recipe(stage=1, fold=0, labels=RECIPE.labels, without=(1,), split="s")
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


def test_cases_that_were_split_again_are_refused(cohort: Cohort) -> None:
    """Fold 0 of another split is other cases, which the plan's numbers come from."""
    file = cohort.models / "plans" / "stage2-fold0" / "plans.json"
    plans = json.loads(file.read_text())
    plans[KEY]["split"] = "another"
    file.write_text(json.dumps(plans))
    with pytest.raises(BadInput, match="split again since stage 2, fold 0, was planned"):
        cohort.train()


def test_a_fold_without_cases_is_refused(cohort: Cohort) -> None:
    cohort.commit({f"case{number}": number % 2 + 1 for number in range(8)})
    with pytest.raises(BadInput, match=r"fold 0 holds out no case .*\(its cases are of folds \[1, 2\]\)"):
        cohort.train()
    cohort.commit({f"case{number}": 0 for number in range(8)})
    with pytest.raises(BadInput, match=r"fold 0 trains on no case"):
        cohort.train()


def test_a_plan_without_samples_is_refused(cohort: Cohort) -> None:
    plans = cohort.models / "plans"
    (plans / "stage2-fold0").rename(plans / "stage2")
    with pytest.raises(BadInput, match="no case has training/stage2"):
        cohort.train()


def test_the_verb_mirrors_the_function(cohort: Cohort, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_patches_come_from_other_processes_too(cohort: Cohort) -> None:
    assert weights(cohort.train(epochs=1, workers=2))


def test_folders_are_named_by_stage_row_and_fold() -> None:
    assert model_folder("m", 1, "ct", 2) == Path("m/stage1/chain2")
    assert model_folder("m", 1, "ct", 0, 2) == Path("m/stage1/chain0-without2")
    assert model_folder("m", 2, "ct+maps", 1) == Path("m/stage2/ct+maps/chain1")
