"""The intraclass correlation coefficient: how much of a feature's variance lies between cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVEL = 0.95  # of the intervals
CLASSES = ((0.9, "excellent"), (0.75, "good"), (0.5, "moderate"))
"""Lower bounds of an ICC's classes; below all of them it is poor (Koo and Li 2016)."""


@dataclass(frozen=True, eq=False)
class Icc:
    """ICC(1,1) of features with its 95 % interval.

    Parameters
    ----------
    value, low, high
        float64 [feature]; NaN where fewer than two cases are complete, or nothing varies.
    cases
        int64 [feature]: cases with all replicates.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    cases: np.ndarray


def icc(values: np.ndarray) -> Icc:
    """ICC(1,1) of each feature: one-way random effects, absolute agreement, a single measurement.

    Parameters
    ----------
    values
        float64 [case, replicate, feature], at least two replicates. A case with an undefined replicate is
        left out for that feature.

    Notes
    -----
    With BMS and WMS the mean squares between and within n cases of k replicates::

        ICC(1,1) = (BMS − WMS) / (BMS + (k − 1) WMS)

    and, with F = BMS / WMS, the interval (F_L − 1) / (F_L + k − 1) to (F_U − 1) / (F_U + k − 1), where
    F_L = F / F[0.975; n − 1, n (k − 1)] and F_U = F · F[0.975; n (k − 1), n − 1].

    Shrout and Fleiss, Psychological Bulletin 86 (1979) 420-428. Why this one: perturbations are drawn anew
    for each case, so none is a rater that all cases share, and a shift of the values counts as disagreement;
    Zwanenburg et al., Scientific Reports 9 (2019) 614, use it for perturbed CTs.
    """
    k = values.shape[1]
    if k < 2:
        raise ValueError(f"{k} replicate: agreement needs two")
    whole = np.isfinite(values).all(axis=1)  # [case, feature]
    n = whole.sum(axis=0)
    # sums of what is near zero: features of 1e9 beside 1e-9 lose no digits
    kept = np.where(whole[:, None], values, 0.0)
    centre = kept.sum(axis=(0, 1)) / np.maximum(n * k, 1)
    shifted = np.where(whole[:, None], values - centre, 0.0)
    means = shifted.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = k * (means**2).sum(axis=0) / (n - 1)
        inside = np.where(whole[:, None], shifted - means[:, None], 0.0)
        within = (inside**2).sum(axis=(0, 1)) / (n * (k - 1))
        value = (between - within) / (between + (k - 1) * within)
        low, high = _interval(between / within, n, k)
    known = (n >= 2) & np.isfinite(value)
    value, low, high = (np.where(known, part, np.nan) for part in (value, low, high))
    return Icc(value, low, high, n)


def _interval(f: np.ndarray, n: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    from scipy.stats import f as distribution

    upper = (1 + LEVEL) / 2
    freedom = np.maximum(n - 1, 1), np.maximum(n, 1) * (k - 1)
    ends = f / distribution.ppf(upper, *freedom), f * distribution.ppf(upper, *freedom[::-1])
    # no variance within cases: F is infinite, and agreement whole
    low, high = (np.where(np.isinf(end), 1.0, (end - 1) / (end + k - 1)) for end in ends)
    return low, high


def class_of(value: float) -> str:
    """``poor``, ``moderate``, ``good`` or ``excellent``; empty where it is undefined.

    Koo and Li, Journal of Chiropractic Medicine 15 (2016) 155-163.
    """
    if np.isnan(value):
        return ""
    return next((name for least, name in CLASSES if value >= least), "poor")
