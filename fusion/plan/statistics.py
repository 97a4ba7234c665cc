"""What standardises the channels and the vector: mean and sd over the training cases of a fold.

`Moments` of one case after another merge (Chan, Golub and LeVeque 1979) in double, in the order of the
cases, so that the numbers do not depend on how many processes worked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from fusion.recipe import Channel


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean and sum of squared deviations of each channel, as merged so far.

    Parameters
    ----------
    count, mean, squares
        float64 (channel,); mean and squares are 0 where the count is.
    """

    count: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, channels: Sequence[np.ndarray]) -> Moments:
        """Of the finite values of each channel; a channel may have any shape."""
        rows = [_row(np.asarray(values)) for values in channels]
        count, mean, squares = np.array(rows, np.float64).reshape(-1, 3).T
        return cls(count, mean, squares)

    def merged(self, other: Moments) -> Moments:
        """As if both had been seen at once."""
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        step = other.mean - self.mean
        squares = self.squares + other.squares + step**2 * self.count * share
        return Moments(count, self.mean + step * share, squares)

    @property
    def sd(self) -> np.ndarray:
        """Standard deviation of the population, float64 (channel,); 0 where nothing varies."""
        return np.sqrt(self.squares / np.maximum(self.count, 1))


@dataclass(frozen=True)
class Standards:
    """Channels with what standardises them.

    Parameters
    ----------
    channels
        In order.
    notes
        What the user should know: which are constant or undefined.
    """

    channels: tuple[Channel, ...] = ()
    notes: tuple[str, ...] = ()


def standards(names: Sequence[str], cases: Sequence[Moments], what: str) -> Standards:
    """Channels of the recipe, from the moments of each training case.

    A channel without spread keeps its place, with an sd of 1: it becomes 0 everywhere and teaches nothing.

    Parameters
    ----------
    names
        Of the channels, as many as the moments have.
    cases
        In an order that does not depend on who was ready first.
    what
        What notes call one of them: ``map``, ``number of the vector``.
    """
    if not names:
        return Standards()
    pooled = reduce(Moments.merged, cases)
    channels, notes = [], []
    for name, count, mean, sd in zip(names, pooled.count, pooled.mean, pooled.sd, strict=True):
        flat = sd <= _rounding(mean)
        if flat:
            how = f"always {mean:g}" if count else "undefined"
            notes.append(f"the {what} {name} is {how} in the training cases: it becomes 0 (sd 1)")
        channels.append(Channel(name, float(mean), 1.0 if flat else float(sd)))
    return Standards(tuple(channels), tuple(notes))


def _row(values: np.ndarray) -> tuple[float, float, float]:
    defined = values[np.isfinite(values)].astype(np.float64)
    if not defined.size:
        return 0.0, 0.0, 0.0
    mean = float(defined.mean())
    return float(defined.size), mean, float(np.square(defined - mean).sum())


def _rounding(mean: float) -> float:
    """What equal values may differ by in double, once they were summed."""
    return 1e-12 * abs(float(mean))
