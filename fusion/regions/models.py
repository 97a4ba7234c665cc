"""The Stage-1 models in a folder, found by the folds they held out.

<models>/stage1/chain<K>               held out fold K
<models>/stage1/chain<J>-without<K>    held out both, J < K: for nested chains. One model serves both chains,
                                       the cases of fold K in chain J and those of fold J in chain K
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fusion.folds import patient_of
from fusion.predict.predictor import FusionPredictor
from fusion.recipe import NO_FOLD, Recipe
from fusion.regions.assignment import Stage1
from fusion.regions.rule import RegionRule
from fusion.samples import make_sample
from fusion.telling import Doing, Say, silent
from fusion.train.settings import chains_in, model_folder
from radstore.errors import BadInput, StoreError
from radstore.images.volume import Volume
from radstore.store.manifest import FOLD
from radstore.store.query import open_store

if TYPE_CHECKING:
    import torch


class Stage1Models:
    """Opens Stage-1 models on a device: `fusion.regions.Models` of a folder.

    Parameters
    ----------
    folder
        That ``fusion train --models`` wrote to.
    device
        Where they run, see `fusion.device.choose_device`.
    store
        Location of the store that holds their training cases.
    say
        What is told of fallbacks of the device.
    doing
        Told of each tile.
    """

    def __init__(
        self,
        folder: str | Path,
        device: torch.device,
        store: str = "",
        say: Say = silent,
        doing: Doing | None = None,
    ) -> None:
        self.folder, self.device, self.store = Path(folder), device, store
        self.say, self.doing = say, doing or Doing()

    def __call__(self, held_out: tuple[int, ...]) -> Stage1:
        """The model that held out certain folds; none: the only one (paper mode).

        Raises
        ------
        BadInput
            If it is not there, is no Stage 1, or did train on one of the folds.
        """
        self.require([held_out])
        folder = stage1_folder(self.folder, held_out)
        predictor = FusionPredictor(folder, device=self.device, say=self.say, doing=self.doing)
        recipe = predictor.recipe
        if held_out and recipe.paper_mode:
            raise BadInput(
                f"{folder}: its plan (normalisation, fallback) comes from all folds: it held out none wholly",
                f"Plan Stage 1 for the fold. {_remedy(held_out)} Or say --paper, and call it optimistic.",
            )
        wrong = [fold for fold in held_out if fold not in recipe.held_out]
        if wrong:
            raise BadInput(f"{folder}: its model did not hold out fold {wrong[0]}", _remedy(held_out))
        trained_on = patients_trained_on(recipe, self.store)
        return replace(as_stage1(predictor), held_out=recipe.held_out, trained_on=trained_on)

    def require(self, groups: Iterable[tuple[int, ...]]) -> None:
        """Make sure that there is a model for each group of folds that one must have held out.

        Raises
        ------
        BadInput
            Naming the first that is missing.
        """
        for held_out in groups:
            folder = stage1_folder(self.folder, held_out)
            if not folder.is_dir():
                raise BadInput(f"{folder} is not there", _remedy(held_out))


def stage1_folder(models: Path, held_out: tuple[int, ...]) -> Path:
    """The folder of the model that held out certain folds, ascending."""
    if held_out:
        return model_folder(models, 1, "", *held_out)
    return stage1_of_chain(models, NO_FOLD, paper=True)


def stage1_of_chain(models: Path, fold: int, *, paper: bool = False) -> Path:
    """The model folder of a fold's Stage 1; in paper mode the only one there is, whatever its fold."""
    own = model_folder(models, 1, "", fold)
    there = chains_in(own.parent)
    if paper and fold not in there and len(there) == 1:
        return model_folder(models, 1, "", there[0])
    return own


def as_stage1(predictor: FusionPredictor) -> Stage1:
    """A predictor of Stage 1, as regions use it.

    Raises
    ------
    BadInput
        If its model is no Stage 1.
    """
    recipe = predictor.recipe
    if recipe.stage != 1:
        raise BadInput(
            f"{predictor.folder} is a model of stage {recipe.stage}, not of stage 1",
            "Train one with `fusion train --stage 1`.",
        )

    def labels(ct: Volume) -> Volume:
        return predictor.predict(
            make_sample(ct, predictor.plans_manager.plans, recipe)
        ).probabilities.labels()

    rule = RegionRule.from_json(recipe.region_rule)
    return Stage1(str(predictor.folder), predictor.digest, (recipe.fold,), labels, rule)


def patients_trained_on(recipe: Recipe, store: str) -> frozenset[str] | None:
    """The patients a model trained on, by the folds of the version it was trained from; None if that is gone.

    Parameters
    ----------
    recipe
        Of the model.
    store
        Location of the store at hand; a model of another store tells nothing of it.
    """
    location, _, version = recipe.store.rpartition("@")
    if location != store or not version.isdecimal():
        return None
    try:
        records = dict(open_store(store, int(version)).manifest.items())
    except StoreError:  # the version expired: whoever asks is told that nothing is known
        return None
    return frozenset(
        patient_of(case, record)
        for case, record in records.items()
        if record.marks.get(FOLD) is not None and record.marks[FOLD] not in recipe.held_out
    )


def _remedy(held_out: tuple[int, ...]) -> str:
    options = "".join(f" {o} {fold}" for o, fold in zip(("--fold", "--without"), held_out, strict=False))
    or_else = "leave out --nested" if len(held_out) > 1 else "name another folder with --models"
    return f"Train it with `fusion train --stage 1{options}`, or {or_else}."
