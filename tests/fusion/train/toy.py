"""A task that fits into a test: the vector alone says which of two labels a block has.

Also a program, for what needs processes of its own: ``python toy.py FOLDER FUSED EPOCHS [STOP]`` trains; with
STOP it kills itself in that epoch, as a power cut would.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

import fusion.nnunet  # noqa: F401

# isort: split
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetBaseDataset

from fusion.network import CLASS_NAME
from fusion.train.distributed import is_main, joined
from fusion.train.patches import WORKERS
from fusion.train.settings import FOLDERS, KEY, Folders, Training
from fusion.trainer import FusionTrainer

CONFIGURATION = "3d_fullres"
PATCH = [4, 16, 16]
SHAPE = (6, 20, 20)
CASES = [f"case{number}" for number in range(16)]
DATASET = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "one": 1, "two": 2},
    "file_ending": ".nii.gz",
    "numTraining": len(CASES),
}
ARCHITECTURE: dict[str, Any] = {
    "n_stages": 3,
    "features_per_stage": [8, 16, 32],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[3, 3, 3]] * 3,
    "strides": [[1, 1, 1], [2, 2, 2], [2, 2, 2]],
    "n_conv_per_stage": [1, 1, 1],
    "n_conv_per_stage_decoder": [2, 2],
    "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "dropout_op": None,
    "dropout_op_kwargs": None,
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}
STOCK = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
OF_FUSION = {"vector_size": 3, "heads": 4, "base": STOCK}


def plans(fused: bool = True, batch: int = 4, channels: int = 1, **settings: Any) -> dict[str, Any]:
    """nnU-Net plans of a tiny network."""
    told = {"epochs": 2, "steps": 2, "validation_steps": 1} | settings
    return {
        "dataset_name": "Toy",
        "plans_name": "toy",
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {},
        "configurations": {
            CONFIGURATION: {
                "data_identifier": "toy",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": batch,
                "patch_size": PATCH,
                "spacing": [2.0, 1.0, 1.0],
                "normalization_schemes": ["CTNormalization"] * channels,
                "use_mask_for_norm": [False] * channels,
                "batch_dice": False,
                "architecture": {
                    "network_class_name": CLASS_NAME if fused else STOCK,
                    "arch_kwargs": {**ARCHITECTURE, **(OF_FUSION if fused else {})},
                    "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
                },
            }
        },
        KEY: Training(**told).to_json(),
    }


class ToyDataset(nnUNetBaseDataset):  # type: ignore[misc]
    """Sixteen noisy blocks in memory; their vectors say which label they have, the last has none."""

    def load_case(self, identifier: str) -> tuple[Any, ...]:
        chance = np.random.default_rng(int(identifier[4:]))
        image = chance.normal(0, 0.3, (1, *SHAPE)).astype(np.float32)
        seg = np.zeros((1, *SHAPE), np.int8)
        block = (0, slice(2, 4), slice(6, 14), slice(6, 14))
        image[block] += 1
        seg[block] = label(identifier)
        places = np.argwhere(seg > 0)
        return image, seg, None, {"class_locations": {label(identifier): places, 3 - label(identifier): []}}

    def vector(self, identifier: str) -> np.ndarray | None:
        if identifier == CASES[-1]:
            return None
        chance = np.random.default_rng(100 + int(identifier[4:]))
        sign = 1 if label(identifier) == 1 else -1
        return np.array([sign * chance.uniform(0.5, 1.5), *chance.normal(size=2)], np.float32)

    @staticmethod
    def save_case(data: Any, seg: Any, properties: Any, output_filename_truncated: str) -> None:
        raise NotADirectoryError

    @staticmethod
    def get_identifiers(folder: str) -> list[str]:
        return list(CASES)


def label(case: str) -> int:
    """1 or 2, in turns of two, so that both folds have both."""
    return 1 + int(case[4:]) // 2 % 2


class ToyTrainer(FusionTrainer):
    """`FusionTrainer` on the toy cases."""

    def do_split(self) -> tuple[list[str], list[str]]:
        return CASES[::2] + CASES[-1:], CASES[1::2]


def trainer(folder: Path, told: dict[str, Any], resume: bool = False) -> ToyTrainer:
    """A trainer that writes into a folder."""
    folders = Folders(folder)
    folders.data.mkdir(parents=True, exist_ok=True)
    (folders.data / "dataset_fingerprint.json").write_text("{}")
    given = told | {"continue_training": resume, FOLDERS: folders}
    made = ToyTrainer(given, CONFIGURATION, 0, dict(DATASET), torch.device("cpu"))
    made.dataset_class = ToyDataset
    return made


def main(folder: str, fused: str, epochs: str, stop: str = "") -> None:
    """Train, or go on training; stop in the middle of an epoch if told."""
    os.environ[WORKERS] = "0"
    torch.set_num_threads(1)
    with joined(None, torch.device("cpu")):
        latest = Path(folder) / "fold_0" / "checkpoint_latest.pth"
        toy = trainer(Path(folder), plans(fused == "fused", epochs=int(epochs)), resume=latest.is_file())
        if latest.is_file():
            toy.load_checkpoint(str(latest))
        print(json.dumps({"begins": toy.current_epoch, "batch": toy.configuration_manager.batch_size}))
        step = toy.validation_step

        def dying(batch: dict[str, Any]) -> dict[str, Any]:
            if stop and toy.current_epoch == int(stop):
                os.kill(os.getpid(), signal.SIGKILL)
            return step(batch)

        toy.validation_step = dying  # type: ignore[method-assign]
        toy.run_training()
        weights = [float(weight.sum()) for weight in toy.module.state_dict().values()]
        print(json.dumps({"main": is_main(), "mine": toy.batch_size, "weights": weights}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
