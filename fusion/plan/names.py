"""Where plans lie and what they are called: the one place that knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fusion.recipe import KEY, NO_FOLD, Recipe
from radstore.errors import BadInput
from radstore.output_file import writing

Json = dict[str, Any]

PLANS, DATASET = "plans.json", "dataset.json"


def plan_name(stage: int, fold: int | None, without: int | None = None) -> str:
    """``stage1-fold0``, ``stage2-fold3``; without a fold (paper mode, one plan for all) ``stage2``.

    Parameters
    ----------
    without
        Of nested chains: another fold that is left out, ``stage1-fold0-without2``.
    """
    if fold is None or fold == NO_FOLD:
        return f"stage{stage}"
    return f"stage{stage}-fold{fold}" + ("" if without is None else f"-without{without}")


def require_nested(stage: int, fold: int | None, without: int | None) -> None:
    """Make sure that a second fold that is left out is that of a nested chain.

    Raises
    ------
    BadInput
        Where it is not Stage 1, or not the larger of the two folds.
    """
    if without is not None and (stage != 1 or fold is None or without <= fold):
        raise BadInput(
            f"--without {without} of stage {stage}, fold {fold}",
            "It is for Stage 1, and the larger of the two folds: one model serves both chains.",
        )


def plan_folder(models: str | Path, name: str) -> Path:
    """The folder of a plan: ``<models>/plans/<plan name>``."""
    return Path(models) / "plans" / name


def write_plan(models: str | Path, name: str, plans: Mapping[str, Any], dataset: Mapping[str, Any]) -> Path:
    """Write both files of a plan, each whole or not at all; returns their folder.

    Raises
    ------
    BadInput
        If they cannot be written there.
    """
    folder = plan_folder(models, name)
    for file, content in ((DATASET, dataset), (PLANS, plans)):  # the plans last: with them the plan is there
        with writing(folder / file) as path:
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return folder


def read_plan(
    models: str | Path, stage: int, fold: int, without: int | None = None
) -> tuple[str, Json, Json]:
    """The plan that fold `fold` of a stage is trained by: its own, else the one of all folds (paper mode).

    Parameters
    ----------
    without
        Of nested chains: the other fold that is left out; the plan then is that of both folds and no other.

    Returns
    -------
    name, plans, dataset_json
        The plan's name, which is that of its training blocks too; the recipe in the plans says `fold`.

    Raises
    ------
    BadInput
        If there is no such plan, or its files cannot be read.
    """
    require_nested(stage, fold, without)
    own = plan_name(stage, fold, without)
    for name in (own, *((plan_name(stage, None),) if without is None else ())):
        folder = plan_folder(models, name)
        if (folder / PLANS).is_file():
            plans, dataset = _load(folder / PLANS), _load(folder / DATASET)
            plans[KEY] = as_read(replace(Recipe.from_plans(plans), fold=fold))
            return name, plans, dataset
    options = f"--stage {stage} --fold {fold}" + ("" if without is None else f" --without {without}")
    raise BadInput(
        f"{plan_folder(models, own)}: no plan of stage {stage}, fold {fold}",
        f"Run `fusion plan {options}` first, or name another folder with --models.",
    )


def as_read(recipe: Recipe) -> Json:
    """A recipe as it reads from the file of the plans: lists, no tuples."""
    return dict(json.loads(json.dumps(recipe.to_json())))


def _load(path: Path) -> Json:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}", "Run `fusion plan` again.") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path} holds no JSON object", "Run `fusion plan` again.")
    return found
