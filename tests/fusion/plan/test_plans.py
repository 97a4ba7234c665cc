"""Plans are the stock planner's; what the user fixes keeps them consistent, or is refused."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fusion.nnunet  # noqa: F401
from fusion.inputs import Inputs
from fusion.plan.overrides import Overrides
from fusion.plan.plans import STAGE_1_SPACING, make_plans
from fusion.recipe import KEY, Recipe
from radstore.errors import BadInput

CT = Inputs("ct")
TINY = {"base_features": 4, "max_features": 16}


def configuration(plans: dict[str, Any]) -> dict[str, Any]:
    assert list(plans["configurations"]) == ["3d_fullres"]
    return plans["configurations"]["3d_fullres"]


def network_runs(plans: dict[str, Any], dataset: dict[str, Any]) -> tuple[int, ...]:
    """Shape of the logits of a patch; nothing is computed."""
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    found = configuration(plans)
    architecture = found["architecture"]
    with torch.device("meta"):
        network = get_network_from_plans(
            architecture["network_class_name"],
            architecture["arch_kwargs"],
            architecture["_kw_requires_import"],
            len(dataset["channel_names"]),
            len(dataset["labels"]),
            allow_init=False,
            deep_supervision=True,
        )
        logits = network(torch.empty(2, len(dataset["channel_names"]), *found["patch_size"]))
    assert len(logits) == found["architecture"]["arch_kwargs"]["n_stages"] - 1 >= 2
    return tuple(logits[0].shape)


def test_stage_1_is_planned_as_published(whole: dict[str, Any]) -> None:
    plans, dataset = make_plans(whole, 40, Recipe(1, 0))
    found = configuration(plans)
    assert tuple(found["spacing"]) == STAGE_1_SPACING
    assert np.all(np.abs(np.subtract(found["patch_size"], (48, 96, 96))) <= 8)
    assert found["normalization_schemes"] == ["CTNormalization"]
    assert dataset["channel_names"] == {"0": "CT"}
    assert plans[KEY]["stage"] == 1
    assert network_runs(plans, dataset) == (2, 7, *found["patch_size"])


@pytest.mark.parametrize("architecture", ["plain", "residual"])
def test_the_plan_is_what_nnunet_itself_plans(
    crops: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str
) -> None:
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
    from nnunetv2.experiment_planning.experiment_planners.residual_unets import (
        residual_encoder_unet_planners as residual,
    )

    plans, dataset = make_plans(crops, 40, Recipe(2, 3), Overrides(architecture))
    name = plans["dataset_name"]
    for variable, file, content in (
        ("nnUNet_raw", "dataset.json", {**dataset, "dataset": {"a": {"images": ["a"], "label": "a"}}}),
        ("nnUNet_preprocessed", "dataset_fingerprint.json", crops),
    ):
        folder = tmp_path / variable / name
        folder.mkdir(parents=True)
        (folder / file).write_text(json.dumps(content))
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("nnUNet_n_proc_DA", "1")
    planner = {"plain": ExperimentPlanner, "residual": residual.nnUNetPlannerResEncM}[architecture]
    stock = json.loads(json.dumps(planner(name, plans_name=plans["plans_name"]).plan_experiment()))
    assert configuration(plans) == stock["configurations"]["3d_fullres"]
    assert {**plans, "configurations": 0, KEY: 0} == {**stock, "configurations": 0, KEY: 0}


def test_nothing_is_left_behind(
    crops: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import torch

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")  # which would stop the planner
    before, threads = dict(os.environ), torch.get_num_threads()
    make_plans(crops, 40, Recipe(2, 0))
    assert dict(os.environ) == before
    assert not list(tmp_path.iterdir())
    assert torch.empty(1).device.type == "cpu"
    assert torch.get_num_threads() == threads


USED = ("mean", "std", "percentile_00_5", "percentile_99_5")  # of the CT's intensities


@given(
    patch=st.tuples(*[st.sampled_from([8, 12, 16, 24, 30, 32, 40, 48])] * 3),
    stages=st.none() | st.integers(1, 6),
    batch=st.none() | st.integers(1, 3),
    architecture=st.sampled_from(["plain", "residual"]),
)
@settings(max_examples=12)
def test_a_patch_and_stages_give_a_network_that_runs_or_a_reason(
    patch: tuple[int, int, int], stages: int | None, batch: int | None, architecture: str
) -> None:
    crops = {
        "spacings": [[2.5, 1.5, 1.5]] * 9,
        "shapes_after_crop": [[40, 64, 80]] * 9,
        "foreground_intensity_properties_per_channel": {"0": dict.fromkeys(USED, 1.0)},
        "median_relative_size_after_cropping": 0.3,
    }
    fixed = Overrides(architecture, patch=patch, stages=stages, batch=batch, **TINY)
    try:
        plans, dataset = make_plans(crops, 9, Recipe(2, 0), fixed)
    except BadInput:
        return
    found = configuration(plans)
    arguments = found["architecture"]["arch_kwargs"]
    assert tuple(found["patch_size"]) == patch
    assert stages in (None, arguments["n_stages"])
    assert found["batch_size"] == batch or (batch is None and found["batch_size"] >= 2)
    assert max(arguments["features_per_stage"]) <= 16
    assert network_runs(plans, dataset) == (2, 7, *patch)


def test_the_planners_own_patch_named_gives_the_planners_own_plan(crops: dict[str, Any]) -> None:
    plans, _ = make_plans(crops, 40, Recipe(2, 0))
    patch = configuration(plans)["patch_size"]
    again, _ = make_plans(crops, 40, Recipe(2, 0), Overrides(patch=tuple(patch)))
    assert again == plans


def test_spacing_is_the_users(crops: dict[str, Any]) -> None:
    plans, _ = make_plans(crops, 40, Recipe(2, 0), Overrides(spacing=(3, 2, 2)))
    assert configuration(plans)["spacing"] == [3, 2, 2]
    assert plans["transpose_forward"] == [0, 1, 2]


def test_axes_stay_where_another_one_is_the_coarsest(whole: dict[str, Any]) -> None:
    plans, _ = make_plans(whole, 40, Recipe(2, 0), Overrides(spacing=(1, 3, 3), **TINY))
    assert plans["transpose_forward"] == plans["transpose_backward"] == [0, 1, 2]
    assert configuration(plans)["spacing"] == [1, 3, 3]


@pytest.mark.parametrize(
    ("fixed", "told"),
    [
        (Overrides(patch=(50, 50, 50)), r"50 × 50 × 50 is not divisible .* 8 × 8 × 8"),
        (Overrides(patch=(32, 32, 32), stages=6), r"--stages 6: .* allows 4"),
        (Overrides(patch=(8, 8, 8)), r"a network of 2 stages .* deep supervision needs 3"),
        (Overrides(stages=2), r"a network of 2 stages"),
        (Overrides(spacing=(90, 1, 1)), r"no more than 1 × 96 × 120 voxels .* at 90 × 1 × 1 mm"),
        (Overrides(spacing=(900, 1, 1)), r"no more than 0 × 96 × 120 voxels"),
    ],
)
def test_what_cannot_be_is_refused(crops: dict[str, Any], fixed: Overrides, told: str) -> None:
    with pytest.raises(BadInput, match=told) as caught:
        make_plans(crops, 40, Recipe(2, 0), fixed)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "wrong",
    [
        {"architecture": "vit"},
        {"batch": 0},
        {"stages": -1},
        {"memory": 0.0},
        {"patch": (16, 0, 16)},
        {"spacing": (1.0, 1.0)},
        {"base_features": 64, "max_features": 32},
    ],
)
def test_settings_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        Overrides(**wrong)
    assert caught.value.remedy
