"""One plan, all rows of the ablation: what differs between them are channels, and the fused network.

Patch, spacing, batch, stages and features stay as they were planned, so that rows differ in their inputs and
in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from fusion.inputs import Inputs
from fusion.plan.names import as_read
from fusion.recipe import CT, KEY, Recipe
from fusion.samples.preparation import CONFIGURATION
from radstore.errors import BadInput
from radstore.suggest import suggest

OWN = ("vector_size", "heads", "base")
"""The arguments that `fusion.network.FusedUNet` has beside those of the network it is built on."""


def plans_for_row(
    plans: Mapping[str, Any],
    dataset_json: Mapping[str, Any],
    inputs: Inputs,
    channels: Sequence[str] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plans and the ``dataset.json`` of a row, from those of any other row of the same plan.

    Sets the recipe's row, the names and the normalisation of the channels, and the network: the stock one
    for rows without a vector, so that their model folders open in plain nnU-Net, else the fused one.

    Parameters
    ----------
    plans, dataset_json
        As `fusion.plan.plan` wrote them, or as this function gave them; they stay as they are.
    inputs
        The row.
    channels
        Only these of the recipe's maps, in their order there; default: all.

    Raises
    ------
    BadInput
        If the plan has no maps or no vector that the row wants, or no such map.
    """
    made, dataset = deepcopy(dict(plans)), deepcopy(dict(dataset_json))
    recipe = _narrowed(Recipe.from_plans(plans), channels).for_row(inputs)
    _require(recipe)
    configuration = made["configurations"][CONFIGURATION]
    extra = len(recipe.channels) - 1
    configuration["normalization_schemes"] = ["CTNormalization"] + ["NoNormalization"] * extra
    configuration["use_mask_for_norm"] = [False] * (extra + 1)
    configuration["architecture"] = _architecture(configuration["architecture"], recipe)
    made["foreground_intensity_properties_per_channel"] = _intensities(made, recipe)
    made[KEY] = as_read(recipe)
    dataset["channel_names"] = {str(place): name for place, name in enumerate(recipe.channels)}
    return made, dataset


def fullest(recipe: Recipe) -> Inputs:
    """The row that uses all that a plan has."""
    parts = ["ct", *(["maps"] if recipe.maps else []), *(["global"] if recipe.vector else [])]
    return Inputs("+".join(parts))


def _narrowed(recipe: Recipe, channels: Sequence[str] | None) -> Recipe:
    if channels is None:
        return recipe
    known = [channel.name for channel in recipe.maps]
    for name in channels:
        if name not in known:
            raise BadInput(f"the plan has no map {name!r}", suggest(name, known, "Its maps are"))
    return replace(recipe, maps=tuple(channel for channel in recipe.maps if channel.name in channels))


def _require(recipe: Recipe) -> None:
    row = recipe.inputs
    for wanted, there, what in (
        (row.maps, recipe.maps, "maps"),
        (row.vector, recipe.vector, "global vector"),
        (row.region, recipe.region, "region"),
    ):
        if wanted and not there:
            raise BadInput(
                f"--inputs {row.name}: the plan of stage {recipe.stage} has no {what}",
                "Plan stage 2 with --features (a spec with `maps: true`) and --region.",
            )


def _architecture(planned: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """The stock network, or the fused one around it."""
    from fusion.network import CLASS_NAME, heads_for  # which imports torch

    arguments = dict(planned["arch_kwargs"])
    stock = arguments.get("base", planned["network_class_name"])
    for name in OWN:
        arguments.pop(name, None)
    if recipe.inputs.vector:
        heads = heads_for(arguments["features_per_stage"][-1])
        arguments |= {"vector_size": len(recipe.vector), "heads": heads, "base": stock}
    name = CLASS_NAME if recipe.inputs.vector else stock
    return {**planned, "network_class_name": name, "arch_kwargs": arguments}


def _intensities(plans: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """nnU-Net looks up each channel's; only CT's act (NoNormalization reads none of them)."""
    known = {channel.name: {"mean": channel.mean, "std": channel.sd} for channel in recipe.maps}
    ct = plans["foreground_intensity_properties_per_channel"]["0"]
    return {
        str(place): ct if name == CT else known.get(name, {}) for place, name in enumerate(recipe.channels)
    }
