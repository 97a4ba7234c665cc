"""How reliable a view's features are: ICC with its interval, kept beside the versions.

The numbers are one small content-addressed file beside the manifests. Which file holds those of a view stands
in the version's marks, which later commits take over; gc keeps what any version names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from radstore.store import log
from radstore.store.bucket import Bucket
from radstore.store.log import Version
from radstore.store.manifest import read_record, write_record

MARK = "icc/"  # + view: the mark of a version
RECORD = "record"  # in it: the name of the file
COLUMNS = ("icc", "icc_low", "icc_high")


@dataclass(frozen=True, eq=False)
class Reliability:
    """What the store knows of a view's features.

    Parameters
    ----------
    names
        Features.
    columns
        ``icc``, ``icc_low``, ``icc_high`` → float64 [feature], NaN where undefined.
    """

    names: tuple[str, ...]
    columns: Mapping[str, np.ndarray]

    def on(self, names: list[str]) -> dict[str, np.ndarray]:
        """The columns for these features; NaN for those that were not measured."""
        place = {name: at for at, name in enumerate(self.names)}
        known = [place.get(name, -1) for name in names]
        return {column: np.append(values, np.nan)[known] for column, values in self.columns.items()}


def keep(
    bucket: Bucket, view: str, found: Reliability, told: Mapping[str, Any], message: str = ""
) -> Version:
    """Commit what was measured of a view; `told` says how (``spec_hash``, cases, seed, strengths)."""
    content = {
        "names": list(found.names),
        **{name: [float(v) if np.isfinite(v) else None for v in found.columns[name]] for name in COLUMNS},
    }
    mark = {**told, RECORD: write_record(bucket, content)}
    return log.commit(bucket, {}, message=message, marks={MARK + view: mark}).version


def reliability(bucket: Bucket, version: Version, view: str) -> tuple[Mapping[str, Any], Reliability] | None:
    """How a view was measured, and the numbers; None if it was not."""
    mark = version.marks.get(MARK + view)
    if not mark:
        return None
    content = read_record(bucket, mark[RECORD])
    columns = {name: np.array([np.nan if v is None else v for v in content[name]], float) for name in COLUMNS}
    return mark, Reliability(tuple(content["names"]), columns)


def records(version: Version) -> list[str]:
    """The names of the files that a version needs; for gc."""
    return [mark[RECORD] for name, mark in version.marks.items() if name.startswith(MARK)]
