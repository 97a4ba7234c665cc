"""Patient-level bootstrap: intervals without matching anything twice.

Patients are drawn with replacement, each with all of its studies (and all its candidates), since studies of
one patient are not independent. Patients with a lesion and patients without are drawn apart, so that every
draw has as many of each as the cohort: a cohort of this kind is collected that way (cancers and controls from
different lists), and AP depends on the ratio. No draw is then without a class.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fusion.evaluate.cases import CaseResult
from fusion.evaluate.ranking import METRICS, Ranking
from radstore.errors import BadInput

RESAMPLES = 2_000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A percentile bootstrap interval (Efron & Tibshirani 1993).

    Parameters
    ----------
    low, high
        NaN where the metric is not defined.
    level
        Of confidence.
    resamples
        From how many draws.
    """

    low: float
    high: float
    level: float = LEVEL
    resamples: int = 0


@dataclass(frozen=True)
class Draws:
    """How often each patient was drawn; the same draws serve every row, so that rows can be compared.

    Parameters
    ----------
    patients
        Sorted; the columns.
    weights
        int16 (resamples, patients).
    """

    patients: tuple[str, ...]
    weights: np.ndarray

    @classmethod
    def of(
        cls,
        results: Sequence[CaseResult],
        resamples: int = RESAMPLES,
        seed: int = 0,
        stratified: bool = True,
    ) -> Draws:
        """Draw.

        Parameters
        ----------
        results
            The cases of any row; their order does not matter.
        resamples
            How many draws.
        seed
            Of the drawing.
        stratified
            Draw patients with and without a lesion apart.

        Raises
        ------
        BadInput
            If there is no draw to make.
        """
        if resamples < 1:
            raise BadInput(f"{resamples} bootstrap resamples", "Give 1,000 or more.")
        patients, positive = _patients(results)
        strata = positive if stratified else np.zeros(len(patients), bool)
        weights = np.zeros((resamples, len(patients)), np.int16)
        stream = np.random.default_rng(seed)
        for stratum in (False, True):
            (members,) = np.nonzero(strata == stratum)
            if members.size:
                even = np.full(members.size, 1 / members.size)
                weights[:, members] = stream.multinomial(members.size, even, size=resamples)
        return cls(patients, weights)

    def ranking(self, results: Sequence[CaseResult]) -> Ranking:
        """The ranking of a row whose weights are these."""
        column = {patient: at for at, patient in enumerate(self.patients)}
        return Ranking.of(results, lambda result: column[result.patient], len(column))

    def metrics(self, results: Sequence[CaseResult]) -> dict[str, np.ndarray]:
        """Metric → its value of each draw, (resamples,)."""
        return self.ranking(results).metrics(self.weights)


def _patients(results: Sequence[CaseResult]) -> tuple[tuple[str, ...], np.ndarray]:
    """The patients, sorted, and which have a lesion in any study."""
    positive: dict[str, bool] = {}
    for result in results:
        positive[result.patient] = positive.get(result.patient, False) or result.positive
    patients = tuple(sorted(positive))
    return patients, np.array([positive[patient] for patient in patients], bool)


def interval(values: np.ndarray) -> Interval:
    """The percentile interval of bootstrapped values; draws in which it is not defined do not count."""
    known = values[~np.isnan(values)]
    if not known.size:
        return Interval(math.nan, math.nan)
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(known, [tail, 100 - tail]).tolist()
    return Interval(low, high, LEVEL, int(known.size))


def intervals(draws: Draws, results: Sequence[CaseResult]) -> dict[str, Interval]:
    """Metric → its interval.

    Parameters
    ----------
    draws
        Made from cases that include these.
    results
        The cases of one row, or some of them.
    """
    values: Mapping[str, np.ndarray] = draws.metrics(results)
    return {name: interval(values[name]) for name in METRICS}
