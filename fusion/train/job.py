"""`Job`: a training that is ready to start. What can be wrong is found here, before the first step.

The plan, the row, the cases of the fold, where their regions come from, what lies in the folder already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fusion.data.view import View
from fusion.folds import split_of
from fusion.inputs import Inputs
from fusion.plan import plan_name, plans_for_row, read_plan
from fusion.recipe import KEY as RECIPE
from fusion.recipe import Recipe
from fusion.regions import require_out_of_fold
from fusion.samples.preparation import CONFIGURATION
from fusion.telling import Say
from fusion.train.settings import KEY as SETTINGS
from fusion.train.settings import Folders, Training, model_folder, row_name
from radstore.canonical import digest_of_file
from radstore.errors import BadInput
from radstore.store.query import Snapshot, open_store

CHECKPOINTS = ("checkpoint_latest.pth", "checkpoint_final.pth", "checkpoint_best.pth")
"""nnU-Net's; which of them a training continues from, if it is there."""
INTENSITIES = "foreground_intensity_properties_per_channel"
"""Of what the CT is normalised by, in the plans."""
START = "fusion_start"
"""Of the checkpoint in the plans that a training started from (`--init-from`): its file and sha256."""
CHANGEABLE = ("epochs", "save_every", "compile")
"""Settings that a training which is continued may change."""


@dataclass(frozen=True)
class Job:
    """A training, ready to start.

    Parameters
    ----------
    plans, dataset_json
        nnU-Net's, of the row, with recipe and settings.
    view
        What is read.
    folders
        Where it is written.
    checkpoint
        What it continues from.
    done
        Whether all its epochs are trained already.
    stale
        Checkpoints of another training, which are removed before this one begins.
    """

    plans: dict[str, Any]
    dataset_json: dict[str, Any]
    view: View
    folders: Folders
    checkpoint: Path | None
    done: bool
    stale: tuple[Path, ...] = ()


def prepare(
    models: Path | str,
    stage: int,
    fold: int,
    inputs: str,
    *,
    store: str | None,
    channels: Sequence[str] | None,
    name: str | None,
    without: int | None,
    init_from: Path | str | None = None,
    resume: bool,
    force: bool,
    changes: Mapping[str, Any],
    say: Say,
) -> Job:
    """Read the plan, find the cases, check all that can be; parameters as of `fusion.train.api.train`.

    Raises
    ------
    BadInput
        If anything does not fit. Nothing is written.
    """
    plan, plans, dataset_json = read_plan(models, stage, fold, without)
    if plan == plan_name(stage, None):
        say(f"there is no plan of fold {fold} alone: that of all folds is taken, scores will be optimistic")
    plans, dataset_json = plans_for_row(plans, dataset_json, Inputs(inputs), channels)
    settings = Training().with_changes(changes)
    folders = Folders(model_folder(models, stage, name or row_name(inputs, settings), fold, without))
    there = _checkpoints(folders.model / f"fold_{fold}", resume, force, say)
    checkpoint, trained, start = there[0] if resume and there else None, 0, None
    if checkpoint is not None:
        try:
            settings, trained, start = _continued(checkpoint, plans, changes)
        except BadInput as differs:
            if not force:
                raise
            say(f"{differs.message}; beginning anew")
            checkpoint = None
    if checkpoint is None and init_from is not None:
        start = _started(init_from, Recipe.from_plans(plans), say)
    snapshot = _snapshot(store, Recipe.from_plans(plans), folders, checkpoint)
    recipe = replace(Recipe.from_plans(plans), store=f"{snapshot.bucket.location}@{snapshot.version.number}")
    _require_split(recipe, snapshot)
    view = View.of(snapshot, plan, recipe)
    _require_cases(view, snapshot, recipe, say)
    plans |= {RECIPE: recipe.to_json(), SETTINGS: settings.to_json()} | ({START: start} if start else {})
    done, stale = trained >= settings.epochs, () if checkpoint else there
    return Job(plans, dataset_json, view, folders, checkpoint, done, stale)


def _checkpoints(folder: Path, resume: bool, force: bool, say: Say) -> tuple[Path, ...]:
    """What lies there, the one to continue from first; it is never overwritten unasked."""
    found = tuple(folder / file for file in CHECKPOINTS if (folder / file).is_file())
    if found and not (resume or force):
        raise BadInput(
            f"{found[0]} is there already", "Add --continue or --force, give a --name, or remove the folder."
        )
    if resume and not found:
        say(f"{folder}: nothing to continue from, beginning anew")
    return found


