"""nnU-Net's own experiment planner, told a fingerprint instead of a dataset in ``nnUNet_raw``.

It reads its inputs from the folders that its environment variables name, and looks these up at every use.
For the time of planning they name a temporary folder with the two JSON files it wants.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fusion.plan.overrides import PLANNERS, Overrides
from fusion.samples.preparation import CONFIGURATION
from radstore.errors import BadInput

RAW, PREPROCESSED = "nnUNet_raw", "nnUNet_preprocessed"
PLANS_NAME = "fusionPlans"
READER = "SimpleITKIO"  # keeps the geometry


def dataset_json(labels: Mapping[str, int], training: int, channels: Mapping[str, str]) -> dict[str, Any]:
    """The ``dataset.json`` of a model: channels, labels, how many cases it was trained on."""
    return {
        "channel_names": dict(channels),
        "labels": dict(labels),
        "numTraining": training,
        "file_ending": ".nii.gz",
        "overwrite_image_reader_writer": READER,
    }


def stock_plans(
    fingerprint: Mapping[str, Any], dataset: Mapping[str, Any], name: str, overrides: Overrides
) -> tuple[dict[str, Any], Any]:
    """Plans by nnU-Net's planner, with 3d_fullres as the only configuration; and the planner itself.

    Axes stay z, y, x (nnU-Net would put the one with the widest spacing first): store and network agree, and
    its planner chooses strides and kernels by spacing in any order.

    Parameters
    ----------
    fingerprint, dataset
        As nnU-Net has them.
    name
        The dataset's: ``Dataset…``.
    overrides
        Architecture, spacing, memory and features act here.

    Raises
    ------
    BadInput
        If most images are single slices on the network's grid: nnU-Net plans no 3-D network for them.
    """
    import fusion.nnunet  # noqa: F401  # before its variables are changed for a while

    with _told(fingerprint, dataset, name), quietly():
        planner = _planner(name, overrides)
        _require_volumes(fingerprint, planner.determine_fullres_target_spacing())
        plans = planner.plan_experiment()
    plans["configurations"] = {CONFIGURATION: plans["configurations"][CONFIGURATION]}
    return json.loads(json.dumps(plans)), planner


def _planner(name: str, overrides: Overrides) -> Any:
    from nnunetv2.experiment_planning.experiment_planners import default_experiment_planner as plain
    from nnunetv2.experiment_planning.experiment_planners.residual_unets import (
        residual_encoder_unet_planners as residual,
    )

    kind = PLANNERS[overrides.architecture]
    planner = getattr(plain if hasattr(plain, kind) else residual, kind)(
        name,
        gpu_memory_target_in_gb=overrides.memory,
        plans_name=PLANS_NAME,
        overwrite_target_spacing=None
        if overrides.spacing is None
        else [float(mm) for mm in overrides.spacing],
        suppress_transpose=True,
    )
    if overrides.base_features is not None:
        planner.UNet_base_num_features = overrides.base_features
    if overrides.max_features is not None:
        planner.UNet_max_features_3d = overrides.max_features
    return planner


def _require_volumes(fingerprint: Mapping[str, Any], spacing: Sequence[float]) -> None:
    from nnunetv2.preprocessing.resampling.default_resampling import compute_new_shape

    pairs = zip(fingerprint["shapes_after_crop"], fingerprint["spacings"], strict=True)
    shapes = [compute_new_shape(shape, old, spacing) for shape, old in pairs]
    median = np.median(shapes, axis=0)
    if min(median) < 2:
        raise BadInput(
            f"half of the cases have no more than {' × '.join(f'{n:g}' for n in median)} voxels (z, y, x) at "
            f"{' × '.join(f'{mm:g}' for mm in spacing)} mm: that is no volume",
            "Check the images, or give a finer --spacing.",
        )


@contextlib.contextmanager
def _told(fingerprint: Mapping[str, Any], dataset: Mapping[str, Any], name: str) -> Iterator[None]:
    """The planner's two files where it looks for them; nothing is left afterwards."""
    # One entry is enough: the planner counts `numTraining`, and reads no image since the reader is named.
    files = {
        RAW: ("dataset.json", {**dataset, "dataset": {"none": {"images": ["none"], "label": "none"}}}),
        PREPROCESSED: ("dataset_fingerprint.json", dict(fingerprint)),
    }
    with tempfile.TemporaryDirectory(prefix="fusion-plan-") as folder:
        for variable, (file, content) in files.items():
            path = Path(folder) / variable / name / file
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(content))
        with _environment({variable: str(Path(folder) / variable) for variable in files}):
            yield


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without its prints; its networks, made only to count their features, take no memory and no threads."""
    import torch

    with (
        contextlib.redirect_stdout(io.StringIO()),
        torch.device("meta"),
        _environment(
            {"nnUNet_n_proc_DA": "1"}
        ),  # which it takes for torch's threads, and 0 of them is an error
    ):
        yield


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
