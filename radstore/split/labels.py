"""A case's class as text: one spelling for one class, however a table writes it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from radstore.errors import BadInput
from radstore.suggest import suggest

MANY = 20  # distinct values: more is an id or a measurement, not a class


def label_text(value: Any) -> str | None:
    """The class as text: 1, 1.0, True and ``"1"`` are one; None where there is none (blank, NaN)."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    return str(value).strip() or None


def labels_of(rows: Mapping[str, Mapping[str, Any]], column: str, where: str) -> dict[str, str | None]:
    """Case → class, from the cases' columns.

    Parameters
    ----------
    rows
        Case → column → value.
    column
        The column with the classes.
    where
        What messages name: the store or the table.

    Raises
    ------
    BadInput
        If no case has the column or a value in it, or there are too many values to be classes.
    """
    known = dict.fromkeys(name for row in rows.values() for name in row)
    if column not in known:
        raise BadInput(f"{where} has no column {column!r}", suggest(column, known, "Its columns are"))
    found = {case: label_text(row.get(column)) for case, row in rows.items()}
    values = Counter(value for value in found.values() if value is not None)
    if not values:
        raise BadInput(
            f"{where}: no case has a value in the column {column!r}",
            "Fill it in the catalog's table and build again, or name another with --label.",
        )
    if len(values) > MANY:
        some = ", ".join(repr(value) for value in sorted(values)[:3])
        raise BadInput(
            f"{where}: the column {column!r} has {len(values):,} different values ({some}, …)",
            f"Name a column of classes (at most {MANY}) with --label.",
        )
    return found
