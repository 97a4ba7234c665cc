"""AUROC, average precision and curves of many weightings of one cohort at once.

A bootstrap draw is a weighting (how often each patient was drawn), and so is a permutation (whose result
counts for which row): cases and findings are matched and sorted once, and scored thousands of times. With all
weights 1 the numbers are picai_eval's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fusion.evaluate.cases import CaseResult

METRICS = ("ap", "auroc", "score")
"""The primary one first, declared before anything was computed: average precision of lesions."""
CHUNK = 128  # weightings scored at once: bounds the memory


@dataclass(frozen=True)
class Ranked:
    """Values in falling order, ties together, with what each is and whose it is.

    Parameters
    ----------
    values
        Distinct values, falling, (groups,).
    starts
        Where each begins in the arrays below, (groups,).
    true
        Whether it is a positive (a lesion), float (n,).
    owner
        The weight it has: a column of the weights, (n,).
    """

    values: np.ndarray
    starts: np.ndarray
    true: np.ndarray
    owner: np.ndarray

    @classmethod
    def of(cls, entries: Iterable[tuple[float, bool, int]]) -> Ranked:
        """Of (value, true, owner)."""
        table = np.array([(value, true, owner) for value, true, owner in entries], float).reshape(-1, 3)
        table = table[np.argsort(-table[:, 0], kind="stable")]
        fresh = np.diff(table[:, 0], prepend=np.inf) != 0
        starts = np.flatnonzero(fresh)
        return cls(table[starts, 0], starts, table[:, 1], table[:, 2].astype(int))

    def counts(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight of positives and of the others at each distinct value, both (b, groups)."""
        if not self.starts.size:
            empty = np.zeros((len(weights), 0))
            return empty, empty
        weight = weights[:, self.owner]
        positives, everything = weight * self.true, weight
        true = np.add.reduceat(positives, self.starts, axis=1)
        return true, np.add.reduceat(everything, self.starts, axis=1) - true


@dataclass(frozen=True)
class Ranking:
    """Cases by score and findings by confidence.

    Parameters
    ----------
    cases, findings
        What is ranked.
    owners
        How many columns weights have.
    """

    cases: Ranked
    findings: Ranked
    owners: int

    @classmethod
    def of(cls, results: Sequence[CaseResult], owner: Callable[[CaseResult], int], owners: int) -> Ranking:
        """Of results, each with the column of its weight."""
        return cls(
            Ranked.of((result.score, result.positive, owner(result)) for result in results),
            Ranked.of((f.confidence, f.lesion, owner(result)) for result in results for f in result.findings),
            owners,
        )

    def metrics(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Metric → its value of each weighting.

        Parameters
        ----------
        weights
            (b, owners), not negative.

        Returns
        -------
        dict
            ``ap``, ``auroc`` and ``score`` (their mean), each (b,); NaN where a class has no weight.
        """
        parts = [weights[at : at + CHUNK].astype(float) for at in range(0, len(weights), CHUNK)]
        auroc = np.concatenate([area(*self.cases.counts(part)) for part in parts])
        ap = np.concatenate([precision_sum(*self._candidates(part)) for part in parts])
        return {"ap": ap, "auroc": auroc, "score": (auroc + ap) / 2}

    def _candidates(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        true, false = self.findings.counts(weights)
        real = self.findings.values > 0  # at confidence 0 stand the missed lesions: no candidates
        return true[:, real], false[:, real], true.sum(axis=1)

    def roc(self, weights: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Sensitivity at the false positive rates `at`, (b, len(at)); linear between thresholds."""
        true, false = self.cases.counts(weights.astype(float))
        y, x = _share(true), _share(false)
        return np.array([np.interp(at, fpr, tpr) for fpr, tpr in zip(x, y, strict=True)])

    def precision_recall(self, weights: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Precision where the recall `at` (> 0) is first reached, 0 where it never is: the steps AP sums."""
        true, false, lesions = self._candidates(weights.astype(float))
        found, wrong = np.cumsum(true, axis=1), np.cumsum(false, axis=1)
        recall, precision = _divide(found, lesions[:, None]), _divide(found, found + wrong)
        steps = zip(recall, precision, strict=True)
        return np.array([_step(np.append(p, 0.0), np.searchsorted(r, at - 1e-12)) for r, p in steps])

    def froc(self, weights: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Share of lesions found with at most `at` false candidates a case, (b, len(at))."""
        weights = weights.astype(float)
        true, false, lesions = self._candidates(weights)
        cases = weights[:, self.cases.owner].sum(axis=1)
        recall = np.pad(_divide(np.cumsum(true, axis=1), lesions[:, None]), ((0, 0), (1, 0)))
        wrong = np.pad(_divide(np.cumsum(false, axis=1), cases[:, None]), ((0, 0), (1, 0)))
        steps = zip(recall, wrong, strict=True)
        return np.array([_step(r, np.searchsorted(w, at + 1e-12, side="right") - 1) for r, w in steps])


def area(true: np.ndarray, false: np.ndarray) -> np.ndarray:
    """AUROC: the chance that a positive ranks before a negative, ties half (Hanley & McNeil 1982)."""
    behind = false.sum(axis=1, keepdims=True) - np.cumsum(false, axis=1)
    pairs = true.sum(axis=1) * false.sum(axis=1)
    return _divide((true * (behind + false / 2)).sum(axis=1), pairs, np.nan)


def precision_sum(true: np.ndarray, false: np.ndarray, lesions: np.ndarray) -> np.ndarray:
    """AP: Σ (Rᵢ − Rᵢ₋₁) Pᵢ over thresholds, missed lesions in R only, as picai_eval has it."""
    found = np.cumsum(true, axis=1)
    precision = _divide(found, found + np.cumsum(false, axis=1))
    return _divide((true * precision).sum(axis=1), lesions, np.nan)


def _share(counts: np.ndarray) -> np.ndarray:
    """Cumulative share, beginning at 0."""
    running = np.pad(np.cumsum(counts, axis=1), ((0, 0), (1, 0)))
    return _divide(running, running[:, -1:], np.nan)


def _divide(a: np.ndarray, b: np.ndarray, empty: float = 0.0) -> np.ndarray:
    a, b = np.broadcast_arrays(a, b)
    return np.divide(a, b, out=np.full(a.shape, empty), where=b > 0)


def _step(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    return values[np.minimum(index, len(values) - 1)]
