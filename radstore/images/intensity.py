"""Intensities before any filter: windowed, normalised. Array code for NumPy and CuPy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

# Voxels looked at in one go by `moments`: temporaries stay small, and adding them up is exact anyway.
CHUNK = 1 << 22


def window(array: Any, windowLevel: float, windowWidth: float) -> Any:
    """Clip to level ± width / 2 (HU) and keep the dtype.

    Of an integer type the bounds are the outermost whole numbers inside the window.
    """
    low, high = windowLevel - windowWidth / 2, windowLevel + windowWidth / 2
    dtype = array.dtype
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        low, high = np.clip([np.ceil(low), np.floor(high)], info.min, info.max).astype(dtype)
    return array.clip(dtype.type(low), dtype.type(high))


@dataclass(frozen=True)
class Normalisation:
    """Centre at a mean, divide by a deviation: ``scale · (x − mean) / deviation``, float64.

    ``sitk.Normalize`` and what ``radiomics.imageoperations.normalizeImage`` does after it, in their order
    of operations.

    Parameters
    ----------
    mean, deviation
        Of the whole image, as `moments` gives them.
    scale
        ``normalizeScale``.
    outliers
        ``removeOutliers``: clip at ± this many deviations, before scaling.
    """

    mean: float
    deviation: float
    scale: float = 1.0
    outliers: float | None = None

    def __call__(self, array: Any) -> Any:
        values = array.astype(np.float64)
        values += -self.mean
        values *= 1.0 / self.deviation
        if self.outliers is not None:
            values.clip(-self.outliers, self.outliers, out=values)
        values *= self.scale
        return values


def moments(parts: Iterable[Any]) -> tuple[float, float]:
    """Mean and standard deviation (n − 1) of all voxels of an image given in parts.

    ``itk::StatisticsImageFilter``: var = (Σx² − (Σx)²/n) / (n − 1). ITK adds up with compensation; here sums
    are exact to the last digit, so that differences of large sums are as good and parts do not matter.
    """
    count, total, squares = 0, Exact(), Exact()
    for part in parts:
        for values in _chunks(part):
            count += values.size
            total.add(values)
            squares.add(values, squared=True)
    variance = (squares.value - total.value * total.value / count) / (count - 1)
    return total.value / count, float(np.sqrt(max(variance, 0.0)))


class Exact:
    """A sum of many numbers, kept as an integer or as two doubles (high + what its rounding lost)."""

    def __init__(self) -> None:
        self._whole = 0
        self._high = self._low = 0.0

    @property
    def value(self) -> float:
        """The sum, rounded once."""
        return self._whole + (self._high + self._low)

    def add(self, values: Any, *, squared: bool = False) -> None:
        """Add all `values` (1-D), or their squares."""
        if values.dtype.kind in "biu" and values.dtype.itemsize <= 2:  # 2³¹ squares fit int64
            wide = values.astype(np.int64)
            self._whole += int((wide * wide if squared else wide).sum())
            return
        wide = values.astype(np.float64)
        high, low = _two_sum(wide * wide if squared else wide)
        self._high, lost = _plus(self._high, high)
        self._low += float(lost) + low


def _two_sum(values: Any) -> tuple[float, float]:
    """Sum by halves; what each addition rounds away is added up beside it (Knuth's TwoSum)."""
    low = 0.0
    while len(values) > 1:
        half = len(values) // 2
        odd = values[2 * half :]
        values, lost = _plus(values[:half], values[half : 2 * half])
        low += float(lost.sum())
        if len(odd):
            values[:1], lost = _plus(values[:1], odd)
            low += float(lost[0])
    return float(values[0]), low


def _plus(a: Any, b: Any) -> tuple[Any, Any]:
    """A + b, and exactly what its rounding lost."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _chunks(array: Any) -> Iterator[Any]:
    flat = array.reshape(-1)
    for start in range(0, flat.size, CHUNK):
        yield flat[start : start + CHUNK]
