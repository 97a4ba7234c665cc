from __future__ import annotations

from collections.abc import Callable

import pytest

from fusion.evaluate.cases import CaseResult
from fusion.evaluate.strata import all_columns, column_strata, size_strata
from radstore.errors import BadInput

Make = Callable[..., CaseResult]


def test_sizes_keep_all_negatives(make: Make) -> None:
    small, large = (
        make("ab"[at], 1, [(True, 1)], lesions_mm=(5.0, mm)) for at, mm in enumerate((20.0, 41.0))
    )
    healthy = make("c", 0.5, [(False, 0.5)])
    strata = size_strata()
    assert list(strata) == ["≤ 20 mm", "> 20 to 40 mm", "> 40 mm"]
    inside = [[r.case for r in (small, large, healthy) if belongs(r)] for belongs in strata.values()]
    assert inside == [["a", "c"], ["c"], ["b", "c"]]
    for wrong in ([40, 20], [0, 20], [20, 20]):
        with pytest.raises(BadInput, match="lesion sizes"):
            size_strata(wrong)


def test_classes(make: Make) -> None:
    columns = {"a": {"Scanner": "one"}, "b": {"Scanner": 2}, "c": {"Scanner": 2.0}, "d": {}}
    strata = column_strata("scanner", columns)
    assert {name: [c for c in "abcd" if strata[name](make(c))] for name in strata} == {
        "2": ["b", "c"],
        "one": ["a"],
        "unknown": ["d"],
    }
    assert all_columns(["age"], columns) == ["age", "scanner"]
    assert all_columns(["Scanner"], columns) == ["Scanner"]


def test_a_measurement_is_cut_into_quartiles(make: Make) -> None:
    columns = {f"c{at}": {"age": at if at < 20 else None} for at in range(21)}
    strata = column_strata("age", columns)
    sizes = {name: sum(belongs(make(case)) for case in columns) for name, belongs in strata.items()}
    assert list(sizes.values()) == [5, 5, 5, 5, 1]
    assert list(sizes)[-1] == "unknown"


def test_no_such_column_or_too_many_values() -> None:
    columns = {f"c{at}": {"name": f"n{at}"} for at in range(30)}
    with pytest.raises(BadInput, match="no table has a column 'nam'"):
        column_strata("nam", columns)
    with pytest.raises(BadInput, match="30 different values"):
        column_strata("name", columns)
