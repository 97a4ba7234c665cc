"""Weights from a checkpoint: which are taken, what is written down, which are refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from fusion.recipe import KEY
from fusion.train.checkpoints import load_initial, read_checkpoint
from fusion.train.job import START
from radstore.errors import BadInput


def test_starts_from_another_networks_encoder_and_decoder(cohort: Any) -> None:
    told: list[str] = []
    file = cohort.train("ct", epochs=1) / "fold_0" / "checkpoint_final.pth"
    cohort.train("ct+maps+global", init_from=file, epochs=1, say=told.append)
    said = next(text for text in told if "weights from" in text)
    assert "encoder.stages.0.0.convs.0.conv.weight ((8, 1, 3, 3, 3) there, (8, 2, 3, 3, 3) here)" in said
    assert "fusion.film.weight (not in the checkpoint)" in said
    assert "decoder" not in said.replace("decoder.encoder.stages.0.0.convs.0.", "")


def test_what_it_started_from_stands_in_the_model(cohort: Any) -> None:
    file = cohort.train("ct", epochs=1) / "fold_0" / "checkpoint_final.pth"
    folder = cohort.train("ct+global", init_from=file, epochs=1)
    cohort.train("ct+global", resume=True, epochs=2)
    start = read_checkpoint(folder / "fold_0" / "checkpoint_final.pth")["init_args"]["plans"][START]
    assert start == {"checkpoint": str(file), "digest": hashlib.sha256(file.read_bytes()).hexdigest()}


@pytest.mark.parametrize("paper", [False, True])
def test_weights_that_saw_the_held_out_fold_are_refused(cohort: Any, tmp_path: Path, paper: bool) -> None:
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


def test_a_nested_training_starts_from_nothing_less(cohort: Any) -> None:
    file = cohort.train("ct", epochs=1) / "fold_0" / "checkpoint_final.pth"
    cohort.plan(nested=True, split="s")
    checkpoint = torch.load(file, weights_only=True)
    checkpoint["init_args"]["plans"][KEY]["split"] = "s"
    torch.save(checkpoint, file)
    with pytest.raises(BadInput, match="is of a standard chain: its masks may know labels of fold 0"):
        cohort.train("ct+global", init_from=file)


def test_weights_come_from_where_it_was_said(cohort: Any, toy: ModuleType, tmp_path: Path) -> None:
    file = cohort.train("ct", epochs=1) / "fold_0" / "checkpoint_final.pth"
    trainer = toy.trainer(tmp_path / "other", toy.plans())
    trainer.initialize()
    loaded = load_initial(trainer.module, file)
    theirs, ours = read_checkpoint(file)["network_weights"], trainer.module.state_dict()
    assert set(loaded.taken) == set(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert all(name.startswith("fusion.") for name in loaded.left)


def test_another_networks_weights_are_refused(cohort: Any, tmp_path: Path, toy: ModuleType) -> None:
    other = {"encoder.stages.0.0.convs.0.conv.weight": torch.zeros(16, 1, 3, 3, 3)}
    torch.save({"network_weights": other}, tmp_path / "other.pth")
    with pytest.raises(BadInput, match=r"of another network: .* weights do not fit"):
        cohort.train(init_from=tmp_path / "other.pth")


def test_a_stock_checkpoint_with_numpys_scalars_is_read(tmp_path: Path) -> None:
    torch.save({"network_weights": {}, "_best_ema": np.float64(0.5), "x": np.float32(1)}, tmp_path / "c.pth")
    assert read_checkpoint(tmp_path / "c.pth")["_best_ema"] == 0.5


def test_a_checkpoint_that_would_execute_something_is_refused(tmp_path: Path) -> None:
    torch.save({"network_weights": {}, "hidden": Path.home}, tmp_path / "c.pth")
    with pytest.raises(BadInput, match=r"c\.pth cannot be read"):
        read_checkpoint(tmp_path / "c.pth")
