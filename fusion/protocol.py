"""How out of fold scores are, in words that travel from the plan through predictions to the report.

A model of Stage 2 has one word for its mode, and one for each thing more that may have seen the cases it is
judged by. What a word means is said here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Protocol = tuple[str, ...]
"""Words, in the order of `MEANING`."""

PAPER, CHAIN, NESTED = "paper mode", "standard chain", "nested"
"""The modes."""
SELECTION, BEST = "unknown selection", "best checkpoint"
"""What may come on top."""
MEANING: Mapping[str, str] = {
    PAPER: "selection, regions or Stage 1 may have seen labels of held-out cases: scores are optimistic",
    CHAIN: "masks of training cases may come from models that saw labels of the held-out fold",
    NESTED: "no model that a held-out case is predicted by, and none that made masks of its training cases, "
    "saw a label of the held-out fold",
    SELECTION: "nothing says how the features were chosen: if labels of these cases took part (as in a list "
    "published on them), scores are optimistic",
    BEST: "held-out cases chose the checkpoint that they are predicted by: scores are optimistic",
}
BEST_FILE = "checkpoint_best.pth"
"""nnU-Net's checkpoint of the epoch that did best on the validation cases, which are the held-out ones."""


def ordered(words: Iterable[str]) -> Protocol:
    """Each word once."""
    known = list(MEANING)
    return tuple(
        sorted(set(words), key=lambda word: (known.index(word) if word in known else len(known), word))
    )


def tell(word: str) -> str:
    """A word with its meaning."""
    return f"{word}: {MEANING.get(word, 'written by another version of fusion, which knows what it means')}"


def for_external(protocol: Protocol) -> Protocol:
    """What of it concerns cases of no fold: they are held out of every chain, and chose no checkpoint."""
    return tuple(word for word in protocol if word == SELECTION)


def judged_by(protocol: Protocol) -> Protocol:
    """What of it must be equal for two rows to be compared: which inputs they have, is what is asked."""
    return tuple(word for word in protocol if word != SELECTION)
