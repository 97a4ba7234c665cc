"""Patch, stages and batch that the user fixed, into a configuration of nnU-Net's that stays consistent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from fusion.plan.overrides import Overrides
from fusion.plan.planner import quietly
from radstore.errors import BadInput

LEAST_STAGES = 3
"""With two, deep supervision has a single output, whose weight nnU-Net sets to 0: the loss is 0 / 0."""
NO_LIMIT = 999_999  # poolings along an axis, as nnU-Net has it


def with_overrides(
    configuration: Mapping[str, Any], planner: Any, dataset: Mapping[str, Any], overrides: Overrides
) -> dict[str, Any]:
    """The configuration with the user's patch, stages and batch; strides and kernels follow the patch.

    Parameters
    ----------
    configuration
        As the stock planner made it.
    planner
        That planner: it knows how memory is estimated.
    dataset
        The ``dataset.json``.
    overrides
        Patch, stages and batch act here.

    Raises
    ------
    BadInput
        If patch and stages do not go together, or too few stages are left.
    """
    made = dict(configuration)
    if overrides.patch is not None or overrides.stages is not None:
        made = _reshaped(made, planner, overrides)
        made["batch_size"] = _batch(made, planner, dataset)
    if overrides.batch is not None:
        made["batch_size"] = overrides.batch
    _require_stages(made)
    return made


def _reshaped(configuration: dict[str, Any], planner: Any, overrides: Overrides) -> dict[str, Any]:
    from nnunetv2.experiment_planning.experiment_planners.network_topology import get_pool_and_conv_props

    patch = list(overrides.patch or configuration["patch_size"])
    _, strides, kernels, _, _ = get_pool_and_conv_props(
        configuration["spacing"], patch, planner.UNet_featuremap_min_edge_length, NO_LIMIT
    )
    stages = overrides.stages or len(strides)
    if stages > len(strides):
        raise BadInput(
            f"--stages {stages}: a patch of {_shown(patch)} voxels allows {len(strides)}",
            f"Give at most {len(strides)}, or a larger patch.",
        )
    _require_divisible(patch, np.prod(strides[:stages], axis=0))
    arguments = configuration["architecture"]["arch_kwargs"] | _arguments(planner, strides, kernels, stages)
    architecture = configuration["architecture"] | {"arch_kwargs": arguments}
    return {**configuration, "patch_size": patch, "architecture": architecture}


def _arguments(planner: Any, strides: Sequence, kernels: Sequence, stages: int) -> dict[str, Any]:
    """What of the network's arguments goes with its stages."""
    blocks = "n_conv_per_stage" if planner.UNet_class.__name__ == "PlainConvUNet" else "n_blocks_per_stage"
    most = planner.UNet_max_features_3d
    return {
        "n_stages": stages,
        "features_per_stage": [min(most, planner.UNet_base_num_features * 2**n) for n in range(stages)],
        "strides": [list(stride) for stride in strides[:stages]],
        "kernel_sizes": [*(list(kernel) for kernel in kernels[: stages - 1]), [3, 3, 3]],
        blocks: list(planner.UNet_blocks_per_stage_encoder[:stages]),
        "n_conv_per_stage_decoder": list(planner.UNet_blocks_per_stage_decoder[: stages - 1]),
    }


def _batch(configuration: Mapping[str, Any], planner: Any, dataset: Mapping[str, Any]) -> int:
    """How many patches fit, by nnU-Net's own estimate and rules."""
    architecture, patch = configuration["architecture"], configuration["patch_size"]
    with quietly():
        estimate = planner.static_estimate_VRAM_usage(
            tuple(patch),
            len(dataset["channel_names"]),
            len(dataset["labels"]),
            architecture["network_class_name"],
            architecture["arch_kwargs"],
            architecture["_kw_requires_import"],
        )
    budget = (
        planner.UNet_reference_val_3d * planner.UNet_vram_target_GB / planner.UNet_reference_val_corresp_GB
    )
    voxels = float(np.prod(configuration["median_image_size_in_voxels"])) * dataset["numTraining"]
    fitting = round(budget / estimate * planner.UNet_reference_val_corresp_bs_3d)
    shown = round(voxels * planner.max_dataset_covered / float(np.prod(patch)))
    return int(max(min(fitting, shown), planner.UNet_min_batch_size))


def _require_divisible(patch: Sequence[int], by: np.ndarray) -> None:
    if any(size % step for size, step in zip(patch, by, strict=True)):
        next_ = [-(-size // step) * step for size, step in zip(patch, by.tolist(), strict=True)]
        raise BadInput(
            f"--patch {_shown(patch)} is not divisible by the network's strides, {_shown(by)}",
            f"Use {_shown(next_)}, or fewer --stages.",
        )


def _require_stages(configuration: Mapping[str, Any]) -> None:
    stages = configuration["architecture"]["arch_kwargs"]["n_stages"]
    if stages < LEAST_STAGES:
        raise BadInput(
            f"a network of {stages} stages for patches of {_shown(configuration['patch_size'])} voxels "
            f"({_shown(configuration['spacing'])} mm): deep supervision needs {LEAST_STAGES}",
            "Give a larger --patch, a finer --spacing, or more --stages.",
        )


def _shown(values: Iterable) -> str:
    return " × ".join(f"{value:g}" for value in values)
