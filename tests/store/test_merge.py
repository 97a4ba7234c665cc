"""The rules of the three-way merge, and what must hold whatever the three sides are."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.store.manifest import CaseRecord, Entry
from radstore.store.merge import MergeConflict, merge_case, same_value

A, B, C = (Entry(key, digest=f"d{key}") for key in "ABC")
FAILED = Entry("A", "failed", error={"step": "read", "message": "m", "remedy": "r"})
FAILED_LATER = replace(FAILED, key="B")


def blocks(entry: Entry | None) -> CaseRecord:
    return CaseRecord({}, {} if entry is None else {"image": entry})


def merged(base: Entry | None, ours: Entry | None, theirs: Entry | None) -> Entry | None:
    found = merge_case(blocks(base), blocks(ours), blocks(theirs))
    assert found is not None
    return found.blocks.get("image")


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result"),
    [
        (None, A, None, A),  # 1. one side changed it
        (None, None, A, A),
        (A, B, A, B),
        (A, A, B, B),
        (A, None, A, None),
        (A, A, None, None),
        (A, FAILED_LATER, A, FAILED_LATER),
        (None, A, A, A),  # 2. both say the same
        (B, A, A, A),
        (None, A, FAILED, A),  # 3. a block against a failure
        (None, FAILED, A, A),
        (C, FAILED, A, A),
        (FAILED, A, FAILED_LATER, A),
        (None, FAILED, FAILED_LATER, FAILED),  # 4. two failures
        (C, FAILED_LATER, FAILED, FAILED_LATER),
        (None, replace(A, digest="x"), A, replace(A, digest="x")),  # 5. one key, computed anew
        (A, B, None, B),  # 7. a removal against a change
        (A, None, B, B),
    ],
)
def test_blocks(base: Entry | None, ours: Entry | None, theirs: Entry | None, result: Entry | None) -> None:
    assert merged(base, ours, theirs) == result


def test_what_both_say_is_theirs() -> None:
    mine, other = replace(A, device="cuda"), replace(A, device="cpu")
    assert merged(None, mine, other) is other


@pytest.mark.parametrize("base", [None, C])
def test_two_keys_are_a_conflict_that_names_both(base: Entry | None) -> None:
    with pytest.raises(MergeConflict) as caught:
        merged(base, A, B)
    assert (caught.value.name, caught.value.ours, caught.value.theirs) == ("image", "A", "B")


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result"),
    [
        ({"age": 50}, {"age": 51}, {"age": 50}, {"age": 51}),
        ({"age": 50}, {"age": 50}, {"age": 51}, {"age": 51}),
        ({}, {"age": 50}, {"sex": "F"}, {"age": 50, "sex": "F"}),
        ({"age": 50}, {}, {"age": 50}, {}),
        ({"age": 50}, {}, {"age": 51}, {"age": 51}),
        ({"age": None}, {"age": None}, {"age": None}, {"age": None}),
        ({"age": None}, {"age": 50}, {"age": None}, {"age": 50}),
        ({"age": 50}, {"age": None}, {"age": 50}, {"age": None}),
        ({}, {"age": None}, {}, {"age": None}),
    ],
)
def test_columns(base: dict, ours: dict, theirs: dict, result: dict) -> None:
    found = merge_case(CaseRecord(base), CaseRecord(ours), CaseRecord(theirs))
    assert found == CaseRecord(result)


def test_two_values_of_a_column_are_a_conflict() -> None:
    with pytest.raises(MergeConflict) as caught:
        merge_case(CaseRecord({"age": 1}), CaseRecord({"age": 2}), CaseRecord({"age": 3}))
    assert (caught.value.name, caught.value.ours, caught.value.theirs) == ("age", 2, 3)


def test_which_values_are_one() -> None:
    assert same_value(math.nan, float("nan"))
    assert same_value([1, {"a": None}], [1, {"a": None}])
    assert not same_value(1, True)
    assert not same_value(1, 1.0)
    assert not same_value(0, None)


def test_a_nan_that_stayed_is_no_change() -> None:
    base, ours = CaseRecord({"age": math.nan}), CaseRecord({"age": float("nan")})
    assert merge_case(base, ours, base) == base


def test_a_removed_case() -> None:
    there = CaseRecord({"patient": "P"}, {"image": A})
    more = CaseRecord({"patient": "P"}, {"image": A, "maps/x": B})
    assert merge_case(there, None, there) is None
    assert merge_case(there, there, None) is None
    assert merge_case(there, None, more) == more  # whole, with its patient
    assert merge_case(there, more, None) == more
    assert merge_case(None, None, None) is None
    assert merge_case(None, there, None) == there
    assert merge_case(None, None, there) == there


entries = st.sampled_from([A, B, C, FAILED, FAILED_LATER, replace(A, digest="other"), replace(A, device="x")])
columns = st.dictionaries(st.sampled_from(["age", "sex"]), st.sampled_from([None, 1, 2.5, "F"]))
records = st.builds(CaseRecord, columns, st.dictionaries(st.sampled_from(["image", "maps/x"]), entries))
sides = st.none() | records


def values(record: CaseRecord | None) -> set[tuple[str, Any]]:
    """Everything a record says, one by one."""
    if record is None:
        return set()
    return {(f"info {n}", repr(v)) for n, v in record.info.items()} | {
        (n, repr(e)) for n, e in record.blocks.items()
    }


def keys(record: CaseRecord | None) -> set[tuple[str, Any]]:
    """What a record says, less who computed it."""
    if record is None:
        return set()
    return {(f"info {n}", repr(v)) for n, v in record.info.items()} | {
        (n, e.identity) for n, e in record.blocks.items()
    }


@given(sides, sides)
def test_unchanged_on_our_side_is_theirs(base: CaseRecord | None, theirs: CaseRecord | None) -> None:
    assert merge_case(base, base, theirs) == theirs


@given(sides, sides)
def test_unchanged_on_their_side_is_ours(base: CaseRecord | None, ours: CaseRecord | None) -> None:
    assert keys(merge_case(base, ours, base)) == keys(ours)


@given(sides, sides, sides)
def test_nothing_is_invented(
    base: CaseRecord | None, ours: CaseRecord | None, theirs: CaseRecord | None
) -> None:
    with contextlib.suppress(MergeConflict):
        assert values(merge_case(base, ours, theirs)) <= values(ours) | values(theirs)


@given(sides, sides, sides)
def test_merging_again_changes_nothing(
    base: CaseRecord | None, ours: CaseRecord | None, theirs: CaseRecord | None
) -> None:
    """A retried commit that finds its own result in the log adds nothing to it."""
    with contextlib.suppress(MergeConflict):
        once = merge_case(base, ours, theirs)
        assert merge_case(ours, ours, once) == once
        assert keys(merge_case(theirs, once, theirs)) == keys(once)


@given(sides, sides, sides)
def test_the_order_matters_only_where_the_newer_wins(
    base: CaseRecord | None, ours: CaseRecord | None, theirs: CaseRecord | None
) -> None:
    def result(one: CaseRecord | None, other: CaseRecord | None) -> set[tuple[str, Any]] | str:
        try:
            found = merge_case(base, one, other)
        except MergeConflict:
            return "conflict"
        return keys(found)

    there, back = result(ours, theirs), result(theirs, ours)
    if isinstance(there, str) or isinstance(back, str):
        assert there == back == "conflict"
        return
    for name, said in there ^ back:  # rules 4 and 5: two failures, or one key computed twice
        mine, other = (side.blocks[name] for side in (ours, theirs) if side)
        assert (not mine.ok and not other.ok) or mine.key == other.key, said


@given(sides, sides, sides)
def test_a_block_is_never_lost_to_a_failure_of_the_other_side(
    base: CaseRecord | None, ours: CaseRecord | None, theirs: CaseRecord | None
) -> None:
    with contextlib.suppress(MergeConflict):
        found = merge_case(base, ours, theirs)
        for side, other in ((ours, theirs), (theirs, ours)):
            for name, entry in side.blocks.items() if side else ():
                old = base.blocks.get(name) if base else None
                against = other.blocks.get(name) if other else None
                changed = old is None or old.identity != entry.identity
                if entry.ok and changed and against is not None and not against.ok:
                    assert found is not None
                    assert found.blocks[name].ok


def marked(**marks: Any) -> CaseRecord:
    return CaseRecord({"patient": "P"}, marks=marks)


def test_a_builder_that_knew_no_mark_keeps_the_one_set_meanwhile() -> None:
    ours = CaseRecord({"patient": "P"}, {"image": A})
    found = merge_case(CaseRecord({"patient": "P"}), ours, marked(fold=2))
    assert found == CaseRecord({"patient": "P"}, {"image": A}, {"fold": 2})


def test_two_splits_at_once_are_a_conflict() -> None:
    assert merge_case(marked(fold=0), marked(fold=0), marked(fold=1)) == marked(fold=1)
    with pytest.raises(MergeConflict, match="fold"):
        merge_case(marked(fold=0), marked(fold=1), marked(fold=2))


def test_a_removed_case_that_was_marked_meanwhile_stays() -> None:
    assert merge_case(marked(), None, marked(fold=1)) == marked(fold=1)
