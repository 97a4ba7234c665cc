"""The plans of a stage: the stock planner's for our fingerprint, with what the user fixed, and the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fusion.plan.names import plan_name
from fusion.plan.overrides import Overrides
from fusion.plan.planner import dataset_json, stock_plans
from fusion.plan.rows import fullest, plans_for_row
from fusion.plan.topology import with_overrides
from fusion.recipe import CT, KEY, Recipe
from fusion.samples.preparation import CONFIGURATION

STAGE_1_SPACING = (9.0, 4.5, 4.5)
"""mm (z, y, x), as published; the patch of about 48 × 96 × 96 voxels follows from it."""


def make_plans(
    fingerprint: Mapping[str, Any], training: int, recipe: Recipe, overrides: Overrides | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Plans and ``dataset.json`` for the fullest row of a recipe.

    Patch and batch do not depend on the row: nnU-Net's estimate counts features, not input channels.

    Parameters
    ----------
    fingerprint
        As `fusion.plan.fingerprint.dataset_fingerprint` gives it.
    training
        How many cases it comes from.
    recipe
        With all maps and the vector.
    overrides
        What the user fixes instead of the planner.

    Raises
    ------
    BadInput
        If what the user fixed does not go together, or nnU-Net plans no 3-D network for these images.
    """
    overrides = overrides or Overrides()
    if recipe.stage == 1 and overrides.spacing is None:
        overrides = replace(overrides, spacing=STAGE_1_SPACING)
    name = plan_name(recipe.stage, recipe.fold, *recipe.without)
    name = f"Dataset{recipe.stage:03d}_{name}"  # nnU-Net wants a number
    dataset = dataset_json(recipe.labels, training, {"0": CT})
    plans, planner = stock_plans(fingerprint, dataset, name, overrides)
    found = plans["configurations"][CONFIGURATION]
    plans["configurations"][CONFIGURATION] = with_overrides(found, planner, dataset, overrides)
    plans[KEY] = recipe.to_json()
    return plans_for_row(plans, dataset, fullest(recipe))