def _continued(
    checkpoint: Path, plans: Mapping[str, Any], changes: Mapping[str, Any]
) -> tuple[Training, int, dict[str, str] | None]:
    """The settings of a training that goes on, how many epochs it has behind it, and what it started from."""
    from fusion.train.checkpoints import read_checkpoint

    found = read_checkpoint(checkpoint)
    theirs = found["init_args"]["plans"]
    if _essence(theirs) != _essence(plans):
        raise BadInput(
            f"{checkpoint} is of another network, or of another plan",
            "Begin anew with --force or a --name, or restore the plan that it was trained by.",
        )
    before = Training.from_plans(theirs)
    after = before.with_changes(changes)
    for setting, value in after.to_json().items():
        if setting not in CHANGEABLE and value != getattr(before, setting):
            raise BadInput(
                f"{checkpoint} was trained with {setting} {getattr(before, setting)}, now it is {value}",
                "Leave the setting out to continue, or begin anew with --force or a --name.",
            )
    return after, found["current_epoch"], theirs.get(START)


def _started(init_from: Path | str, recipe: Recipe, say: Say) -> dict[str, str]:
    """What a training starts from; refused if it learnt from the cases that this one holds out."""
    from fusion.train.checkpoints import read_checkpoint

    plans = read_checkpoint(init_from).get("init_args", {}).get("plans", {})
    theirs = Recipe.from_plans(plans) if RECIPE in plans else None
    told = f"{init_from} learnt from the cases of fold {recipe.fold}, which are held out here"
    if theirs is None or theirs.split != recipe.split:
        say(f"nothing says whom {init_from} was trained on: that it saw no held-out case is believed")
    elif theirs.paper_mode or not set(recipe.held_out) <= set(theirs.held_out):
        if not recipe.paper_mode:
            raise BadInput(told, "Start from a model that held out this fold too, or plan with --paper.")
        say(f"paper mode, scores will be optimistic: {told}")
    elif recipe.nested and theirs.stage == 2 and not theirs.nested:
        raise BadInput(
            f"{init_from} is of a standard chain: its masks may know labels of fold {recipe.fold}",
            "Start from a model of nested chains, or plan without --nested.",
        )
    return {"checkpoint": str(init_from), "digest": digest_of_file(init_from)}


def _essence(plans: Mapping[str, Any]) -> tuple[Any, Any]:
    """What of plans a network depends on: its configuration, and how its inputs are made."""
    parts = plans["configurations"][CONFIGURATION], plans[INTENSITIES]
    return json.loads(json.dumps(parts)), replace(Recipe.from_plans(plans), store="", unknown_selection=False)


def _snapshot(store: str | None, recipe: Recipe, folders: Folders, checkpoint: Path | None) -> Snapshot:
    """The version that is trained from: the latest; of a training that goes on, the one it began with."""
    if checkpoint is not None and (folders.view / "view.json").is_file():
        return View.load(folders.view).open()
    return open_store(store or recipe.store.rpartition("@")[0] or recipe.store)


def _require_split(recipe: Recipe, snapshot: Snapshot) -> None:
    """Folds of another split are other cases."""
    if recipe.split and recipe.split != split_of(snapshot):
        raise BadInput(
            f"{snapshot.bucket.location}, version {snapshot.version.number}: its cases were split again "
            f"since stage {recipe.stage}, fold {recipe.fold}, was planned",
            "Run `fusion plan` again: its numbers may come from cases that are held out now.",
        )


def _require_cases(view: View, snapshot: Snapshot, recipe: Recipe, say: Say) -> None:
    training, held_out = split_cases(view)
    for cases, what in ((training, "trains on"), (held_out, "holds out")):
        if not cases:
            folds = sorted({member.fold for member in view.cases.values() if member.fold is not None})
            raise BadInput(
                f"fold {recipe.fold} {what} no case of {view.block} (its cases are of folds {folds})",
                "Name one of these folds, or make the folds with `radstore split` and plan again.",
            )
    if view.left_out:
        say(f"{len(view.left_out)} cases have no sample and are left out: {', '.join(sorted(view.left_out))}")
    if recipe.stage == 2:
        for leak in require_out_of_fold(
            snapshot,
            recipe.region,
            recipe.fold,
            [*training, *held_out],
            paper=recipe.paper_mode,
            nested=recipe.nested,
        ):
            say(f"paper mode, scores will be optimistic: {leak}")


def split_cases(view: View) -> tuple[list[str], list[str]]:
    """The cases that are trained on, and those of the held-out fold; one of no fold is in neither."""
    fold, cases = view.recipe.fold, view.cases.items()
    left_out = (None, fold, *view.recipe.without)
    training = [case for case, member in cases if member.fold not in left_out]
    return sorted(training), sorted(case for case, member in cases if member.fold == fold)
