"""Strata: groups of like cases, of which every fold should have its share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

BIN = 500  # voxels
UNLABELLED = "none"


@dataclass(frozen=True, order=True)
class Member:
    """What a split knows of one case.

    Parameters
    ----------
    case, patient
        Their ids.
    label
        The class, as text; None where the table has none.
    voxels
        The lesion's size; 0 for a case without, or of which it is not known.
    """

    case: str
    patient: str
    label: str | None = None
    voxels: int = 0

    @property
    def bin(self) -> int:
        """0 without a lesion; bin b holds sizes from 500·(b − 1) + 1 to 500·b voxels."""
        return -(-self.voxels // BIN)


def strata(members: Sequence[Member], k: int) -> list[str]:
    """The stratum of each member: its label and a range of size bins.

    Neighbouring bins of one label are joined until at least `k` patients are in each range, so that every
    fold can have one. Cases without a label are strata of their own.
    """
    named: dict[tuple[str | None, int], str] = {}
    for label, group in _by_label(members):
        for bins in _joined(group, k):
            for one in bins:
                named[label, one] = _name(label, bins)
    return [named[member.label, member.bin] for member in members]


def _by_label(members: Sequence[Member]) -> list[tuple[str | None, list[Member]]]:
    ordered = sorted(members, key=_label_order)
    return [(group[0].label, group) for _, it in groupby(ordered, key=_label_order) if (group := list(it))]


def _label_order(member: Member) -> tuple[bool, str]:
    return member.label is None, member.label or ""


def _joined(members: Sequence[Member], k: int) -> list[list[int]]:
    """Lists of neighbouring bins, each with at least `k` patients (all in one list, if they are fewer)."""
    patients: dict[int, set[str]] = {}
    for member in members:
        patients.setdefault(member.bin, set()).add(member.patient)
    ranges: list[list[int]] = [[]]
    inside: set[str] = set()
    for one in sorted(patients):
        if len(inside) >= k:
            ranges.append([])
            inside = set()
        ranges[-1].append(one)
        inside |= patients[one]
    if len(inside) < k and len(ranges) > 1:  # the largest lesions are too few: they go with the next smaller
        ranges[-2:] = [ranges[-2] + ranges[-1]]
    return ranges


def _name(label: str | None, bins: Sequence[int]) -> str:
    name = f"label {UNLABELLED if label is None else label}"
    if list(bins) == [0]:
        return name
    low = BIN * (bins[0] - 1) + 1 if bins[0] else 0
    return f"{name}, {low:,} to {BIN * bins[-1]:,} voxels"
