"""What a split is like: where the folds come from, how even they are, what to know of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radstore.canonical import digest_of
from radstore.errors import BadInput
from radstore.split import files, folds
from radstore.split.roll import Roll, some
from radstore.split.sizes import Sizes
from radstore.split.strata import BIN, Member, strata
from radstore.store.manifest import FOLD, SPLIT, VOXELS, CaseRecord


@dataclass(frozen=True)
class Split:
    """Folds of a roll of cases.

    Parameters
    ----------
    roll
        The cases.
    folds
        Case → fold; a case without one is missing.
    provenance
        How they came about.
    sizes
        How large the lesions are.
    notes
        What the user should know.
    """

    roll: Roll
    folds: Mapping[str, int]
    provenance: Mapping[str, Any]
    sizes: Sizes = field(default_factory=Sizes)
    notes: tuple[str, ...] = ()

    @property
    def members(self) -> list[Member]:
        """The cases that have a fold."""
        return self.roll.members(self.sizes.voxels, self.folds)

    @property
    def summary(self) -> str:
        """In a few words, for the log."""
        said = self.provenance
        how = f"from {said['file']}" if "file" in said else f"seed {said['seed']}"
        return f"split: {said['k']} folds, {how}"

    def counts(self) -> dict[str, dict[int, int]]:
        """Stratum → fold → how many cases; every stratum and fold is there."""
        numbers, members = sorted(set(self.folds.values())), self.members
        named = list(zip(strata(members, len(numbers)), members, strict=True))
        named.sort(key=lambda pair: (pair[1].label is None, pair[1].label or "", pair[1].bin))
        found = Counter((name, self.folds[member.case]) for name, member in named)
        rows = dict.fromkeys(name for name, _ in named)
        return {name: {number: found[name, number] for number in numbers} for name in rows}

    def patients(self) -> dict[int, int]:
        """Fold → how many patients."""
        fold_of = {member.patient: self.folds[member.case] for member in self.members}
        return dict(sorted(Counter(fold_of.values()).items()))

    def records(self) -> dict[str, CaseRecord]:
        """Case → its record with the marks of this split; a case without a fold loses an earlier one."""
        return {case: self._marked(case, record) for case, record in self.roll.records.items()}

    def _marked(self, case: str, record: CaseRecord) -> CaseRecord:
        marks = {name: value for name, value in record.marks.items() if name not in (FOLD, SPLIT)}
        if self.sizes.counted and case in self.sizes.voxels:
            marks[VOXELS] = self.sizes.voxels[case]
        if case in self.folds:
            marks |= {FOLD: self.folds[case], SPLIT: self.provenance["hash"][:12]}
        return CaseRecord(record.info, record.blocks, marks)


def made(roll: Roll, sizes: Sizes, k: int, seed: int) -> Split:
    """Make the folds; raises as `radstore.split.folds.assign`."""
    import sklearn

    members = roll.members(sizes.voxels)
    names, patients = [m.case for m in members], [m.patient for m in members]
    numbers = folds.assign(names, patients, strata(members, k), k, seed).tolist()
    provenance = {
        "k": k,
        "seed": seed,
        "label": roll.label,
        "size": sizes.source,
        "bin_voxels": BIN if sizes.source else None,
        "method": f"StratifiedGroupKFold, scikit-learn {sklearn.__version__}",
    }
    return _told(Split(roll, dict(zip(names, numbers, strict=True)), provenance, sizes, sizes.notes))


def taken(roll: Roll, path: Path) -> Split:
    """The folds of a file.

    Raises
    ------
    BadInput
        As `radstore.split.files.read_folds`; if it knows none of the cases, or tears a patient apart.
    """
    given = files.read_folds(path)
    here = {case: fold for case, fold in sorted(given.items()) if case in roll.records}
    if not here:
        raise BadInput(
            f"{path} has a fold for none of the cases: it has {some(sorted(given))}, {roll.where} has "
            f"{some(sorted(roll.records))}",
            "Check the ids in the file.",
        )
    folds.require_disjoint(roll.patients(here), here, str(path))
    notes = []
    if foreign := sorted(set(given) - set(here)):
        notes.append(f"{path} has folds for {some(foreign)} not here")
    if without := sorted(set(roll.records) - set(here)):
        notes.append(f"{path} has no fold for {some(without)}: without one now")
    provenance = {"k": len(set(here.values())), "label": roll.label, "file": path.name}
    return _told(Split(roll, here, provenance, Sizes(roll.known_voxels()), tuple(notes)))


def _told(split: Split) -> Split:
    """The split with what holds however it was made: counts, hash, notes."""
    members = split.members
    provenance = {
        **split.provenance,
        "cases": len(split.folds),
        "patients": len({member.patient for member in members}),
        "hash": digest_of(dict(split.folds)),
    }
    notes = (*split.notes, *_remarks(members, split.folds))
    return Split(split.roll, split.folds, provenance, split.sizes, notes)


def _remarks(members: Sequence[Member], fold_of: Mapping[str, int]) -> list[str]:
    notes = []
    if without := [member.case for member in members if member.label is None]:
        notes.append(f"{some(without)} without a label: with a fold, but never part of a selection")
    every = set(fold_of.values())
    for label in sorted({member.label for member in members if member.label is not None}):
        there = {fold_of[member.case] for member in members if member.label == label}
        if missing := sorted(every - there):
            listed = ", ".join(map(str, missing))
            notes.append(f"no case with label {label} in fold {listed}: too few patients have it")
    return notes
