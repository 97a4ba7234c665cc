"""The trainer on nnU-Net's own: whose vector, what is augmented, what is drawn, what is written."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib
import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.logging.nnunet_logger import LocalLogger
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from fusion.network import Batch, FusedUNet
from fusion.train.augmentation import CtOnly
from fusion.trainer import FusionTrainer

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def make(toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def one(fused: bool = True, name: str = "model", **settings: Any) -> Any:
        made = toy.trainer(tmp_path / name, toy.plans(fused, **settings))
        made.initialize()
        return made

    return one


def given(trainer: Any, cases: list[str], withheld: float = 0.0) -> Batch:
    found = trainer._with_vectors({"keys": cases, "data": torch.zeros(len(cases), 1, 4, 16, 16)}, withheld)
    assert isinstance(found["data"], Batch)
    return found["data"]


def test_each_sample_is_given_the_vector_of_its_case(make: Any, toy: ModuleType) -> None:
    trainer = make()
    train, _ = trainer.get_tr_and_val_datasets()
    batch = given(trainer, ["case4", "case2", "case4", "case15"])
    assert batch.present.tolist() == [True, True, True, False]  # case15 has none
    for row, case in zip(batch.vector[:3], ["case4", "case2", "case4"], strict=True):
        np.testing.assert_array_equal(row.numpy(), train.vector(case))


def test_vectors_are_withheld_as_often_as_told(make: Any) -> None:
    trainer = make()
    trainer.get_tr_and_val_datasets()
    torch.manual_seed(0)
    present = given(trainer, ["case2"] * 2000, withheld=0.25).present
    assert 0.7 < present.float().mean() < 0.8


def test_a_network_without_vector_is_given_images(make: Any) -> None:
    trainer = make(fused=False)
    batch = {"keys": ["case2"], "data": torch.zeros(1)}
    assert trainer._with_vectors(batch, 0.5) is batch


def test_everything_is_on_the_device_before_the_optimiser_sees_it(make: Any) -> None:
    trainer = make()
    known = {id(weight) for group in trainer.optimizer.param_groups for weight in group["params"]}
    assert known == {id(weight) for weight in trainer.network.parameters()}
    assert {weight.device for weight in trainer.network.parameters()} == {trainer.device}


def test_intensities_are_augmented_in_the_ct_alone() -> None:
    made = FusionTrainer.get_training_transforms(
        (4, 16, 16), (-0.1, 0.1), [[1, 1, 1]], (), False, use_mask_for_norm=[False] * 3
    )
    changed = [step for step in made.transforms if isinstance(step, RandomTransform)]
    assert len(changed) == 7
    assert all(isinstance(step.transform, CtOnly) for step in changed)
    image = torch.rand(3, 4, 16, 16)
    for step in changed:
        after = step.transform(image=image.clone())["image"]
        assert torch.equal(after[1:], image[1:])
    brighter = CtOnly(MultiplicativeBrightnessTransform((2, 2), False, 1))(image=image.clone())["image"]
    torch.testing.assert_close(brighter[0], 2 * image[0])


@pytest.mark.parametrize(("patch", "share"), [([64, 128, 128], 0.6), ([16, 128, 128], 1.0)])
def test_small_rotations_read_smaller_patches(make: Any, patch: list[int], share: float) -> None:
    trainer = make()
    trainer.configuration_manager.configuration["patch_size"] = patch
    (low, high), *_, read, mirror = trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    *_, as_shipped, _ = nnUNetTrainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size(trainer)
    assert np.isclose(-low, high)
    assert np.isclose(high, np.deg2rad(10))
    assert all(size >= least for size, least in zip(read, patch, strict=True))
    assert np.prod(read) <= share * np.prod(as_shipped)
    assert mirror == trainer.inference_allowed_mirroring_axes == (0, 1, 2)


def test_sgd_is_nnunet_as_shipped(make: Any) -> None:
    trainer = make(fused=False, optimiser="sgd")
    assert isinstance(trainer.optimizer, torch.optim.SGD)
    assert trainer.initial_lr == 1e-2
    ours = trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    shipped = nnUNetTrainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size(trainer)
    assert ours[0] == shipped[0]
    assert np.array_equal(ours[2], shipped[2])


def test_the_schedule_is_nnunets(make: Any) -> None:
    trainer = make(epochs=10)
    rates = []
    for trainer.current_epoch in range(10):
        trainer.on_train_epoch_start()
        rates.append(trainer.optimizer.param_groups[0]["lr"])
    np.testing.assert_allclose(rates, 1e-3 * (1 - np.arange(10) / 10) ** 0.9)


def test_a_seed_determines_the_training(make: Any, undrawn: None) -> None:
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        trainer = make(name=name, seed=seed)
        trainer.run_training()
        weights.append(torch.cat([weight.ravel() for weight in trainer.network.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_writes_nnunets_files_and_loads_without_trust(make: Any, undrawn: None, tmp_path: Path) -> None:
    told = []
    trainer = make()
    trainer.progress = told.append
    trainer.run_training()
    assert [(epoch.number, epoch.of) for epoch in told] == [(1, 2), (2, 2)]
    folder = tmp_path / "model"
    assert {file.name for file in folder.iterdir()} >= {"plans.json", "dataset.json", "fold_0"}
    files = {file.name for file in (folder / "fold_0").iterdir()}
    assert files >= {"checkpoint_final.pth", "checkpoint_best.pth", "debug.json"}
    assert "checkpoint_latest.pth" not in files  # nnU-Net removes it at the end
    checkpoint = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)
    assert checkpoint["current_epoch"] == 2
    assert checkpoint["trainer_name"] == "ToyTrainer"
    assert checkpoint["init_args"]["plans"] == json.loads((folder / "plans.json").read_text())
    assert str(tmp_path) not in json.dumps(checkpoint["init_args"]["plans"])
    again = make(name="again")
    again.load_checkpoint(str(folder / "fold_0" / "checkpoint_final.pth"))
    for name, weight in again.network.state_dict().items():
        assert torch.equal(weight, trainer.network.state_dict()[name])
    assert again.current_epoch == 2


def test_the_picture_of_the_losses_is_drawn_at_the_end(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    draw = LocalLogger.plot_progress_png
    monkeypatch.setattr(
        LocalLogger, "plot_progress_png", lambda self, folder: (drawn.append(folder), draw(self, folder))
    )
    style = dict(matplotlib.rcParams)
    make(epochs=3, steps=1).run_training()
    assert dict(matplotlib.rcParams) == style  # of every other figure
    assert drawn == [str(tmp_path / "model" / "fold_0")]
    assert (tmp_path / "model" / "fold_0" / "progress.png").stat().st_size > 0


def test_an_epoch_that_shows_no_structure_stops_neither_the_average_nor_the_best_checkpoint(
    make: Any, undrawn: None, tmp_path: Path
) -> None:
    trainer = make(epochs=5, steps=1)
    found = [
        0,
        1,
        0,
        3,
        4,
    ]  # true voxels of the first structure, with one wrong and one missed; the other is never there

    def told(batch: dict[str, Any]) -> dict[str, Any]:
        true = np.array([found[trainer.current_epoch], 0])
        wrong = np.array([1, 0]) * (true[0] > 0)
        return {"loss": np.array(1.0), "tp_hard": true, "fp_hard": wrong, "fn_hard": wrong}

    trainer.validation_step = told
    trainer.run_training()
    log = trainer.logger.get_checkpoint()
    dice = [np.nan, 1 / 2, np.nan, 3 / 4, 4 / 5]
    np.testing.assert_allclose(log["mean_fg_dice"], dice)
    average = [np.nan, 0.5, 0.5, 0.525, 0.5525]
    np.testing.assert_allclose(log["ema_fg_dice"], average)
    best = torch.load(tmp_path / "model" / "fold_0" / "checkpoint_best.pth", weights_only=True)
    assert best["current_epoch"] == 5
    assert best["_best_ema"] == pytest.approx(0.5525)


def test_a_checkpoint_takes_no_second_copy_on_the_gpu(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, load, where = make(), torch.load, []

    def looking(file: Any, map_location: Any = None, **how: Any) -> Any:
        where.append(str(map_location))
        return load(file, map_location, **how)

    monkeypatch.setattr(torch, "load", looking)
    trainer.save_checkpoint(str(tmp_path / "checkpoint.pth"))
    assert where == ["cpu"]


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, file = make(), tmp_path / "checkpoint.pth"
    trainer.save_checkpoint(str(file))
    before = file.read_bytes()
    save = torch.save

    def fails(content: Any, target: Any) -> None:
        save(content, target)
        if not hasattr(target, "read"):
            Path(target).write_bytes(b"half")
            raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", fails)
    with pytest.raises(KeyboardInterrupt):
        trainer.save_checkpoint(str(file))
    assert file.read_bytes() == before
    assert [found.name for found in tmp_path.glob("*.pth")] == [file.name]


def test_plain_nnunet_opens_the_model_of_a_row_without_vector(
    make: Any, undrawn: None, toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make(fused=False, epochs=1)
    trainer.run_training()
    folder = tmp_path / "model"
    checkpoint = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)
    assert checkpoint["trainer_name"] == "nnUNetTrainer"
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    # As `initialize_from_trained_model_folder`, which looks for the trainer among all of nnU-Net's files.
    plans = PlansManager(json.loads((folder / "plans.json").read_text()))
    configuration = plans.get_configuration(checkpoint["init_args"]["configuration"])
    network = nnUNetTrainer.build_network_architecture(plans, configuration, 1, 3, False)
    predictor.manual_initialization(
        network,
        plans,
        configuration,
        [checkpoint["network_weights"]],
        json.loads((folder / "dataset.json").read_text()),
        checkpoint["trainer_name"],
        checkpoint["inference_allowed_mirroring_axes"],
    )
    crop = torch.as_tensor(toy.ToyDataset(str(folder)).load_case("case1")[0])[:, 1:5, 2:18, 2:18]
    trainer.set_deep_supervision_enabled(False)
    trainer.network.eval()
    with torch.no_grad():
        network.load_state_dict(checkpoint["network_weights"])
        assert torch.equal(network.eval()(crop[None]), trainer.network(crop[None]))
    trained = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    trained.manual_initialization(
        trainer.network, plans, configuration, None, toy.DATASET, "", trainer.inference_allowed_mirroring_axes
    )
    logits = predictor.predict_logits_from_preprocessed_data(crop)
    assert torch.equal(logits, trained.predict_sliding_window_return_logits(crop))


def test_nnunet_finds_such_a_model_by_itself(
    make: Any, undrawn: None, toy: ModuleType, tmp_path: Path
) -> None:
    make(fused=False, epochs=1).run_training()
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(tmp_path / "model"), (0,))
    assert predictor.predict_logits_from_preprocessed_data(torch.zeros(1, *toy.SHAPE)).shape == (
        3,
        *toy.SHAPE,
    )


def test_the_default_optimiser_learns_what_only_the_vector_says(make: Any) -> None:
    trainer = make(steps=300, epochs=300)
    trainer.get_tr_and_val_datasets()
    trainer.network.train()
    torch.manual_seed(0)
    for step in range(300):  # nnU-Net's own step, without its loader: what is judged is the optimiser
        trainer.lr_scheduler.step(step)
        trainer.train_step(drawn(trainer, 4))
    trainer.network.eval()
    trainer.set_deep_supervision_enabled(False)
    batch = drawn(trainer, 64)
    with torch.no_grad():
        logits = trainer.network(trainer._with_vectors(batch, 0.0)["data"])
    block = (slice(None), slice(1, None), slice(1, 3), slice(4, 12), slice(4, 12))
    found = 1 + logits[block].mean((-1, -2, -3)).argmax(1)
    assert (found == batch["target"][0].amax((-1, -2, -3))[:, 0]).float().mean() > 0.9


def drawn(trainer: Any, count: int) -> dict[str, Any]:
    """New samples: noise, a block in its middle, and a vector whose first number's sign is its label."""
    vectors, seg = torch.randn(count, 3), torch.zeros(count, 1, 4, 16, 16)
    image = torch.randn(count, 1, 4, 16, 16) * 0.3
    block = (slice(None), slice(None), slice(1, 3), slice(4, 12), slice(4, 12))
    image[block] += 1
    seg[block] = 1.0 + (vectors[:, :1, None, None, None] > 0)
    names = [str(number) for number in range(count)]
    trainer.vectors = dict(zip(names, vectors, strict=True))
    return {"data": image, "target": [seg, seg[:, :, ::2, ::2, ::2]], "keys": names}


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_as_if_it_had_not_been(run: Run, tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", "fused", 3)
    assert whole.returncode == 0, whole.stderr
    killed = run(tmp_path / "killed", "fused", 3, 2)
    assert killed.returncode == -signal.SIGKILL
    resumed = run(tmp_path / "killed", "fused", 3)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(killed.stdout.splitlines()[-1])["begins"] == 0
    begins, ends = (json.loads(line) for line in resumed.stdout.splitlines() if line.startswith("{"))
    assert begins["begins"] == 2
    assert ends["weights"] == json.loads(whole.stdout.splitlines()[-1])["weights"]


@pytest.mark.slow
def test_two_processes_train_one_network(toy: ModuleType, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, str(toy.__file__), str(tmp_path / "model"), "fused", "2"]
    told = os.environ | {"MASTER_ADDR": "localhost", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    both = [
        subprocess.Popen(
            command,
            env=told | {"RANK": rank, "LOCAL_RANK": rank, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    first, second = (json.loads(out.splitlines()[-1]) for out, _ in said)
    assert (first["main"], second["main"]) == (True, False)
    assert (first["mine"], second["mine"]) == (2, 2)
    assert first["weights"] == second["weights"]
    assert (tmp_path / "model" / "fold_0" / "checkpoint_final.pth").is_file()


def test_a_fused_network_is_built_from_plans_for_prediction(toy: ModuleType) -> None:
    plans = PlansManager(toy.plans())
    network = FusionTrainer.build_network_architecture(
        plans, plans.get_configuration(toy.CONFIGURATION), 1, 3, False
    )
    assert isinstance(network, FusedUNet)
