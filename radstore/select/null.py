"""A permutation null: what the nested AUROC is when labels mean nothing.

Labels are permuted between patients: the labels of all studies of one patient go, as a block, to another
patient with as many studies, so that the ties within a patient stay. A patient whose number of studies no
other has keeps its labels: if anything, the null then looks more like what was observed. Sites, if there are
any, stay with their cases, labels move over all sites, and every permutation harmonises in its own folds. Why
the p-value counts the observed value too: Phipson and Smyth 2010, doi:10.2202/1544-6115.1585.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from radstore.errors import BadInput
from radstore.parallel import Progress, run
from radstore.select.cohort import Cohort
from radstore.select.nested import nested, outer_folds
from radstore.select.options import Options

CENTRAL = 0.95
ATTEMPTS = (
    20  # draws until every fold has both classes; only with hardly more patients than folds more than 1
)


@dataclass(frozen=True)
class Null:
    """Nested AUROCs of permuted labels.

    Parameters
    ----------
    auroc
        One a permutation.
    observed
        That of the labels as they are.
    """

    auroc: tuple[float, ...]
    observed: float

    @property
    def interval(self) -> tuple[float, float]:
        """The central 95 %."""
        tail = (1 - CENTRAL) / 2
        low, high = np.quantile(self.auroc, [tail, 1 - tail])
        return float(low), float(high)

    @property
    def inside(self) -> bool:
        """Whether the observed AUROC lies in the central 95 %."""
        low, high = self.interval
        return low <= self.observed <= high

    @property
    def p(self) -> float:
        """One-sided: (1 + permutations at least as high) / (1 + permutations)."""
        return (1 + sum(value >= self.observed for value in self.auroc)) / (1 + len(self.auroc))


def null_of(
    cohort: Cohort,
    options: Options,
    observed: float,
    permutations: int,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Null:
    """Repeat the whole nested cross-validation on permuted labels.

    Folds are made anew each time, as many and stratified by the permuted labels.
    """
    k = options.folds or len(np.unique(outer_folds(cohort, options)))
    tasks = [(cohort, replace(options, folds=k), number) for number in range(permutations)]
    return Null(tuple(run(_permuted_auroc, tasks, jobs, progress)), observed)


def permuted(cohort: Cohort, seed: tuple[int, ...]) -> np.ndarray:
    """Labels permuted between patients with equally many studies.

    Returns
    -------
    numpy.ndarray
        bool [case]; as many positives as before.
    """
    rng = np.random.default_rng(seed)
    rows: dict[str, list[int]] = {}
    for at, patient in enumerate(cohort.patients):
        rows.setdefault(patient, []).append(at)
    labels = np.empty_like(cohort.positive)
    for size in sorted({len(own) for own in rows.values()}):
        blocks = [own for own in rows.values() if len(own) == size]
        for mine, theirs in zip(blocks, rng.permutation(len(blocks)), strict=True):
            labels[mine] = cohort.positive[blocks[theirs]]
    return labels


def _permuted_auroc(cohort: Cohort, options: Options, number: int) -> float:
    return nested(_scorable(cohort, options, number), options, jobs=1).honest.mean_auroc


def _scorable(cohort: Cohort, options: Options, number: int) -> Cohort:
    """A permutation whose folds all have both classes, as those of the observed labels have."""
    attempt = 0
    while True:
        drawn = replace(cohort, positive=permuted(cohort, (options.seed, number, attempt)))
        try:
            outer_folds(drawn, options)
            return drawn
        except BadInput:
            attempt += 1
            if attempt == ATTEMPTS:
                raise
