"""What `benchmarks.ibsi` computes and `benchmarks.ibsi_text` writes down."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Value:
    """One consensus value and ours; NaN where radstore has no such feature.

    `pyradiomics` is by PyRadiomics' definitions throughout, `between` by them on IBSI's resampling, `ibsi`
    under ``ibsi: true``.
    """

    case: str
    family: str
    name: str
    code: str
    aggregation: str
    feature: str
    consensus: float
    tolerance: float
    pyradiomics: float
    between: float
    ibsi: float

    def agrees(self, value: float) -> bool:
        """Whether a value rounds to the consensus or lies within its tolerance."""
        digits = 0 if self.consensus == 0 else 10.0 ** (math.floor(math.log10(abs(self.consensus))) - 2)
        return abs(value - self.consensus) <= max(self.tolerance, digits / 2) * (1 + 1e-9)


@dataclass(frozen=True)
class Response:
    """A filter's reference response map, and the largest deviations from it; None without such a filter."""

    name: str
    filter: str
    boundary: str
    tolerance: float
    pyradiomics: float | None
    ibsi: float | None
