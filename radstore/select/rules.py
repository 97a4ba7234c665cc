"""From the sets that the folds chose to one set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radstore.select.options import Options
from radstore.select.procedure import Choice


@dataclass(frozen=True, eq=False)
class Vote:
    """What the folds of one cross-validation chose, and what came of it.

    Parameters
    ----------
    chosen
        bool [fold, feature].
    ranks
        float64 [fold, feature]; see `Choice`.
    auroc
        float64 [fold], on the fold's own held-out cases; NaN where it has one class only.
    features
        The columns that the rule took.
    left
        Of each fold: step → how many features it left.
    """

    chosen: np.ndarray
    ranks: np.ndarray
    auroc: np.ndarray
    features: tuple[int, ...]
    left: tuple[dict[str, int], ...] = ()

    @property
    def frequency(self) -> np.ndarray:
        """Share of the folds that chose each feature."""
        share: np.ndarray = self.chosen.mean(axis=0)
        return share


def vote(folds: Sequence[tuple[Choice, float]], options: Options) -> Vote:
    """Apply the rule to what each fold chose, and the AUROC of that on its held-out cases.

    - ``best-fold`` (the paper's): the set of the fold with the highest AUROC on its held-out cases; of
      equals the first.
    - ``stable``: the features chosen by most folds; of equals those with the lower mean rank over all folds.
    """
    choices = [choice for choice, _ in folds]
    ranks = np.stack([choice.ranks for choice in choices])
    chosen = np.zeros(ranks.shape, dtype=bool)
    for fold, choice in enumerate(choices):
        chosen[fold, list(choice.features)] = True
    scores = np.array([auroc for _, auroc in folds])
    if options.rule == "best-fold":
        features = _best_fold(choices, scores)
    else:
        features = most_stable(chosen, ranks, options.size)
    return Vote(chosen, ranks, scores, features, tuple(dict(choice.left) for choice in choices))


def most_stable(chosen: np.ndarray, ranks: np.ndarray, size: int) -> tuple[int, ...]:
    """The `size` features chosen most often, ties by mean rank, then by name (the order of columns)."""
    order = np.lexsort((ranks.mean(axis=0), -chosen.sum(axis=0)))
    return tuple(int(at) for at in order[:size] if chosen[:, at].any())


def _best_fold(choices: Sequence[Choice], auroc: np.ndarray) -> tuple[int, ...]:
    there = [fold for fold, choice in enumerate(choices) if choice.features and not np.isnan(auroc[fold])]
    return choices[max(there, key=lambda fold: auroc[fold])].features if there else ()
