"""Which Stage-1 model predicts which case: one that never saw it.

For chain K, cases of fold K and cases of no fold (external) are predicted by the model of fold K, as a new
CT would be. A case of another fold j, on which Stage 2 of the chain will train, is predicted by the model of
fold j: that did not see the case either. It did see the labels of fold K, though; nested chains take a model
that was trained without both folds instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fusion.folds import folds_of, patient_of, split_of
from fusion.protocol import CHAIN, PAPER, tell
from fusion.regions.rule import RegionRule
from radstore.catalog import Case
from radstore.errors import BadInput
from radstore.images.volume import Volume
from radstore.store.query import Snapshot


@dataclass(frozen=True, eq=False)
class Stage1:
    """A trained Stage 1, as far as regions need it.

    Parameters
    ----------
    name
        For messages: its folder.
    digest
        Of its checkpoint.
    held_out
        The folds it did not train on.
    labels
        A CT (HU) → predicted labels 0–6 on its grid. Loads what it needs when first called.
    rule
        How its labels become a region.
    trained_on
        The patients it did train on; None where that is not known.
    """

    name: str
    digest: str
    held_out: tuple[int, ...]
    labels: Callable[[Volume], Volume]
    rule: RegionRule = field(default_factory=RegionRule)
    trained_on: frozenset[str] | None = None


Models = Callable[[tuple[int, ...]], Stage1]
"""Gives the model that held out certain folds (ascending; none: the one of paper mode)."""


class Assignment:
    """Which model predicts which case, and what a region says of that.

    Parameters
    ----------
    snapshot
        Its folds. A case without one, of a patient who has one, counts to that.
    fold
        Of the chain; None: paper mode, one model for all.
    nested
        Whether training cases get a model that held out `fold` too.
    """

    def __init__(self, snapshot: Snapshot, fold: int | None, nested: bool = False) -> None:
        folds, self.split = folds_of(snapshot), split_of(snapshot)
        self.folds = {patient_of(case, snapshot.case(case).record): number for case, number in folds.items()}
        self.fold, self.nested = fold, nested
        self.notes = [tell(PAPER)] if fold is None else [] if nested else [tell(CHAIN)]
        there = sorted(set(self.folds.values()))
        if fold is not None and fold not in there:
            raise BadInput(
                f"{snapshot.bucket.location}: no case is in fold {fold}",
                f"Its folds are {there[0]} to {there[-1]}.",
            )

    def held_out(self, patient: str) -> tuple[int, ...]:
        """The folds that the model of a patient's cases must not have trained on, ascending."""
        if self.fold is None:
            return ()
        own = self.folds.get(patient, self.fold)
        return tuple(sorted({own, self.fold})) if self.nested else (own,)

    def groups(self, cases: Sequence[Case]) -> dict[tuple[int, ...], list[Case]]:
        """The cases by model, so that each model is loaded once."""
        groups: dict[tuple[int, ...], list[Case]] = {}
        for case in cases:
            groups.setdefault(self.held_out(case.patient), []).append(case)
        return dict(sorted(groups.items()))

    def require_unseen(self, model: Stage1, held: Sequence[int], cases: Sequence[Case]) -> None:
        """Refuse a model that trained on one of its cases' patients, whatever its folder is called."""
        lacking = [fold for fold in held if fold not in model.held_out]
        if lacking:
            told = f"{model.name} did not hold out fold {lacking[0]}"
            raise BadInput(told, "Name the folder of models that were trained without it.")
        if held and model.trained_on is None:
            self.notes.append(
                f"nothing says whom {model.name} trained on (another store, or an expired version): that "
                "it held out these folds is believed"
            )
        seen = [case.id for case in cases if case.patient in (model.trained_on or ())]
        if held and seen:
            raise BadInput(
                f"{model.name} trained on {len(seen):,} of the cases it should predict (as {seen[0]})",
                "The cases were split again after it was trained: train it anew.",
            )

    def origin(self, model: Stage1) -> dict[str, Any]:
        """What each region of a model says of where it comes from."""
        return {
            "stage": 1,
            "model": model.digest,
            "held_out": list(model.held_out),
            "split": self.split,
            "rule": model.rule.to_json(),
        }
