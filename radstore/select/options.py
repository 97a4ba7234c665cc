"""`Options`: every choice that a selection's numbers depend on, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from radstore.errors import BadInput

Rule = Literal["stable", "best-fold"]
RULES: tuple[str, ...] = get_args(Rule)


@dataclass(frozen=True)
class Options:
    """How features are selected.

    Parameters
    ----------
    size
        How many features.
    folds
        Of the cross-validation, inside and outside; None: the stored folds outside, as many inside.
    rule
        Which of the folds' sets is the result: ``stable`` (most often selected) or ``best-fold`` (the
        set of the fold with the highest AUROC).
    alpha
        False discovery rate of the univariate filter; 1: every feature passes.
    redundancy
        Of two features correlated more than this (|r|) the weaker is dropped; 1: none is.
    max_missing
        A feature that is undefined in a larger share of the training cases is dropped.
    C
        Of the linear SVM: the smaller, the more regularised.
    seed
        Of the folds and permutations.
    """

    size: int = 10
    folds: int | None = 10
    rule: Rule = "stable"
    alpha: float = 0.05
    redundancy: float = 0.95
    max_missing: float = 0.2
    C: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        _check("size", self.size, lambda v: v >= 1, "a whole number from 1 on")
        _check(
            "folds", self.folds, lambda v: v is None or v >= 2, "a whole number from 2 on, or the stored ones"
        )
        _check("rule", self.rule, lambda v: v in RULES, f"one of {', '.join(RULES)}")
        _check("alpha", self.alpha, lambda v: 0 < v <= 1, "a number above 0, up to 1")
        _check("redundancy", self.redundancy, lambda v: 0 < v <= 1, "a number above 0, up to 1")
        _check("max_missing", self.max_missing, lambda v: 0 <= v < 1, "a number from 0 on, below 1")
        _check("C", self.C, lambda v: v > 0, "a number above 0")
        _check("seed", self.seed, lambda v: v >= 0, "a whole number from 0 on")


def _check(name: str, value: Any, holds: Callable[[Any], bool], allowed: str) -> None:
    if not holds(value):
        raise BadInput(f"{name} is {value!r}", f"Give {allowed}.")
