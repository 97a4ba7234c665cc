"""`Harmoniser`: what a scanner's site adds to features, estimated on training cases and taken off any.

ComBat (Johnson et al., Biostatistics 8 (2007) 118-127): each site's offset and scale of every feature, shrunk
towards what the site does to all features (parametric empirical Bayes). Computed by `combatlearn`, which can
estimate on some cases and correct others; see docs/decisions.md for what was looked at.

No label or other covariate is protected, because that of a test case is not known. Where sites differ in the
share of patients, part of that difference is taken off too.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from radstore.errors import BadInput

Sites: TypeAlias = Sequence[Any] | np.ndarray  # one name a case

LEAST = 5  # training cases of a site: an offset and a scale from fewer are noise
FLAT = 1e-12  # a feature whose range is below this share of its largest value is constant


class Harmoniser(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Takes site effects off features; a scikit-learn transformer that is told the sites beside X.

    In a pipeline with metadata routing (``sklearn.set_config(enable_metadata_routing=True)``)::

        step = Harmoniser().set_fit_request(sites=True).set_transform_request(sites=True)
        make_pipeline(step, StandardScaler(), LinearSVC()).fit(X, y, sites=sites)

    Parameters
    ----------
    least
        Training cases that a site needs, 2 or more.
    unknown
        What becomes of cases whose site has fewer, or none: ``keep`` leaves their features as they are
        (`unseen` says which they are), ``error`` refuses them.

    Attributes
    ----------
    sites_
        The sites whose effect was estimated. With one or none nothing is changed: there is nothing to tell
        them apart by.
    small_
        Training sites with too few cases → how many.
    notes_
        What the library had to say of the data, e.g. sites of very different sizes.
    """

    def __init__(self, least: int = LEAST, unknown: Literal["keep", "error"] = "keep") -> None:
        self.least = least
        self.unknown = unknown

    def fit(self, X: Any, y: Any = None, *, sites: Sites) -> Self:
        """Estimate the effects.

        Parameters
        ----------
        X
            float [case, feature], NaN where undefined; only training cases.
        y
            Not used.
        sites
            The site of each row.

        Raises
        ------
        BadInput
            If a row has no site, they are not as many as rows, an option is wrong, or `combatlearn` is not
            installed; with ``unknown="error"`` also if a site has too few cases.
        """
        values, names = _checked(X, sites)
        if self.least < 2 or self.unknown not in ("keep", "error"):
            raise BadInput(f"least={self.least}, unknown={self.unknown!r}", "Give 2 or more; keep or error.")
        counts = Counter(names.tolist())
        self.small_ = {site: n for site, n in sorted(counts.items()) if n < self.least}
        self.sites_ = tuple(sorted(set(counts) - set(self.small_)))
        self.notes_: tuple[str, ...] = ()
        self.n_features_in_ = values.shape[1]
        self._require_known(names)
        known = values[np.isin(names, self.sites_)]
        self._columns = _usable(known)
        self._model: Any = None
        if len(self.sites_) > 1 and len(self._columns):
            self._estimate(known[:, self._columns], names[np.isin(names, self.sites_)])
        return self

    def transform(self, X: Any, *, sites: Sites) -> np.ndarray:
        """The features without the effects of their sites; each row alone, whatever the others are.

        Parameters
        ----------
        X, sites
            As for `fit`.

        Raises
        ------
        BadInput
            As `fit` does; with ``unknown="error"`` also for a site that it did not see.
        """
        check_is_fitted(self, "sites_")
        values, names = _checked(X, sites)
        if values.shape[1] != self.n_features_in_:
            raise BadInput(
                f"{values.shape[1]} features, fitted on {self.n_features_in_}", "Give the same ones."
            )
        self._require_known(names)
        rows = np.flatnonzero(np.isin(names, self.sites_))
        done = values.copy()
        if self._model is not None and len(rows):
            part = values[np.ix_(rows, self._columns)]
            new = self._corrected(part, names[rows])
            done[np.ix_(rows, self._columns)] = np.where(np.isfinite(part), new, part)
        return done

    def fit_transform(self, X: Any, y: Any = None, *, sites: Sites) -> np.ndarray:
        """Both, on the same cases."""
        return self.fit(X, y, sites=sites).transform(X, sites=sites)

    def unseen(self, sites: Sites) -> np.ndarray:
        """Of which cases `transform` leaves the features alone, as their site's effect is not known."""
        check_is_fitted(self, "sites_")
        return ~np.isin(np.array([str(site) for site in sites]), self.sites_)

    def _require_known(self, names: np.ndarray) -> None:
        strange = sorted(set(names.tolist()) - set(self.sites_))
        if strange and self.unknown == "error":
            raise BadInput(
                f"site {strange[0]!r} has fewer than {self.least} training cases "
                f"(those with more: {', '.join(self.sites_) or 'none'})",
                "Put small sites together, or leave their cases as they are with unknown='keep'.",
            )

    def _estimate(self, values: np.ndarray, names: np.ndarray) -> None:
        """Fit the library's model on z-scores: it adds 1e-8 to variances, and features may be smaller."""
        model_class = _library()
        self._centre = np.nanmedian(np.where(np.isfinite(values), values, np.nan), axis=0)
        filled = np.where(np.isfinite(values), values, self._centre)
        self._mean, self._scale = filled.mean(axis=0), filled.std(axis=0)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            self._model = model_class(method="johnson").fit(
                _frame((filled - self._mean) / self._scale), batch=_series(names)
            )
        self.notes_ = tuple(dict.fromkeys(str(one.message) for one in told))

    def _corrected(self, values: np.ndarray, names: np.ndarray) -> np.ndarray:
        filled = np.where(np.isfinite(values), values, self._centre)
        scaled = _frame((filled - self._mean) / self._scale)
        done = self._model.transform(scaled, batch=_series(names))
        return np.asarray(done) * self._scale + self._mean


def _checked(X: Any, sites: Sites) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(X, dtype=np.float64)
    given = list(sites)
    if values.ndim != 2 or len(given) != len(values):
        raise BadInput(f"{len(given)} sites for X of shape {values.shape}", "Give one site for each row.")
    missing = [at for at, site in enumerate(given) if site is None or site != site or str(site) == ""]
    if missing:
        raise BadInput(
            f"{len(missing)} of {len(given)} cases have no site (the first is row {missing[0]})",
            "Name one for each, for instance `unknown`.",
        )
    return values, np.array([str(site) for site in given], dtype=str)


def _usable(values: np.ndarray) -> np.ndarray:
    """Columns that vary, where they are defined."""
    defined = np.where(np.isfinite(values), values, np.nan)
    columns = np.flatnonzero(np.isfinite(values).any(axis=0)) if len(values) else np.array([], int)
    low, high = np.nanmin(defined[:, columns], axis=0), np.nanmax(defined[:, columns], axis=0)
    flat = high - low <= FLAT * np.maximum(np.abs(low), np.abs(high))
    return columns[~flat]


def require_library() -> None:
    """Raise `BadInput`, with the remedy, if what computes ComBat is not installed."""
    _library()


def _library() -> Any:
    try:
        from combatlearn.core import ComBatModel
    except ImportError as error:
        raise BadInput(
            "harmonising needs combatlearn, which is not installed",
            "Run `pip install 'radstore[harmonise]'`.",
        ) from error
    return ComBatModel


def _frame(values: np.ndarray) -> Any:
    import pandas as pd

    return pd.DataFrame(values)


def _series(names: np.ndarray) -> Any:
    import pandas as pd

    return pd.Series(names)
