"""Tiny model folders, written by hand in nnU-Net's format, with untrained networks: shared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fusion.recipe import KEY, LABELS, Recipe

PATCH, SPACING = [8, 16, 16], [4.0, 2.0, 2.0]


@pytest.fixture(scope="session")
def write_model() -> Callable[..., Path]:
    """Writes a model folder: ``write_model(folder, recipe)``; see `_write_model`."""
    return _write_model


def _write_model(
    folder: Path,
    recipe: Recipe,
    *,
    seed: int = 0,
    mirroring: tuple[int, ...] | None = (0, 1, 2),
    change: Callable[[Any], None] | None = None,
    spacing: list[float] = SPACING,
) -> Path:
    """A model folder with one fold and random weights; `change` alters the network before it is saved."""
    torch = pytest.importorskip("torch")
    import fusion.nnunet  # noqa: F401

    # isort: split
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    plans = _plans_of(recipe, spacing)
    architecture = plans["configurations"]["3d_fullres"]["architecture"]
    torch.manual_seed(seed)
    network = get_network_from_plans(
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        len(recipe.channels),
        len(LABELS),
        deep_supervision=True,
    )
    if recipe.inputs.vector:  # as if it had been trained: the vector has an effect
        torch.nn.init.normal_(network.fusion.film.weight, std=1.0)
    if change:
        change(network)
    names = {str(at): name for at, name in enumerate(recipe.channels)}
    dataset = {"channel_names": names, "labels": dict(LABELS), "numTraining": 4, "file_ending": ".nii.gz"}
    fold = folder / f"fold_{recipe.fold}"
    fold.mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    checkpoint = {
        "network_weights": network.state_dict(),
        "init_args": {"configuration": "3d_fullres", "fold": recipe.fold},
        "trainer_name": "FusionTrainer",
        "inference_allowed_mirroring_axes": mirroring,
    }
    torch.save(checkpoint, fold / "checkpoint_final.pth")
    return folder


def _plans_of(recipe: Recipe, spacing: list[float]) -> dict[str, Any]:
    """nnU-Net plans of a network of two stages."""
    architecture: dict[str, Any] = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": 2,
            "features_per_stage": [6, 12],
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3]] * 2,
            "strides": [[1, 1, 1], [2, 2, 2]],
            "n_conv_per_stage": [1, 1],
            "n_conv_per_stage_decoder": [1],
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    if recipe.inputs.vector:
        architecture["network_class_name"] = "fusion.network.FusedUNet"
        architecture["arch_kwargs"] |= {
            "vector_size": len(recipe.vector),
            "heads": 2,
            "base": "PlainConvUNet",
        }
    resampling = "resample_data_or_seg_to_shape"
    smooth = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    names = recipe.channels
    return {
        "dataset_name": "Tiny",
        "plans_name": "tiny",
        "original_median_spacing_after_transp": spacing,
        "original_median_shape_after_transp": [16, 32, 32],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": {
                "max": 400.0,
                "mean": 60.0,
                "median": 60.0,
                "min": -200.0,
                "percentile_00_5": -150.0,
                "percentile_99_5": 300.0,
                "std": 80.0,
            }
        },
        "configurations": {
            "3d_fullres": {
                "data_identifier": "tiny",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 2,
                "patch_size": PATCH,
                "median_image_size_in_voxels": [16.0, 32.0, 32.0],
                "spacing": spacing,
                "normalization_schemes": ["CTNormalization"] + ["NoNormalization"] * (len(names) - 1),
                "use_mask_for_norm": [False] * len(names),
                "resampling_fn_data": resampling,
                "resampling_fn_data_kwargs": smooth,
                "resampling_fn_seg": resampling,
                "resampling_fn_seg_kwargs": {**smooth, "is_seg": True, "order": 1},
                "resampling_fn_probabilities": resampling,
                "resampling_fn_probabilities_kwargs": {**smooth, "order": 1},
                "architecture": architecture,
                "batch_dice": False,
            }
        },
        KEY: recipe.to_json(),
    }
