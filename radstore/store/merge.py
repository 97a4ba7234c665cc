"""What happens when two builders change one case: a three-way merge, block by block.

1. Only one side changed it: that side's.
2. Both say the same (same key, same content, same spec): theirs, which is in the log already.
3. A block against a failure record: the block.
4. Two failures: the newer, ours.
5. Two blocks with one key but different digests or specs: the newer, ours (a lost block was computed anew,
   and a recipe does not always give the same last bits; two specs can ask for the same numbers).
6. Two blocks with different keys, or two values of one table column or mark: a conflict. The case keeps what
   the log has; nothing of ours enters it.
7. A removal (of a block, a column, a mark, the whole case) against a change: the change, which someone needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from radstore.canonical import canonical
from radstore.store.manifest import CaseRecord, Entry


class MergeConflict(Exception):
    """Two different values for one name; carries the name and both."""

    def __init__(self, name: str, ours: object, theirs: object) -> None:
        super().__init__(name, ours, theirs)
        self.name, self.ours, self.theirs = name, ours, theirs


class _Absent(Enum):
    """No value under this name; not None, which is the value of an empty table cell."""

    ABSENT = 0


ABSENT = _Absent.ABSENT


def merge_case(
    base: CaseRecord | None, ours: CaseRecord | None, theirs: CaseRecord | None
) -> CaseRecord | None:
    """The record that a case has after both changes.

    Parameters
    ----------
    base
        What the case was when we began.
    ours, theirs
        What we made of it, and what the log says now. None: the case is not there.

    Raises
    ------
    MergeConflict
        Where the two cannot both hold.
    """
    if ours is None or theirs is None:
        left = ours or theirs
        return None if left and base and _same_record(left, base) else left
    old = base or CaseRecord()
    return CaseRecord(
        _merge(old.info, ours.info, theirs.info, same_value, _refuse),
        _merge(old.blocks, ours.blocks, theirs.blocks, _same_entry, _better_entry),
        _merge(old.marks, ours.marks, theirs.marks, same_value, _refuse),
    )


def same_value(a: Any, b: Any) -> bool:
    """Whether two values of a table column are one: 1, 1.0 and True are three, NaN is NaN."""
    if a is ABSENT or b is ABSENT:
        return a is b
    return canonical(a) == canonical(b)


def _merge(
    base: Mapping[str, Any],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    same: Callable[[Any, Any], bool],
    settle: Callable[[str, Any, Any], Any],
) -> dict[str, Any]:
    merged = {}
    for name in sorted({*ours, *theirs}):
        old, mine, other = (side.get(name, ABSENT) for side in (base, ours, theirs))
        if same(mine, other) or same(mine, old):
            kept = other
        elif same(other, old) or other is ABSENT:
            kept = mine
        elif mine is ABSENT:
            kept = other
        else:
            kept = settle(name, mine, other)
        if kept is not ABSENT:
            merged[name] = kept
    return merged


def _same_record(a: CaseRecord, b: CaseRecord) -> bool:
    return (
        same_value(dict(a.info), dict(b.info))
        and same_value(dict(a.marks), dict(b.marks))
        and a.blocks.keys() == b.blocks.keys()
        and all(_same_entry(entry, b.blocks[name]) for name, entry in a.blocks.items())
    )


def _same_entry(a: Any, b: Any) -> bool:
    if a is ABSENT or b is ABSENT:
        return a is b
    return bool(a.identity == b.identity and a.spec == b.spec)


def _refuse(name: str, ours: Any, theirs: Any) -> Any:
    raise MergeConflict(name, ours, theirs)


def _better_entry(name: str, ours: Entry, theirs: Entry) -> Entry:
    if ours.ok and theirs.ok and ours.key != theirs.key:
        raise MergeConflict(name, ours.key, theirs.key)
    return theirs if theirs.ok and not ours.ok else ours
