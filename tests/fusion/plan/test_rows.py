"""Rows of the ablation differ in their inputs and in nothing else."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fusion.nnunet  # noqa: F401
from fusion.inputs import CONTROLS, ROWS, Inputs
from fusion.plan.overrides import Overrides
from fusion.plan.plans import make_plans
from fusion.plan.rows import fullest, plans_for_row
from fusion.recipe import KEY, Recipe
from radstore.errors import BadInput

Plan = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture
def plan(crops: dict[str, Any], recipe: Recipe) -> Plan:
    return make_plans(crops, 40, recipe, Overrides(base_features=4, max_features=12, patch=(16, 32, 32)))


def architecture(plan: Plan) -> dict[str, Any]:
    return plan[0]["configurations"]["3d_fullres"]["architecture"]


def test_a_plan_is_made_for_the_fullest_row(plan: Plan) -> None:
    assert plan[0][KEY]["inputs"] == "ct+maps+global"
    assert list(plan[1]["channel_names"].values()) == ["CT", "feature 0", "feature 1", "feature 2"]


@given(st.lists(st.sampled_from([*ROWS, *CONTROLS]), min_size=1, max_size=4))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_row_does_not_depend_on_the_row_it_is_made_from(plan: Plan, rows: list[str]) -> None:
    there = plan
    for row in rows:
        there = plans_for_row(*there, Inputs(row))
    assert there == plans_for_row(*plan, Inputs(rows[-1]))


@pytest.mark.parametrize("row", [*ROWS, *CONTROLS])
def test_what_a_row_is_given(plan: Plan, row: str) -> None:
    before = deepcopy(plan)
    plans, dataset = plans_for_row(*plan, Inputs(row))
    assert plan == before
    recipe = Recipe.from_plans(plans)
    found = plans["configurations"]["3d_fullres"]
    channels = list(dataset["channel_names"].values())
    assert channels == list(recipe.channels)
    assert found["normalization_schemes"] == ["CTNormalization"] + ["NoNormalization"] * (len(channels) - 1)
    assert found["use_mask_for_norm"] == [False] * len(channels)
    assert list(plans["foreground_intensity_properties_per_channel"]) == list(dataset["channel_names"])
    same = plan[0]["configurations"]["3d_fullres"]
    for name in ("patch_size", "batch_size", "spacing", "data_identifier"):
        assert found[name] == same[name]


@pytest.mark.parametrize("row", ["ct", "ct+maps", "ct+region"])
def test_rows_without_a_vector_have_nnunets_network(plan: Plan, row: str) -> None:
    stock = architecture(plans_for_row(*plan, Inputs(row)))
    assert stock["network_class_name"] == "dynamic_network_architectures.architectures.unet.PlainConvUNet"
    assert not {"vector_size", "heads", "base"} & set(stock["arch_kwargs"])


@pytest.mark.parametrize("row", ["ct+global", "ct+maps+global", "ct+permuted"])
def test_rows_with_a_vector_have_the_fused_network(plan: Plan, row: str) -> None:
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    fused = architecture(plans_for_row(*plan, Inputs(row)))
    assert fused["arch_kwargs"]["vector_size"] == 4
    assert fused["arch_kwargs"]["heads"] == 6  # the most up to 8 that divide 12 features
    with torch.device("meta"):
        network = get_network_from_plans(
            fused["network_class_name"], fused["arch_kwargs"], fused["_kw_requires_import"], 4, 7, False
        )
    assert type(network).__name__ == "FusedUNet"
    assert network.fusion.vector_size == 4


def test_plain_nnunet_reads_the_plans(plan: Plan) -> None:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans, dataset = plans_for_row(*plan, Inputs("ct"))
    manager = PlansManager(plans)
    found = manager.get_configuration("3d_fullres")
    assert found.patch_size == [16, 32, 32]
    assert manager.image_reader_writer_class.__name__ == "SimpleITKIO"
    assert manager.get_label_manager(dataset).foreground_labels == [1, 2, 3, 4, 5, 6]


def test_some_maps_can_be_picked(plan: Plan) -> None:
    plans, dataset = plans_for_row(*plan, Inputs("ct+maps"), ["feature 2", "feature 0"])
    assert list(dataset["channel_names"].values()) == ["CT", "feature 0", "feature 2"]
    assert plans["foreground_intensity_properties_per_channel"]["2"] == {"mean": 2.0, "std": 3.0}
    with pytest.raises(BadInput, match="no map 'feature 3'"):
        plans_for_row(*plan, Inputs("ct+maps"), ["feature 3"])


@pytest.mark.parametrize(
    ("row", "lacks"), [("ct+maps", "maps"), ("ct+global", "global vector"), ("ct+region", "region")]
)
def test_a_row_wants_what_it_is_made_of(crops: dict[str, Any], row: str, lacks: str) -> None:
    plan = make_plans(crops, 40, Recipe(1, 0))
    with pytest.raises(BadInput, match=f"stage 1 has no {lacks}"):
        plans_for_row(*plan, Inputs(row))


def test_the_fullest_row_has_what_there_is(recipe: Recipe) -> None:
    assert fullest(replace(recipe, maps=())).name == "ct+global"
    assert fullest(replace(recipe, vector=())).name == "ct+maps"
    assert fullest(Recipe(1, 0)).name == "ct"
