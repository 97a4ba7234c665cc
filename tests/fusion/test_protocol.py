"""The words for how out of fold something is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fusion.protocol import BEST, CHAIN, MEANING, PAPER, SELECTION, for_external, judged_by, ordered, tell

WORDS = st.lists(st.sampled_from([*MEANING, "a word of tomorrow"]))


@given(WORDS)
def test_each_word_once_in_one_order(words: list[str]) -> None:
    assert set(ordered(words)) == set(words)
    assert ordered(words) == ordered(reversed(words)) == ordered(ordered(words) * 2)


def test_order() -> None:
    assert ordered([BEST, SELECTION, PAPER, "tomorrow"]) == (PAPER, SELECTION, BEST, "tomorrow")


def test_meanings() -> None:
    assert all(tell(word).startswith(f"{word}: ") for word in MEANING)
    assert "another version" in tell("tomorrow")


def test_external_cases_are_held_out_of_every_chain() -> None:
    assert for_external((CHAIN, SELECTION, BEST)) == (SELECTION,)


def test_rows_with_other_inputs_can_be_compared() -> None:
    assert judged_by((CHAIN, SELECTION)) == judged_by((CHAIN,)) != judged_by((CHAIN, BEST))
