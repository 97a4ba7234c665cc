"""Rows of an ablation that were trained several times: mean over seeds, intervals over seeds and patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fusion.evaluate.bootstrap import Draws, Interval, interval
from fusion.evaluate.cases import CaseResult
from fusion.evaluate.ranking import METRICS

Trained = Sequence[Sequence[CaseResult]]
"""Results of one row: [seed][case], the same cases for every seed."""


@dataclass(frozen=True)
class OverSeeds:
    """A metric, or the difference of a metric of two rows, over seeds.

    Parameters
    ----------
    values
        One a seed, of all cases.
    mean, sd
        Of them; the sd with n − 1, NaN for one seed.
    interval
        Of the mean, over seeds and patients (`Resampled`).
    """

    values: tuple[float, ...]
    mean: float
    sd: float
    interval: Interval


@dataclass(frozen=True)
class Resampled:
    """Draws of a bootstrap over two levels, the same for all rows.

    Each draw takes as many seeds as there are, with replacement, and once as many patients, with replacement
    (those with and without a lesion apart). All seeds of a draw are scored on the same patients, as all
    networks were tested on the same patients: patients drawn anew for every seed would average out, as if
    each network had a test cohort of its own, and the interval would be too narrow. With few seeds it is a
    little too narrow all the same: a mean of n resampled values has (n − 1) / n of the right variance.

    Parameters
    ----------
    patients
        How often each patient is drawn.
    seeds
        int (draws, seeds): which seeds are drawn.
    """

    patients: Draws
    seeds: np.ndarray

    @classmethod
    def of(cls, results: Sequence[CaseResult], seeds: int, resamples: int, seed: int = 0) -> Resampled:
        """Draw.

        Parameters
        ----------
        results
            The cases, of any row and seed.
        seeds
            How many were trained.
        resamples
            How many draws.
        seed
            Of the drawing.
        """
        stream = np.random.default_rng((seed, 1))  # not that of the patients
        return cls(Draws.of(results, resamples, seed), stream.integers(0, seeds, (resamples, seeds)))

    def means(self, trained: Trained) -> dict[str, np.ndarray]:
        """Metric → the mean over the drawn seeds on the drawn patients, (draws,)."""
        found = [self.patients.metrics(results) for results in trained]
        return {
            name: np.take_along_axis(np.stack([one[name] for one in found], 1), self.seeds, 1).mean(axis=1)
            for name in METRICS
        }


def over_seeds(rows: Mapping[str, Trained], draws: Resampled) -> dict[str, dict[str, OverSeeds]]:
    """Row → metric → what it is over seeds."""
    return {
        row: {
            name: _summary([_whole(draws, one)[name] for one in trained], values)
            for name, values in draws.means(trained).items()
        }
        for row, trained in rows.items()
    }


def differences(
    rows: Mapping[str, Trained], draws: Resampled, against: str
) -> dict[str, dict[str, OverSeeds]]:
    """Row → metric → row − `against`, in pairs: a draw has the same patients and seeds' numbers in both."""
    base, bases = draws.means(rows[against]), [_whole(draws, one) for one in rows[against]]
    found: dict[str, dict[str, OverSeeds]] = {}
    for row, trained in rows.items():
        if row == against:
            continue
        means, wholes = draws.means(trained), [_whole(draws, one) for one in trained]
        found[row] = {
            name: _summary(
                [a[name] - b[name] for a, b in zip(wholes, bases, strict=True)], means[name] - base[name]
            )
            for name in METRICS
        }
    return found


def _whole(draws: Resampled, results: Sequence[CaseResult]) -> dict[str, float]:
    """Of all patients, each once."""
    everybody = np.ones((1, len(draws.patients.patients)))
    return {
        name: float(value[0]) for name, value in draws.patients.ranking(results).metrics(everybody).items()
    }


def _summary(values: Sequence[float], drawn: np.ndarray) -> OverSeeds:
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return OverSeeds(tuple(values), float(np.mean(values)), sd, interval(drawn))
