"""`Roll`: the cases to be split, and what their columns say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from radstore.errors import BadInput
from radstore.split.labels import label_text, labels_of
from radstore.split.strata import Member
from radstore.store.manifest import VOXELS, CaseRecord
from radstore.suggest import suggest


@dataclass(frozen=True)
class Roll:
    """The cases to be split.

    Parameters
    ----------
    where
        The store, for messages.
    records
        Case → what the manifest says of it, or would say.
    label
        The column with the class.
    """

    where: str
    records: Mapping[str, CaseRecord]
    label: str

    def rows(self) -> dict[str, dict[str, Any]]:
        """Case → every column and mark it has."""
        return {case: {**record.info, **record.marks} for case, record in self.records.items()}

    def patients(self, cases: Iterable[str]) -> dict[str, str]:
        """Case → patient."""
        return {case: str(self.records[case].info["patient"]) for case in cases}

    def members(self, voxels: Mapping[str, int], cases: Iterable[str] | None = None) -> list[Member]:
        """The cases (default: all), sorted by id, with their lesions' sizes."""
        labels = labels_of(self.rows(), self.label, self.where)
        chosen = sorted(self.records if cases is None else cases)
        patients = self.patients(chosen)
        return [Member(case, patients[case], labels[case], voxels.get(case, 0)) for case in chosen]

    def known_voxels(self) -> dict[str, int]:
        """The sizes that an earlier split counted."""
        return {case: r.marks[VOXELS] for case, r in self.records.items() if VOXELS in r.marks}

    def voxels_of(self, column: str) -> dict[str, int]:
        """The sizes that a column gives; 0 where it is blank.

        Raises
        ------
        BadInput
            If there is no such column, or a value is no size.
        """
        rows = self.rows()
        known = dict.fromkeys(name for row in rows.values() for name in row)
        if column not in known:
            raise BadInput(
                f"{self.where} has no column {column!r}", suggest(column, known, "Its columns are")
            )
        return {case: _voxels(case, row.get(column), column) for case, row in rows.items()}


def _voxels(case: str, value: Any, column: str) -> int:
    if label_text(value) is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise BadInput(
            f"case {case}: the lesion's size in the column {column!r} is {value!r}",
            "Give a number of voxels from 0 on, or leave it blank where there is no lesion.",
        )
    return round(value)


def some(cases: Iterable[str]) -> str:
    """A count of cases with the first ids: ``5 cases (a, b, c …)``."""
    ids = list(cases)
    more = " …" if len(ids) > 3 else ""
    return f"{len(ids):,} case{'s' if len(ids) != 1 else ''} ({', '.join(ids[:3])}{more})"
