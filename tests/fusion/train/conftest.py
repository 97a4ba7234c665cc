"""The toy task of `toy.py`, single-threaded and without processes of nnU-Net's; the same cases in a store."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest

from fusion.inputs import Inputs
from fusion.recipe import KEY, Channel, Recipe
from fusion.samples.sample import Sample
from fusion.train.api import train
from fusion.train.job import Job, prepare
from radstore.canonical import digest_of
from radstore.images.volume import Geometry
from radstore.store import blocks, layout, log
from radstore.store.blocks import CODEC, Block
from radstore.store.bucket import open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.query import open_store

pytest.importorskip("torch")
pytest.importorskip("nnunetv2")

PROGRAM = Path(__file__).with_name("toy.py")
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


@pytest.fixture(scope="session")
def toy() -> ModuleType:
    """The module `toy.py`."""
    spec = util.spec_from_file_location("toy", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules["toy"] = module  # so that its classes can be pickled
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No more threads or processes than this one."""
    import torch

    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `toy.py` in a process of its own."""

    def start(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(PROGRAM), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)

    return start


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the picture of the losses, which takes longer than everything else here."""
    from fusion.train.log import TrainingLog

    monkeypatch.setattr(TrainingLog, "plot_progress_png", lambda self, folder: None)


class Cohort:
    """A store with eight cases, in three folds and none, and a plan beside it."""

    settings: ClassVar[dict[str, int]] = {"epochs": 2, "steps": 2, "validation_steps": 1}

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
        how: dict[str, Any] = {"channels": None, "name": None, "resume": False, "force": False}
        how |= {"changes": self.settings, "store": self.bucket.location}
        return prepare(self.models, stage, 0, "ct", without=without, say=print, **how)

    def train(self, inputs: str = "ct+maps+global", fold: int = 0, **more: Any) -> Path:
        given = {
            "store": self.bucket.location,
            "device": "cpu",
            "say": lambda text: None,
            **self.settings,
            **more,
        }
        return train(self.models, 2, fold, inputs, **given)

    def weights(self, folder: Path) -> dict[str, Any]:
        """The weights of a training that is done."""
        from fusion.train.checkpoints import read_checkpoint

        return read_checkpoint(folder / "fold_0" / "checkpoint_final.pth")["network_weights"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, toy: ModuleType) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    Cohort(folder, toy).fill()
    return folder


@pytest.fixture
def cohort(template: Path, tmp_path: Path, toy: ModuleType, undrawn: None) -> Iterator[Cohort]:
    """A `Cohort` of this test's own."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    logging.disable(logging.WARNING)  # of cases without a vector
    yield Cohort(tmp_path, toy)
    logging.disable(logging.NOTSET)
