"""The assignment of cases to folds, and the check that no patient is in two of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from radstore.errors import BadInput

SHOWN = 5  # patients named in a message


def assign(
    cases: Sequence[str], patients: Sequence[str], strata: Sequence[str], k: int, seed: int
) -> np.ndarray:
    """The fold of each case, 0 to k − 1: by patient, every stratum spread evenly.

    Scikit-learn's ``StratifiedGroupKFold`` on the cases sorted by id, so that the same cases get the same
    folds in whatever order they come.

    Parameters
    ----------
    cases, patients, strata
        Of equal length.
    k
        How many folds.
    seed
        Of the shuffling.

    Returns
    -------
    numpy.ndarray
        int64, in the order of `cases`.

    Raises
    ------
    BadInput
        If there are fewer patients than folds, or a fold would stay empty.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    require_enough(len(set(patients)), k)
    order = np.argsort(np.asarray(cases, dtype=str), kind="stable")
    groups, classes = np.asarray(patients, dtype=str)[order], np.asarray(strata, dtype=str)[order]
    if (counts := np.unique(classes, return_counts=True)[1]).max() < k:
        raise BadInput(
            f"{k} folds cannot be stratified: no stratum has more than {counts.max()} cases",
            f"Use at most {counts.max()} folds.",
        )
    folds = np.empty(len(groups), dtype=np.int64)
    with warnings.catch_warnings():
        # a class with fewer patients than folds; who calls this says so, with names
        warnings.filterwarnings("ignore", message="The least populated class in y has only")
        splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
        for fold, (_, held_out) in enumerate(splitter.split(groups, classes, groups)):
            folds[order[held_out]] = fold
    if len(there := np.unique(folds)) < k:
        raise BadInput(
            f"{k} folds of {len(set(patients))} patients leave {k - len(there)} of them empty",
            f"Use at most {len(there)} folds.",
        )
    require_disjoint(
        dict(zip(cases, patients, strict=True)), dict(zip(cases, folds, strict=True)), "the split"
    )
    return folds


def require_enough(patients: int, k: int) -> None:
    """Refuse fewer than two folds, or more folds than patients."""
    if k < 2:
        raise BadInput(f"{k} folds: nothing could be held out", "Use at least 2 folds.")
    if patients < k:
        raise BadInput(
            f"{k} folds need at least {k} patients, there are {patients}",
            f"Use at most {patients} folds, or add cases."
            if patients > 1
            else "Add cases of other patients.",
        )


def require_disjoint(patients: Mapping[str, str], folds: Mapping[str, int], where: str) -> None:
    """Make sure that no patient is in two folds.

    Parameters
    ----------
    patients, folds
        Case → patient, and case → fold (cases may be missing from it).
    where
        Where the folds come from, for the message.

    Raises
    ------
    BadInput
        Naming patients, their cases and folds.
    """
    seen: dict[str, dict[int, list[str]]] = {}
    for case, fold in folds.items():
        seen.setdefault(patients[case], {}).setdefault(int(fold), []).append(case)
    torn = {patient: at for patient, at in sorted(seen.items()) if len(at) > 1}
    if not torn:
        return
    listed = "; ".join(f"{patient} ({_places(at)})" for patient, at in list(torn.items())[:SHOWN])
    more = f"; and {len(torn) - SHOWN} more" if len(torn) > SHOWN else ""
    count = f"{len(torn)} patients are" if len(torn) > 1 else "1 patient is"
    raise BadInput(
        f"{where}: {count} in more than one fold: {listed}{more}",
        "What is learnt from one study of a patient leaks into the other: put all cases of a patient into "
        "one fold, or let `radstore split` make the folds.",
    )


def _places(folds: Mapping[int, Sequence[str]]) -> str:
    return ", ".join(f"fold {fold}: {' '.join(sorted(folds[fold]))}" for fold in sorted(folds))
