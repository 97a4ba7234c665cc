"""What each feature tells apart alone."""

from __future__ import annotations

import numpy as np

from radstore.select.cohort import Cohort
from radstore.select.options import Options
from radstore.select.procedure import imputed, univariate, usable

COLUMNS = ("auroc", "higher_in", "hedges_g", "p", "q", "undefined")


def single_features(cohort: Cohort, options: Options) -> dict[str, np.ndarray]:
    """Of every feature alone, on the cohort's own cases (so that those selected there look better than new
    patients will show them).

    Returns
    -------
    dict
        Column → [feature]:

        - ``auroc``: of the value itself, oriented to be at least 0.5; undefined values left out.
        - ``higher_in``: the class with the higher values.
        - ``hedges_g``: (mean of positives − mean of negatives) / pooled standard deviation, times
          1 − 3/(4 (n₁ + n₂) − 9) (Hedges 1981, doi:10.3102/10769986006002107).
        - ``p``: two-sided, of the point-biserial correlation, as in the filter (undefined: median).
        - ``q``: Benjamini-Hochberg over all features that are defined and not constant.
        - ``undefined``: share of the cases.
    """
    x, y = cohort.values, cohort.positive
    columns = usable(x, options.max_missing)
    count = x.shape[1]
    p, q = np.full(count, np.nan), np.full(count, np.nan)
    if len(columns):
        from scipy.stats import false_discovery_control

        p[columns] = univariate(imputed(x[:, columns]), y)[1]
        q[columns] = false_discovery_control(p[columns])
    area, g = np.full(count, np.nan), np.full(count, np.nan)
    for at in columns:
        there = ~np.isnan(x[:, at])
        area[at], g[at] = _area(x[there, at], y[there]), _hedges(x[there, at], y[there])
    higher = np.where(area >= 0.5, cohort.words[0], cohort.words[1])
    return {
        "auroc": np.maximum(area, 1 - area),
        "higher_in": np.where(np.isnan(area), "", higher),
        "hedges_g": g,
        "p": p,
        "q": q,
        "undefined": np.isnan(x).mean(axis=0),
    }


def _area(values: np.ndarray, positive: np.ndarray) -> float:
    """The Mann-Whitney U as a share of all pairs; ties count half."""
    from scipy.stats import rankdata

    n = int(positive.sum())
    m = len(values) - n
    if not n or not m:
        return np.nan
    return float((rankdata(values)[positive].sum() - n * (n + 1) / 2) / (n * m))


def _hedges(values: np.ndarray, positive: np.ndarray) -> float:
    a, b = values[positive], values[~positive]
    freedom = len(a) + len(b) - 2
    if min(len(a), len(b)) < 2:
        return np.nan
    spread = np.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / freedom)
    if not spread:
        return np.nan
    return float((a.mean() - b.mean()) / spread * (1 - 3 / (4 * (len(a) + len(b)) - 9)))
