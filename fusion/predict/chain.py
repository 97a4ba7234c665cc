"""`Chain`: all that one fold learnt, used whole. CT → Stage 1 → region → vector and maps → Stage 2."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fusion.predict.ingredients import (
    Ingredients,
    Numbers,
    Status,
    computed_numbers,
    model_spec,
    stored_numbers,
    stored_region,
    wanted,
)
from fusion.predict.permuted import Permuted
from fusion.predict.predictor import FusionPredictor
from fusion.predict.probabilities import Probabilities
from fusion.recipe import Recipe
from fusion.samples import make_sample
from fusion.telling import Doing
from radstore.errors import BadInput
from radstore.images.volume import Volume
from radstore.store.manifest import SPLIT

if TYPE_CHECKING:
    from fusion.regions import Stage1
    from fusion.samples import Sample
    from radstore.store.query import CaseView

FALLBACK = "Stage 1 found no pancreas; the region is the fallback's"


@dataclass(frozen=True, eq=False)
class ChainPrediction:
    """What a chain says of a case.

    Parameters
    ----------
    probabilities
        Of each structure.
    ingredients
        What they rest on.
    notes
        What was not as usual.
    """

    probabilities: Probabilities
    ingredients: Ingredients
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class Chain:
    """One fold's models, loaded once; cases are given one by one.

    Parameters
    ----------
    stage2
        The model of a row.
    stage1
        Gives the fold's Stage 1; called once, and only when a case has no region yet.
    engine
        Who computes vector and maps, see `radstore.engines.registry.choose`.
    doing
        Told of each step.
    """

    stage2: FusionPredictor
    stage1: Callable[[], Stage1]
    engine: str = "auto"
    doing: Doing = field(default_factory=Doing)

    def __post_init__(self) -> None:
        if wanted(self.recipe):
            model_spec(self.recipe)  # refused now, not at the first case
        self._stage1: Stage1 | None = None
        self._permuted = Permuted(self.recipe)

    @property
    def recipe(self) -> Recipe:
        """Of Stage 2."""
        return self.stage2.recipe

    @property
    def fold(self) -> int:
        """The fold that the chain did not train on."""
        return self.recipe.fold

    def require_stage1(self) -> None:
        """Load Stage 1 now, for cases of which no region is stored.

        Raises
        ------
        BadInput
            If it is missing or cannot be used.
        """
        self._first()

    def predict(self, ct: Volume, stored: CaseView | None = None) -> ChainPrediction:
        """What the chain says of a case.

        Parameters
        ----------
        ct
            The whole CT, HU.
        stored
            The case in a store: what is there of the recipe's view is read, the rest computed.

        Raises
        ------
        CaseError
            If the case cannot be predicted.
        BadInput
            If the store has something that does not fit the models.
        """
        given = self.ingredients(ct, stored)
        with self.doing("Stage 2"):
            found = self.stage2.predict(self.sample(ct, given), given.numbers.vector)
        probabilities = replace(found.probabilities, source=ct.source)
        return ChainPrediction(probabilities, given, (*given.notes, *given.numbers.notes, *found.notes))

    def sample(self, ct: Volume, given: Ingredients) -> Sample:
        """The case on the network's grid, as training had it."""
        plans = self.stage2.plans_manager.plans
        return make_sample(ct, plans, self.recipe, region=given.region, maps=given.numbers.maps)

    def ingredients(self, ct: Volume, stored: CaseView | None = None) -> Ingredients:
        """Region, vector and maps of a case; parameters and errors as for `predict`."""
        region, status, from_store = self._region(ct, stored)
        numbers = self._numbers(ct, region, stored if from_store else None)
        if self.recipe.inputs.permuted:
            numbers = self._permuted.swapped(numbers, ct, stored)
        return Ingredients(region, status, numbers, (FALLBACK,) if status == "fallback" else ())

    def _region(self, ct: Volume, stored: CaseView | None) -> tuple[Volume, Status, bool]:
        """The region, its status, and whether it is the store's."""
        kept = stored_region(stored, self.recipe) if stored else None
        if stored is not None and kept is not None:
            region, origin = kept
            self._require_own(stored, origin)
            return region, _status(origin.get("status")), True
        from fusion.regions.rule import region_from_labels

        model = self._first()
        with self.doing("Stage 1"):
            labels = model.labels(ct)
        with self.doing("region"):
            region, status = region_from_labels(labels, ct, model.rule)
        return region, _status(status), False

    def _require_own(self, case: CaseView, origin: Mapping[str, Any]) -> None:
        """Refuse a region that the chain, meeting the case as a new one, could not have predicted."""
        if self.recipe.paper_mode:
            return
        split = case.record.marks.get(SPLIT)
        if split is not None and origin.get("split", split) != split:
            raise BadInput(
                f"case {case.id}: its region {self.recipe.region!r} was predicted for another split",
                "Predict it again with `fusion regions`, and build the view again.",
            )
        if self.fold not in origin.get("held_out", ()):
            drawn = "is of a model that did not hold out" if origin else "was drawn, not predicted without"
            raise BadInput(
                f"case {case.id}: its region {self.recipe.region!r} {drawn}, fold {self.fold}",
                "Predict it with `fusion regions`, or remove it from the store.",
            )

    def _first(self) -> Stage1:
        if self._stage1 is None:
            self._stage1 = self.stage1()
        return self._stage1

    def _numbers(self, ct: Volume, region: Volume, stored: CaseView | None) -> Numbers:
        """Those of the store, if its region is the one they were computed in."""
        if not wanted(self.recipe):
            return Numbers()
        kept = stored_numbers(stored, self.recipe) if stored else None
        if kept is not None:
            return kept
        with self.doing("vector and maps"):
            return computed_numbers(ct, region, self.recipe, engine=self.engine)


def _status(told: object) -> Status:
    """As `fusion.regions` tells it; regions that were drawn tell nothing, and are no fallback."""
    return "fallback" if told == "fallback" else "ok"


def joined(said: Mapping[int, Sequence[str]]) -> tuple[str, ...]:
    """What chains say of a case, each note once; with several chains, which of them say it.

    Parameters
    ----------
    said
        Fold of the chain → its notes.
    """
    chains: dict[str, list[int]] = {}
    for fold, notes in said.items():
        for note in dict.fromkeys(notes):
            chains.setdefault(note, []).append(fold)
    if len(said) == 1:
        return tuple(chains)
    return tuple(
        f"chain{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))}: {note}"
        for note, folds in chains.items()
    )
