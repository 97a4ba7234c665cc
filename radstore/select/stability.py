"""How much the sets that different training cases choose agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Stability:
    """Nogueira's stability index and its confidence interval; NaN where it is not defined.

    Parameters
    ----------
    value
        At most 1 (all sets equal); about 0 for sets drawn at random.
    low, high
        The 95 % confidence interval (asymptotic; sets of overlapping training cases are not independent, so
        that it is rather too narrow).
    """

    value: float
    low: float
    high: float


def stability(chosen: np.ndarray) -> Stability:
    """The stability of a feature selection.

    With Z the 0/1 matrix of M sets over d features, p_f the share of sets with feature f, k_i the size of
    set i and k̄ their mean::

        Φ = 1 − [ (1/d) Σ_f  M/(M − 1) · p_f (1 − p_f) ] / [ (k̄/d)(1 − k̄/d) ]

    and the interval Φ ± z √v, v = 4/M² Σ_i (Φ_i − mean Φ_i)², with::

        Φ_i = [ (1/d) Σ_f z_if p_f − k_i k̄/d² + Φ/2 · (2 k_i k̄/d² − k_i/d − k̄/d + 1) ] / [ (k̄/d)(1 − k̄/d) ]

    S. Nogueira, K. Sechidis, G. Brown: On the stability of feature selection algorithms. Journal of Machine
    Learning Research 18(174), 2018: definition 4 and theorem 7.

    Parameters
    ----------
    chosen
        bool [set, feature]: M ≥ 2 sets.

    Returns
    -------
    Stability
        NaN if every set is empty, or has every feature.
    """
    from scipy.stats import norm

    sets, d = chosen.shape
    frequency, sizes = chosen.mean(axis=0), chosen.sum(axis=1)
    share = sizes.mean() / d
    expected = share * (1 - share)
    if sets < 2 or expected == 0:
        return Stability(np.nan, np.nan, np.nan)
    value = 1 - sets / (sets - 1) * (frequency * (1 - frequency)).mean() / expected
    own = chosen @ frequency / d - sizes / d * share
    own = (own + value / 2 * (2 * sizes / d * share - sizes / d - share + 1)) / expected
    spread = norm.ppf((1 + CONFIDENCE) / 2) * 2 / sets * np.sqrt(((own - own.mean()) ** 2).sum())
    return Stability(float(value), float(value - spread), float(value + spread))
