"""Is one row better than another? A paired permutation test, an interval of the difference, Holm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from fusion.evaluate.bootstrap import Draws, Interval, interval
from fusion.evaluate.cases import CaseResult
from fusion.evaluate.picai import Finding
from fusion.evaluate.ranking import METRICS, Ranking

PERMUTATIONS = 10_000
SAME = 1e-12  # differences of two sums of the same numbers in another order
Row = Sequence[CaseResult]


@dataclass(frozen=True)
class Comparison:
    """Two rows on the same cases.

    Parameters
    ----------
    first, second
        The rows.
    metric
        Which of `fusion.evaluate.ranking.METRICS`.
    difference
        Second − first.
    interval
        Of the difference, from the same bootstrap draws for both.
    p
        Two-sided, of the permutation test; NaN where the metric is not defined.
    p_holm
        Corrected over all pairs that were compared by this metric.
    permutations
        How many were looked at.
    exact
        Whether these were all there are.
    """

    first: str
    second: str
    metric: str
    difference: float
    interval: Interval
    p: float
    p_holm: float
    permutations: int
    exact: bool


def compare(
    rows: Mapping[str, Row],
    draws: Draws,
    against: str | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> tuple[Comparison, ...]:
    """Compare rows pair by pair, by every metric.

    Parameters
    ----------
    rows
        Row → the results of the same cases.
    draws
        Bootstrap draws of their patients.
    against
        Compare only with this row; by default every pair is compared.
    permutations
        At most so many; all there are, if they are not more.
    seed
        Of their drawing.
    """
    pairs = (
        list(combinations(rows, 2)) if against is None else [(against, row) for row in rows if row != against]
    )
    found = [_pair(pair, rows, draws, permutations, seed) for pair in pairs]
    return tuple(one for name in METRICS for one in _corrected([pair[name] for pair in found]))


def _corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    corrected = holm([comparison.p for comparison in comparisons])
    return [replace(one, p_holm=p) for one, p in zip(comparisons, corrected, strict=True)]


def _pair(
    pair: tuple[str, str], rows: Mapping[str, Row], draws: Draws, permutations: int, seed: int
) -> dict[str, Comparison]:
    first, second = (rows[name] for name in pair)
    places = in_ranks(first), in_ranks(second)
    swaps, exact = _swaps(*places, draws.patients, permutations, seed)
    nulls = _differences(*places, draws.patients, swaps)
    boot, other = draws.metrics(first), draws.metrics(second)
    made = {}
    for name in METRICS:
        difference = float(nulls[name][0])
        spread = interval(other[name] - boot[name])
        p = _p(nulls[name], exact)
        made[name] = Comparison(*pair, name, difference, spread, p, math.nan, len(swaps) - 1 + exact, exact)
    return made


def in_ranks(row: Row) -> list[CaseResult]:
    """A row with its ranks (0 to 1, ties their mean) for its scores, and for its candidates' confidences.

    AUROC and AP see ranks only. What is swapped between rows has to be on one scale, else a row that is
    merely less sure of itself (its probabilities cubed, say) tears apart what it is mixed with.
    """
    from scipy.stats import rankdata

    scores = rankdata([result.score for result in row]) / max(1, len(row))
    candidates = [f.confidence for result in row for f in result.findings if f.confidence > 0]
    ranks = iter((rankdata(candidates) / max(1, len(candidates))).tolist())

    def ranked(finding: Finding) -> Finding:
        return finding._replace(confidence=next(ranks)) if finding.confidence > 0 else finding

    return [
        replace(result, score=score, findings=tuple(map(ranked, result.findings)))
        for result, score in zip(row, scores.tolist(), strict=True)
    ]


def _swaps(
    first: Row, second: Row, patients: Sequence[str], permutations: int, seed: int
) -> tuple[np.ndarray, bool]:
    """Whose results change rows, bool (1 + n, patients), nobody's first; and whether that is every way.

    Swapping a patient of whom both rows say the same changes nothing, so only the others are swapped. All
    ways are looked at if they are few.
    """
    differ = np.isin(patients, sorted(_differing(first, second)))
    count = int(differ.sum())
    exact = count <= math.log2(permutations)
    if exact:
        ways = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    else:
        stream = np.random.default_rng(seed)
        ways = np.pad(stream.integers(0, 2, (permutations, count)), ((1, 0), (0, 0)))
    swaps = np.zeros((len(ways), len(patients)), bool)
    swaps[:, differ] = ways
    return swaps, exact


def _differing(first: Row, second: Row) -> set[str]:
    theirs = {result.case: _ranked(result) for result in second}
    return {result.patient for result in first if _ranked(result) != theirs[result.case]}


def _ranked(result: CaseResult) -> tuple[float, list[tuple[bool, float]]]:
    return result.score, sorted((finding.lesion, finding.confidence) for finding in result.findings)


def _differences(
    first: Row, second: Row, patients: Sequence[str], swaps: np.ndarray
) -> dict[str, np.ndarray]:
    """Metric → second − first, for each way of swapping.

    Both rows stand in one ranking, the second's patients behind the first's; a weight of 1 or 0 says whose
    results count.
    """
    column = {patient: at for at, patient in enumerate(patients)}
    behind = {id(result): len(column) for result in second}
    ranking = Ranking.of(
        [*first, *second],
        lambda result: column[result.patient] + behind.get(id(result), 0),
        2 * len(column),
    )
    here, there = (ranking.metrics(np.hstack([~way, way])) for way in (swaps, ~swaps))
    return {name: there[name] - here[name] for name in METRICS}


def _p(differences: np.ndarray, exact: bool) -> float:
    """Share of the ways with a difference at least as large; the first is the one that was observed.

    Of drawn ones (b + 1) / (n + 1), so that p is never 0 (Phipson & Smyth 2010): the observed one counts.
    """
    if np.isnan(differences).any():
        return math.nan
    return float(np.mean(np.abs(differences) >= abs(differences[0]) - SAME))


def holm(values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979) of p-values; NaN stays NaN and does not count.

    The k-th smallest of m becomes the maximum of (m − j + 1) · pⱼ over j ≤ k, at most 1.
    """
    known = sorted((p, at) for at, p in enumerate(values) if not math.isnan(p))
    corrected, highest = list(values), 0.0
    for rank, (p, at) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        corrected[at] = highest
    return corrected
