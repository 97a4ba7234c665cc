from __future__ import annotations

import numpy as np

from radstore.select.options import Options
from radstore.select.procedure import Choice
from radstore.select.rules import most_stable, vote


def choice(*features: int, count: int = 6) -> Choice:
    ranks = np.full(count, float(count))
    ranks[list(features)] = np.arange(1, len(features) + 1)
    return Choice(features, ranks)


FOLDS = [(choice(0, 1), 0.6), (choice(1, 2), 0.9), (choice(1, 0), 0.9), (choice(3, 1), np.nan)]


def test_best_fold_is_the_first_of_the_best() -> None:
    assert vote(FOLDS, Options(rule="best-fold", size=2)).features == (1, 2)


def test_best_fold_passes_over_empty_and_unscored_sets() -> None:
    folds = [(choice(), 0.99), (choice(3), np.nan), (choice(4), 0.5)]
    assert vote(folds, Options(rule="best-fold")).features == (4,)
    assert vote([(choice(), 0.5)], Options(rule="best-fold")).features == ()


def test_stable_counts_then_ranks_then_names() -> None:
    found = vote(FOLDS, Options(size=2))
    assert found.features == (1, 0)
    assert found.frequency.tolist() == [0.5, 1.0, 0.25, 0.25, 0.0, 0.0]
    assert vote(FOLDS, Options(size=3)).features == (1, 0, 3)  # 3 was first in its fold, 2 second
    assert vote(FOLDS, Options(size=9)).features == (1, 0, 3, 2)  # never what no fold selected
    tie = most_stable(np.array([[True, True]]), np.array([[1.0, 1.0]]), 1)
    assert tie == (0,)


def test_nothing_selected_anywhere() -> None:
    assert vote([(choice(), 0.5)] * 3, Options()).features == ()
