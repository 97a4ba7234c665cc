"""Nested cross-validation: the whole procedure, the choice of the set included, on cases it never saw.

The outer folds hold cases out. On the other cases an inner cross-validation chooses a set in each of its
folds, and the rule makes one set of them; the final model is fitted on all those cases and scores the ones
held out. Choosing the set on all cases instead, and cross-validating only the model, is the error that
Ambroise and McLachlan describe (PNAS 2002, doi:10.1073/pnas.102102699): it is computed too, and labelled so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from radstore.errors import BadInput
from radstore.parallel import Progress, run
from radstore.select.cohort import NO_FOLD, Cohort
from radstore.select.options import Options
from radstore.select.procedure import Choice, choose, fitted
from radstore.select.rules import Vote, vote
from radstore.select.scores import Scores, auroc_of, scored
from radstore.select.sites import left_alone, parted
from radstore.split.folds import assign, require_disjoint

LEAST = 3  # patients of each class: fewer leave an inner fold without one


@dataclass(frozen=True, eq=False)
class Nested:
    """A selection on all cases, and what it is worth.

    Parameters
    ----------
    folds
        int64 [case]: the outer folds, 0 to k − 1.
    whole
        The vote of these folds: its features are the result.
    inner
        Of each outer fold the vote of its training cases alone.
    decision
        float64 [case]: the decision value each case got when it was held out; 0 for all cases of a fold in
        which nothing passed the filter.
    honest
        Scores of those: the estimate for new patients.
    chosen_outside
        Scores of the result's features when only the model is cross-validated: optimistic.
    same_data
        Scores on the very cases everything was fitted on: the most optimistic.
    alone
        Site → in how many of all training sets it had too few cases to be harmonised.
    """

    folds: np.ndarray
    whole: Vote
    inner: tuple[Vote, ...]
    decision: np.ndarray
    honest: Scores
    chosen_outside: Scores
    same_data: Scores
    alone: Mapping[str, int]


def outer_folds(cohort: Cohort, options: Options) -> np.ndarray:
    """The outer folds, 0 to k − 1, each with both classes.

    Raises
    ------
    BadInput
        If the stored ones are not there, or a class has fewer patients than folds, or a fold lacks one.
    """
    if options.folds is None:
        return _checked(cohort, _stored(cohort), "give the fold another case, or use --folds N for new ones")
    for side in (True, False):
        patients = cohort.patients_of(side)
        if patients < max(options.folds, LEAST):
            name = cohort.words[0 if side else 1]
            raise BadInput(
                f"{options.folds} folds need at least {max(options.folds, LEAST)} patients of each class, "
                f"only {patients} have the label {name!r}",
                f"Use --folds {patients}, or add cases." if patients >= LEAST else "Add cases.",
            )
    folds = _assigned(cohort, options.folds, options.seed)
    return _checked(cohort, folds, "use fewer --folds, or another --seed")


def nested(
    cohort: Cohort, options: Options, jobs: int | None = None, progress: Progress | None = None
) -> Nested:
    """Select on all cases of a cohort and estimate what that is worth; raises as `outer_folds`.

    With sites every training set, inner and outer, estimates their effects on its own cases alone.
    """
    folds = outer_folds(cohort, options)
    every = np.arange(len(cohort))
    plans = [(every, folds)] + [_inner(cohort, folds, fold, options) for fold in np.unique(folds)]
    parts = [(rows[own != fold], rows[own == fold]) for rows, own in plans for fold in np.unique(own)]
    tasks = [(cohort.values, cohort.positive, cohort.sites, *part, options) for part in parts]
    results = iter(run(_choice, tasks, jobs, progress))
    votes = [vote([next(results) for _ in np.unique(own)], options) for _, own in plans]
    alone = left_alone(cohort, [train for train, _ in parts])
    return _judged(cohort, folds, votes[0], tuple(votes[1:]), options, alone)


def _choice(
    values: np.ndarray,
    positive: np.ndarray,
    sites: np.ndarray | None,
    train: np.ndarray,
    held: np.ndarray,
    options: Options,
) -> tuple[Choice, float]:
    """What some cases choose, and the AUROC of that on others."""
    seen, unseen = parted(values, sites, train, held)
    choice = choose(seen, positive[train], options)
    decision = _decision(seen, positive[train], unseen, choice.features, options)
    return choice, auroc_of(positive[held], decision)


def _judged(
    cohort: Cohort,
    folds: np.ndarray,
    whole: Vote,
    inner: tuple[Vote, ...],
    options: Options,
    alone: Mapping[str, int],
) -> Nested:
    x, y, sites = cohort.values, cohort.positive, cohort.sites
    every = np.arange(len(cohort))
    honest, outside = np.zeros(len(cohort)), np.zeros(len(cohort))
    for fold, own in enumerate(inner):
        train, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        seen, unseen = parted(x, sites, train, held)
        honest[held] = _decision(seen, y[train], unseen, own.features, options)
        outside[held] = _decision(seen, y[train], unseen, whole.features, options)
    seen, unseen = parted(x, sites, every, every)
    same = _decision(seen, y, unseen, whole.features, options)
    return Nested(
        folds=folds,
        whole=whole,
        inner=inner,
        decision=honest,
        honest=_by_fold(y, honest, folds),
        chosen_outside=_by_fold(y, outside, folds),
        same_data=scored([(y, same)]),
        alone=alone,
    )


def _decision(
    seen: np.ndarray, positive: np.ndarray, unseen: np.ndarray, features: Sequence[int], options: Options
) -> np.ndarray:
    """Decision values of held-out cases; 0, which tells nothing apart, where no feature was chosen."""
    if not features:
        return np.zeros(len(unseen))
    model = fitted(seen, positive, tuple(features), options)
    decision: np.ndarray = model.decision_function(unseen[:, features])
    return decision


def _by_fold(positive: np.ndarray, decision: np.ndarray, folds: np.ndarray) -> Scores:
    return scored([(positive[folds == fold], decision[folds == fold]) for fold in np.unique(folds)])


def _inner(cohort: Cohort, folds: np.ndarray, fold: int, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """The training cases of an outer fold, and their inner folds: as many, if their patients allow."""
    rows = np.flatnonzero(folds != fold)
    train = cohort.only(rows)
    k = min(len(np.unique(folds)), train.patients_of(True), train.patients_of(False))
    if k < 2:
        raise BadInput(
            f"without fold {fold} a class has a single patient left", "Use fewer folds, or add cases."
        )
    return rows, _assigned(train, k, options.seed + 1 + int(fold))


def _assigned(cohort: Cohort, k: int, seed: int) -> np.ndarray:
    strata = cohort.positive.astype(int).astype(str)
    return assign(cohort.cases.tolist(), cohort.patients.tolist(), strata.tolist(), k, seed)


def _stored(cohort: Cohort) -> np.ndarray:
    """The stored folds, numbered from 0 without gaps."""
    if cohort.folds is None or (cohort.folds == NO_FOLD).any():
        missing = len(cohort) if cohort.folds is None else int((cohort.folds == NO_FOLD).sum())
        raise BadInput(
            f"{missing:,} of {len(cohort):,} labelled cases have no stored fold",
            "Run `radstore split`, or use --folds N for folds of this selection only.",
        )
    return np.unique(cohort.folds, return_inverse=True)[1]


def _checked(cohort: Cohort, folds: np.ndarray, remedy: str) -> np.ndarray:
    require_disjoint(
        dict(zip(cohort.cases, cohort.patients, strict=True)),
        dict(zip(cohort.cases, folds, strict=True)),
        "the folds of the selection",
    )
    for fold in np.unique(folds):
        inside = cohort.positive[folds == fold]
        if inside.all() or not inside.any():
            name = cohort.words[1 if inside.all() else 0]
            raise BadInput(
                f"fold {fold} has no case with the label {name!r} among its {len(inside)}",
                f"It cannot be scored: {remedy}.",
            )
    return folds
