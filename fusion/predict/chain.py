"""`Chain`: all that one fold learnt, used whole. CT → Stage 1 → region → vector and maps → Stage 2."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fusion.predict.ingredients import (
    Numbers,
    computed_numbers,
    model_spec,
    stored_numbers,
    stored_region,
    wanted,
)
from fusion.predict.predictor import FusionPredictor
from fusion.predict.probabilities import Probabilities
from fusion.recipe import Recipe
from fusion.samples import make_sample
from radstore.errors import BadInput
from radstore.images.volume import Volume
from radstore.store.manifest import FOLD, SPLIT
from radstore.store.table import FEATURES

if TYPE_CHECKING:
    from fusion.regions import Stage1
    from fusion.samples import Sample
    from radstore.store.query import CaseView, Snapshot

Status = Literal["ok", "fallback"]
NOT_SWAPPED = "the store has no vector of this case to swap with another's: it is given as missing"
FALLBACK = "Stage 1 found no pancreas; the region is the fallback's"


@dataclass(frozen=True, eq=False)
class Ingredients:
    """What Stage 2 of a chain is given of a case beside the CT.

    Parameters
    ----------
    region
        0 or 1 on the CT's grid.
    status
        ``fallback`` if the region is not Stage 1's.
    numbers
        Vector and maps.
    notes
        What was not as usual.
    """

    region: Volume
    status: Status
    numbers: Numbers
    notes: tuple[str, ...] = ()


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
    """

    stage2: FusionPredictor
    stage1: Callable[[], Stage1]
    engine: str = "auto"

    def __post_init__(self) -> None:
        if wanted(self.recipe):
            model_spec(self.recipe)  # refused now, not at the first case
        self._stage1: Stage1 | None = None
        self._others: dict[str, np.ndarray] | None = None

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
            borrowed = self._borrowed(ct, stored)
            notes = (*numbers.notes, *([NOT_SWAPPED] if borrowed is None else []))
            numbers = replace(numbers, vector=borrowed, notes=notes)
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
        region, status = region_from_labels(model.labels(ct), ct, model.rule)
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
        return kept or computed_numbers(ct, region, self.recipe, engine=self.engine)

    def _borrowed(self, ct: Volume, stored: CaseView | None) -> np.ndarray | None:
        """The vector of another case; None: this one has none that it could give in return."""
        if stored is None:
            raise BadInput(
                f"{ct.source}: the control 'ct+permuted' needs the vectors of a store's other cases",
                "Predict cases of the store with it, nothing else.",
            )
        if self._others is None:
            self._others = self.permuted(stored.snapshot)
        return self._others.get(stored.id)

    def permuted(self, snapshot: Snapshot) -> dict[str, np.ndarray]:
        """Case → another's vector, in each fold as in training; cases of no fold swap among themselves."""
        from fusion.data.vectors import swappable, vectors_of
        from fusion.data.view import Member, View

        view = View.of(snapshot, self._plan(snapshot), self.recipe)
        name = FEATURES + self.recipe.view
        external = {
            case: Member(str(record.info.get("patient", case)))
            for case, record in snapshot.manifest.items()
            if record.marks.get(FOLD) is None and name in record.blocks and record.blocks[name].ok
        }
        several = external if swappable([member.patient for member in external.values()]) else {}
        return vectors_of(replace(view, cases={**view.cases, **several}), snapshot)

    def _plan(self, snapshot: Snapshot) -> str:
        """The plan of this fold, else the one of all folds, as `fusion.plan.read_plan` has it."""
        from fusion.plan import plan_name
        from fusion.samples.job import block_name

        own, common = plan_name(2, self.fold), plan_name(2, None)
        there = {name for _, record in snapshot.manifest.items() for name in record.blocks}
        return own if block_name(own) in there else common


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
