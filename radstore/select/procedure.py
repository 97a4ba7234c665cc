"""From training cases to a set of features: everything that looks at labels, in one function.

1. Features undefined in too many training cases, and constant ones, are dropped.
2. What is undefined is set to the training median; everything is z-scored with the training mean and
   standard deviation.
3. Univariate filter: the two-sided test of the point-biserial (Pearson) correlation with the label, which is
   the F test of two groups (scikit-learn's `f_classif`; t² = F), Benjamini-Hochberg at alpha.
4. Redundancy: strongest first, a feature that is correlated with a stronger one beyond the limit is dropped.
5. Recursive feature elimination with a linear SVM (Guyon et al. 2002, doi:10.1023/A:1012487302797):
   a fifth of the features at a time down to four times the wanted number, then one at a time.

The linear SVM has the squared hinge loss, solved in the primal: unlike liblinear's dual solver it draws no
random numbers and always converges. Classes weigh the same, whatever their frequency.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from radstore.select.options import Options

COARSE_STEP = 0.2  # share of the features that the first elimination drops at a time …
COARSE = 4  # … until so many times the wanted number are left
FLAT = 1e-12  # a feature whose range is below this share of its largest value is constant


@dataclass(frozen=True, eq=False)
class Choice:
    """What one training set chose.

    Parameters
    ----------
    features
        Columns, by descending |weight| in the final SVM; empty if nothing passed the filter.
    ranks
        float64 [feature]: 1 for the heaviest; then in the reverse order of elimination; what did not reach
        the elimination shares the last rank.
    left
        Step → how many features it left, for the report.
    """

    features: tuple[int, ...]
    ranks: np.ndarray
    left: Mapping[str, int] = field(default_factory=dict)


def choose(values: np.ndarray, positive: np.ndarray, options: Options) -> Choice:
    """Choose features on training cases.

    Parameters
    ----------
    values
        float64 [case, feature], NaN where undefined.
    positive
        bool [case]; both classes are there.
    """
    count = values.shape[1]
    ranks = np.full(count, float(count))
    columns = usable(values, options.max_missing)
    left = {"defined and not constant": len(columns)}
    if not len(columns):
        return Choice((), ranks, left | {"passed the filter": 0, "not redundant": 0, "selected": 0})
    scaled = standardised(values[:, columns])
    strength, passed = _filtered(scaled, positive, options.alpha)
    left["passed the filter"] = len(passed)
    kept = _independent(scaled, passed[np.argsort(-strength[passed], kind="stable")], options.redundancy)
    left["not redundant"] = len(kept)
    if not len(kept):
        return Choice((), ranks, left | {"selected": 0})
    order = _eliminated(scaled[:, kept], positive, options)
    ranks[columns[kept]] = order
    chosen = columns[kept][np.argsort(order, kind="stable")][: options.size]
    return Choice(tuple(int(at) for at in chosen), ranks, left | {"selected": len(chosen)})


def usable(values: np.ndarray, max_missing: float) -> np.ndarray:
    """Columns that are defined in enough cases and not constant."""
    enough = np.flatnonzero(np.isnan(values).mean(axis=0) <= max_missing)
    low, high = np.nanmin(values[:, enough], axis=0), np.nanmax(values[:, enough], axis=0)
    flat = high - low <= FLAT * np.maximum(np.abs(low), np.abs(high))
    return enough[~flat]


def standardised(values: np.ndarray) -> np.ndarray:
    """Median-imputed and z-scored, both from these cases (population standard deviation)."""
    from sklearn.preprocessing import StandardScaler

    scaled: np.ndarray = StandardScaler().fit_transform(imputed(values))
    return scaled


def imputed(values: np.ndarray) -> np.ndarray:
    """What is undefined set to its column's median."""
    missing = np.isnan(values)
    holes = np.flatnonzero(missing.any(axis=0))
    if not len(holes):
        return values
    filled = values.copy()
    medians = np.nanmedian(values[:, holes], axis=0)
    filled[:, holes] = np.where(missing[:, holes], medians, values[:, holes])
    return filled


def linear_svm(options: Options) -> Any:
    """The one SVM of elimination and prediction."""
    from sklearn.svm import LinearSVC

    return LinearSVC(C=options.C, dual=False, class_weight="balanced")


def fitted(values: np.ndarray, positive: np.ndarray, features: tuple[int, ...], options: Options) -> Any:
    """The final model on a set of features: a scikit-learn pipeline of imputer, scaler and linear SVM."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), linear_svm(options))
    return model.fit(values[:, features], positive)


def univariate(scaled: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F and two-sided p of each column: the test of its point-biserial correlation with the label."""
    from sklearn.feature_selection import f_classif

    # a column that equals the label has an infinite F; two cases leave no variance to test with; a column
    # that is constant on these cases has none either, and gets p = 1
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Features .* are constant", UserWarning)
        f, p = f_classif(scaled, positive)
    return np.nan_to_num(f, nan=0.0, posinf=np.inf), np.nan_to_num(p, nan=1.0)


def _filtered(scaled: np.ndarray, positive: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """The strength (F) of every column, and the columns that pass."""
    from sklearn.feature_selection import SelectFdr

    fdr = SelectFdr(univariate, alpha=alpha).fit(scaled, positive)
    return fdr.scores_, np.flatnonzero(fdr.get_support())


def _independent(scaled: np.ndarray, strongest_first: np.ndarray, limit: float) -> np.ndarray:
    """Of columns in this order those that no earlier one that was kept is correlated with beyond `limit`."""
    if limit >= 1 or len(strongest_first) < 2:
        return strongest_first
    sorted_ = scaled[:, strongest_first]
    correlated = np.abs(sorted_.T @ sorted_ / len(sorted_)) > limit
    kept = np.ones(len(strongest_first), dtype=bool)
    for at in range(len(kept)):
        if kept[at]:
            kept[at + 1 :] &= ~correlated[at, at + 1 :]
    return strongest_first[kept]


def _eliminated(scaled: np.ndarray, positive: np.ndarray, options: Options) -> np.ndarray:
    """The rank of each column, 1 for the one that is worth most."""
    from sklearn.feature_selection import RFE

    ranks = np.zeros(scaled.shape[1])
    left = np.arange(scaled.shape[1])
    for size, step in ((COARSE * options.size, COARSE_STEP), (options.size, 1)):
        if len(left) > size:
            rfe = RFE(linear_svm(options), n_features_to_select=size, step=step)
            rfe.fit(scaled[:, left], positive)
            out = ~rfe.support_
            ranks[left[out]] = size + rfe.ranking_[out] - 1
            left = left[rfe.support_]
    weights = np.abs(linear_svm(options).fit(scaled[:, left], positive).coef_[0])
    ranks[left[np.argsort(-weights, kind="stable")]] = np.arange(1, len(left) + 1)
    return ranks
