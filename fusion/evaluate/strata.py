"""Who is found and who is missed: scores by lesion size, site, scanner or any column of the tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from fusion.evaluate.cases import CaseResult
from radstore.catalog.model import Scalar
from radstore.errors import BadInput
from radstore.split.labels import label_text
from radstore.suggest import suggest

SIZE = "lesion size"
SIZES_MM = (20.0, 40.0)
"""Edges between T1, T2 and T3 of pancreatic cancer (AJCC 8th edition: 2 and 4 cm of greatest diameter)."""
BY = ("site", "scanner")
"""Columns that are looked at wherever a table has them."""
CLASSES = 12  # distinct numbers from which a column is a measurement
PARTS = 4  # of a measurement: quartiles
UNKNOWN = "unknown"
Strata = Mapping[str, Callable[[CaseResult], bool]]
Columns = Mapping[str, Mapping[str, Scalar]]


def size_strata(edges: Sequence[float] = SIZES_MM) -> dict[str, Callable[[CaseResult], bool]]:
    """Strata by the largest lesion of a case, as the diameter of the sphere of its volume.

    Each has the positive cases of that size and **all** negative ones; false candidates in positive cases of
    another size are in none.

    Raises
    ------
    BadInput
        If the edges do not rise, or are not positive.
    """
    limits = [0.0, *edges, math.inf]
    if sorted(set(limits)) != limits:
        raise BadInput(f"lesion sizes {list(edges)} mm", "Give rising, positive diameters, such as 20 40.")
    return {_bin(a, b): _within(a, b) for a, b in pairwise(limits)}


def _bin(low: float, high: float) -> str:
    if low == 0:
        return f"≤ {high:g} mm" if high < math.inf else "any size"
    return f"> {low:g} mm" if high == math.inf else f"> {low:g} to {high:g} mm"


def _within(low: float, high: float) -> Callable[[CaseResult], bool]:
    return lambda result: not result.positive or low < max(result.lesions_mm) <= high


def column_strata(column: str, columns: Columns) -> dict[str, Callable[[CaseResult], bool]]:
    """Strata by a column: its values, or the quartiles of a measurement; cases without a value apart.

    Parameters
    ----------
    column
        Which; capitals do not matter.
    columns
        Case → its row of the table.

    Raises
    ------
    BadInput
        If no case has it, or it has too many values that are no numbers.
    """
    values = _values(column, columns)
    numbers = [value for value in values.values() if isinstance(value, int | float)]
    distinct = {text for value in values.values() if (text := label_text(value)) is not None}
    if len(distinct) <= CLASSES:
        texts = {case: label_text(value) or UNKNOWN for case, value in values.items()}
        names = sorted(distinct) + ([UNKNOWN] if UNKNOWN in texts.values() else [])
        return {name: _equal(texts, name) for name in names}
    if len(numbers) < len([value for value in values.values() if label_text(value) is not None]):
        raise BadInput(
            f"the column {column!r} has {len(distinct):,} different values", "Name a column of few classes."
        )
    return _parts(values)


def _values(column: str, columns: Columns) -> dict[str, Scalar]:
    known = dict.fromkeys(name for row in columns.values() for name in row)
    name = named(column, known)
    if name is None:
        raise BadInput(f"no table has a column {column!r}", suggest(column, known, "Their columns are"))
    return {case: row.get(name) for case, row in columns.items()}


def all_columns(by: Sequence[str], columns: Columns) -> list[str]:
    """The columns that were asked for, and those of `BY` that there are."""
    known = dict.fromkeys(name for row in columns.values() for name in row)
    usual = [name for name in BY if named(name, known) and name.casefold() not in {c.casefold() for c in by}]
    return [*dict.fromkeys(by), *usual]


def named(column: str, known: Sequence[str] | Mapping[str, object]) -> str | None:
    """The column that is meant, whatever its capitals."""
    return next((name for name in known if name.casefold() == column.casefold()), None)


def _equal(texts: Mapping[str, str], name: str) -> Callable[[CaseResult], bool]:
    return lambda result: texts.get(result.case) == name


def _parts(values: Mapping[str, Scalar]) -> dict[str, Callable[[CaseResult], bool]]:
    numbers = {
        case: float(value)
        for case, value in values.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }
    inner = np.quantile(list(numbers.values()), np.linspace(0, 1, PARTS + 1)[1:-1])
    edges = [-math.inf, *sorted(set(inner.tolist())), math.inf]
    strata = {_range(a, b): _between(numbers, a, b) for a, b in pairwise(edges)}
    if len(numbers) < len(values):
        strata[UNKNOWN] = lambda result: result.case not in numbers
    return strata


def _range(low: float, high: float) -> str:
    if low == -math.inf:
        return f"≤ {high:g}"
    return f"> {low:g}" if high == math.inf else f"> {low:g} to {high:g}"


def _between(numbers: Mapping[str, float], low: float, high: float) -> Callable[[CaseResult], bool]:
    return lambda result: low < numbers.get(result.case, math.nan) <= high
