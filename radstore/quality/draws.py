"""Which cases are looked at, and the random numbers of each: both follow from the seed and the id alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

import numpy as np

from radstore.catalog import Case


def sample(cases: Iterable[Case], count: int, seed: int) -> list[Case]:
    """At most `count` cases, spread evenly over the sources, other patients before other studies of one.

    The same cases for the same seed, in whatever order they come; a source that grows changes few of them.
    """
    turns: Counter[tuple[str, ...]] = Counter()
    ranked = []
    for case in sorted(cases, key=lambda case: _draw(seed, case.id)):
        study = turns[case.source, case.patient]
        turns[case.source, case.patient] += 1
        ranked.append((study, case))
    ranked.sort(key=lambda item: item[0])  # stable: the drawn order within
    rounds = []
    for _, case in ranked:
        rounds.append((turns[case.source,], case))
        turns[case.source,] += 1
    rounds.sort(key=lambda item: item[0])
    return [case for _, case in rounds[:count]]


def generator(seed: int, *words: str) -> np.random.Generator:
    """Random numbers of their own for each case and perturbation, whoever computes them and when."""
    return np.random.default_rng(int.from_bytes(_draw(seed, *words)[:16], "big"))


def _draw(seed: int, *words: str) -> bytes:
    return hashlib.sha256("\n".join([str(seed), *words]).encode()).digest()
