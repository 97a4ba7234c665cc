"""The cases of a plan: those of the catalog that the store knows, with labels and a fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fusion.folds import folds_of
from radstore.catalog import Case, Catalog
from radstore.errors import BadInput
from radstore.store.manifest import CaseRecord
from radstore.store.query import Snapshot

Reason = tuple[str, str]  # message, remedy


@dataclass(frozen=True)
class Member:
    """A labelled case, what the store knows of it, and the fold it is held out in."""

    case: Case
    record: CaseRecord
    fold: int

    @property
    def labels(self) -> Path:
        """Its label image: the first of the catalog's."""
        return self.case.labels[0][1]


@dataclass(frozen=True)
class Cohort:
    """The cases of a plan.

    Parameters
    ----------
    where
        The store and its version, for messages.
    members
        Sorted by case id.
    folds
        How many the store's split has.
    held
        The folds that are held out.
    unusable
        Case → why it cannot be used, of those that should be.
    left_out
        Case → why it is not meant: no labels, no fold.
    """

    where: str
    members: tuple[Member, ...]
    folds: int
    held: tuple[int, ...]
    unusable: Mapping[str, Reason]
    left_out: Mapping[str, str]

    @property
    def training(self) -> tuple[Member, ...]:
        """Who the fingerprint and the statistics come from."""
        return tuple(member for member in self.members if member.fold not in self.held)

    @property
    def held_out(self) -> tuple[Member, ...]:
        """The cases of these folds."""
        return tuple(member for member in self.members if member.fold in self.held)

    def without(self, unusable: Mapping[str, Reason]) -> Cohort:
        """The same without cases that turned out not to be usable."""
        left = tuple(member for member in self.members if member.case.id not in unusable)
        return replace(self, members=left, unusable={**self.unusable, **unusable})

    def checked(self, skip_failed: bool) -> Cohort:
        """The same if its cases are enough for its folds; unusable ones are left out if that is allowed.

        Raises
        ------
        BadInput
            Naming what does not fit.
        """
        if self.unusable and not skip_failed:
            raise self._refused()
        told = {case: message for case, (message, _) in self.unusable.items()}
        if not self.members:
            raise BadInput(f"{self.where}: no case of the catalog has labels and a fold", self._hint())
        if len(self.members) < self.folds:
            raise BadInput(
                f"{self.where}: {len(self.members)} usable cases for {self.folds} folds",
                "Split into fewer folds (`radstore split --k`), or repair the cases.",
            )
        if unknown := [fold for fold in self.held if fold not in range(self.folds)]:
            raise BadInput(
                f"fold {unknown[0]}: {self.where} has folds 0 to {self.folds - 1}", "Name one of them."
            )
        if empty := sorted(set(range(self.folds)) - {member.fold for member in self.members}):
            raise BadInput(
                f"{self.where}: fold {empty[0]} has no usable case", "Split again, or repair its cases."
            )
        if not self.training:
            held = " and ".join(map(str, self.held))
            raise BadInput(f"{self.where}: no case outside fold {held}", "Split into more folds.")
        return replace(self, unusable={}, left_out={**self.left_out, **told})

    def _refused(self) -> BadInput:
        (case, (message, remedy)), *others = sorted(self.unusable.items())
        more = f"; {len(others)} more: {', '.join(case for case, _ in others[:5])}" if others else ""
        more += " …" if len(others) > 5 else ""
        return BadInput(
            f"case {case}: {message}{more}",
            f"{remedy} --skip-failed plans without such cases, and lists them.",
        )

    def _hint(self) -> str:
        some = next(iter(self.left_out.items()), None)
        return f"As case {some[0]}: {some[1]}." if some else "Name another catalog or --source."


def cohort_of(snapshot: Snapshot, catalog: Catalog, source: str | None, held: tuple[int, ...]) -> Cohort:
    """The cases of a catalog (or of one of its sources) that a plan is made for.

    Raises
    ------
    BadInput
        If the store has no folds, or they do not belong together.
    """
    records, folds = dict(snapshot.manifest.items()), folds_of(snapshot)
    members, unusable, left_out = [], {}, {}
    for case in sorted(catalog.cases(source), key=lambda case: case.id):
        if case.problem is not None:
            unusable[case.id] = (case.problem.message, case.problem.remedy)
        elif not case.labels:
            left_out[case.id] = "it has no label image"
        elif case.id not in folds:
            left_out[case.id] = "it has no fold: `radstore split` gives it one"
        else:
            members.append(Member(case, records[case.id], folds[case.id]))
    where = f"{snapshot.bucket.location}, version {snapshot.version.number}"
    return Cohort(where, tuple(members), max(folds.values()) + 1, held, unusable, left_out)
