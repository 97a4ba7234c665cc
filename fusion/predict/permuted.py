"""The control ``ct+permuted``: every case has another's vector, so that the numbers say nothing of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fusion.folds import patient_of
from fusion.predict.ingredients import Numbers
from fusion.recipe import Recipe
from radstore.errors import BadInput
from radstore.images.volume import Volume
from radstore.store.manifest import FOLD
from radstore.store.table import FEATURES

if TYPE_CHECKING:
    from radstore.store.query import CaseView, Snapshot

NOT_SWAPPED = "the store has no vector of this case to swap with another's: it is given as missing"


class Permuted:
    """The vectors that a store's cases lend each other; drawn once, at the first case.

    Parameters
    ----------
    recipe
        Of the model.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._vectors: dict[str, np.ndarray] | None = None

    def swapped(self, numbers: Numbers, ct: Volume, stored: CaseView | None) -> Numbers:
        """A case's numbers with another's vector; none, with a note, if it has none to give in return.

        Raises
        ------
        BadInput
            If the case is of no store: there is nobody to swap with.
        """
        stored = require_stored(ct.source, stored)
        if self._vectors is None:
            self._vectors = self.vectors(stored.snapshot)
        vector = self._vectors.get(stored.id)
        notes = (*numbers.notes, *([NOT_SWAPPED] if vector is None else []))
        return replace(numbers, vector=vector, notes=notes)

    def vectors(self, snapshot: Snapshot) -> dict[str, np.ndarray]:
        """Case → another's vector, in each fold as in training; cases of no fold swap among themselves."""
        from fusion.data.vectors import swappable, vectors_of
        from fusion.data.view import Member, View

        view = View.of(snapshot, plan_there(snapshot, self.recipe.fold), self.recipe)
        name = FEATURES + self.recipe.view
        external = {
            case: Member(patient_of(case, record))
            for case, record in snapshot.manifest.items()
            if record.marks.get(FOLD) is None and name in record.blocks and record.blocks[name].ok
        }
        several = external if swappable([member.patient for member in external.values()]) else {}
        return vectors_of(replace(view, cases={**view.cases, **several}), snapshot)


def require_stored(case: str, stored: CaseView | None) -> CaseView:
    """The case in its store.

    Raises
    ------
    BadInput
        If it is in none.
    """
    if stored is None:
        raise BadInput(
            f"{case}: the control 'ct+permuted' needs the vectors of a store's other cases",
            "Predict cases of the store with it, nothing else.",
        )
    return stored


def plan_there(snapshot: Snapshot, fold: int) -> str:
    """The plan of a fold, else the one of all folds, as `fusion.plan.read_plan` has it."""
    from fusion.plan import plan_name
    from fusion.samples.job import block_name

    own, common = plan_name(2, fold), plan_name(2, None)
    there = {name for _, record in snapshot.manifest.items() for name in record.blocks}
    return own if block_name(own) in there else common
