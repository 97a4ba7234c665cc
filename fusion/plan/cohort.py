"""The cases of a plan: those of the catalog that the store knows, with labels and a fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from radstore.catalog import Case, Catalog
from radstore.errors import BadInput
from radstore.split.stored import stored_folds
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
    fold
        The fold that is held out; None: none is.
    unusable
        Case → why it cannot be used, of those that should be.
    left_out
        Case → why it is not meant: no labels, no fold.
    """

    where: str
    members: tuple[Member, ...]
    fold: int | None
    unusable: Mapping[str, Reason]
    left_out: Mapping[str, str]

    @property
    def training(self) -> tuple[Member, ...]:
        """Who the fingerprint and the statistics come from."""
        return tuple(member for member in self.members if member.fold != self.fold)

    @property
    def held_out(self) -> tuple[Member, ...]:
        """The cases of the fold."""
        return tuple(member for member in self.members if member.fold == self.fold)

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
        known = {member.fold for member in self.members}
        if not self.members:
            raise BadInput(f"{self.where}: no case of the catalog has labels and a fold", self._hint())
        folds = range(max(known) + 1)
        if len(self.members) < len(folds):
            raise BadInput(
                f"{self.where}: {len(self.members)} usable cases for {len(folds)} folds",
                "Split into fewer folds (`radstore split --k`), or repair the cases.",
            )
        if self.fold is not None and self.fold not in folds:
            raise BadInput(
                f"--fold {self.fold}: {self.where} has folds 0 to {folds[-1]}", "Name one of them."
            )
        if empty := sorted(set(folds) - known):
            raise BadInput(
                f"{self.where}: fold {empty[0]} has no usable case", "Split again, or repair its cases."
            )
        if not self.training:
            raise BadInput(f"{self.where}: no case outside fold {self.fold}", "Split into two folds or more.")
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


def cohort_of(snapshot: Snapshot, catalog: Catalog, source: str | None, fold: int | None) -> Cohort:
    """The cases of a catalog (or of one of its sources) that a plan is made for.

    Raises
    ------
    BadInput
        If the store has no folds, or they do not belong together.
    """
    where = f"{snapshot.bucket.location}, version {snapshot.version.number}"
    records = dict(snapshot.manifest.items())
    folds = stored_folds({case: {**record.info, **record.marks} for case, record in records.items()}, where)
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
    return Cohort(where, tuple(members), fold, unusable, left_out)
