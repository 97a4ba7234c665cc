"""From a column of labels to two classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from radstore.errors import BadInput
from radstore.suggest import near_miss

POSITIVE = ("1", "true", "yes", "positive", "pdac")
NEGATIVE = ("0", "false", "no", "negative", "non-pdac")


def two_classes(
    labels: Mapping[str, str | None], positive: str | None, column: str, where: str
) -> tuple[dict[str, bool | None], tuple[str, str]]:
    """Case → whether it is positive (None: it has no label), and what the two classes are called.

    Parameters
    ----------
    labels
        Case → label, as text.
    positive
        The label of the positive class; every other one is negative. None: the words of `POSITIVE` and
        `NEGATIVE`, in upper or lower case.
    column, where
        What messages name.

    Raises
    ------
    BadInput
        If a label is no such word, or all cases are of one class.
    """
    counts = Counter(label for label in labels.values() if label is not None)
    listed = ", ".join(f"{value!r} ({count:,} cases)" for value, count in sorted(counts.items()))
    if positive is None:
        _require_words(labels, column, where, listed)
        truth = {case: None if label is None else _word(label) in POSITIVE for case, label in labels.items()}
    else:
        wanted = _word(positive)
        if wanted not in map(_word, counts):
            close = near_miss(positive, counts)
            hint = f"Did you mean {close!r}? " if close else ""
            raise BadInput(
                f"{where}: no case has the label {positive!r} in {column!r}; it has {listed}",
                f"{hint}Name one of these with --positive.",
            )
        truth = {case: None if label is None else _word(label) == wanted for case, label in labels.items()}
    names = [
        "/".join(sorted({str(labels[case]) for case, side in truth.items() if side is wanted_side}))
        for wanted_side in (True, False)
    ]
    if not all(names):
        raise BadInput(
            f"{where}: every labelled case is of one class: {column!r} has only {listed}",
            "There is nothing to tell apart: name another --label, or add cases of the other class.",
        )
    return truth, (names[0], names[1])


def _word(label: str) -> str:
    return label.strip().casefold()


def _require_words(labels: Mapping[str, str | None], column: str, where: str, listed: str) -> None:
    for case, label in labels.items():
        if label is not None and _word(label) not in (*POSITIVE, *NEGATIVE):
            raise BadInput(
                f"{where}: the label of case {case} is {label!r}; the column {column!r} has {listed}",
                "Say with --positive VALUE which is the positive class (all others are negative then), "
                f"or use {', '.join(POSITIVE)} and {', '.join(NEGATIVE)}.",
            )
