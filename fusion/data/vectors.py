"""The global vectors of a view's cases, and the control in which each case is given another's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fusion.data.view import View
from fusion.recipe import Recipe
from radstore.errors import BadInput
from radstore.store.manifest import CaseRecord
from radstore.store.query import Snapshot
from radstore.store.table import FEATURES

SEED = 20_26  # of the control; with the fold it decides whose vector a case is given


def vectors_of(view: View, snapshot: Snapshot) -> dict[str, np.ndarray]:
    """Case → the network's vector, float32 (n,), standardised; cases without a vector are not in it.

    With ``ct+permuted`` each case has the vector of another patient of its fold.

    Raises
    ------
    BadInput
        If vectors come from another spec than the recipe's, lack a number, or cannot be permuted.
    StoreError
        If no case has a vector in the recipe's view.
    """
    recipe = view.recipe
    having = [case for case in view.cases if _has_vector(case, snapshot.manifest.get(case), recipe)]
    table = snapshot.table(recipe.view)
    wanted = [channel.name for channel in recipe.vector]
    known = set(table["feature"].values.tolist())
    rows = table["value"].sel(case=having, feature=[name for name in wanted if name in known])
    names = rows["feature"].values.tolist()
    found = {
        case: recipe.network_vector(dict(zip(names, row, strict=True)))
        for case, row in zip(having, rows.values, strict=True)
    }
    if not recipe.inputs.permuted:
        return found
    members = {case: view.cases[case] for case in found}
    folds = {case: member.fold for case, member in members.items()}
    patients = {case: member.patient for case, member in members.items()}
    givers = deranged(folds, patients, SEED + recipe.fold)
    return {case: found[giver] for case, giver in givers.items()}


def _has_vector(case: str, record: CaseRecord | None, recipe: Recipe) -> bool:
    entry = record.blocks.get(FEATURES + recipe.view) if record else None
    if entry is None or not entry.ok:  # an empty region has none: the network has a token for that
        return False
    if entry.spec != recipe.spec_hash:
        raise BadInput(
            f"case {case}: {FEATURES}{recipe.view} comes from spec {entry.spec[:12]}, "
            f"the recipe from {recipe.spec_hash[:12]}",
            "Build the view with the spec of the plan, or plan anew.",
        )
    return True


def deranged(groups: Mapping[str, Any], patients: Mapping[str, str], seed: int) -> dict[str, str]:
    """Case → another patient's case of the same group; everybody is taken once.

    A group's patients are shuffled (sorted first) and their cases laid out in a ring, patient by patient.
    Each case takes from the one as many places on as the patient with the most cases has.

    Parameters
    ----------
    groups
        Case → its fold.
    patients
        Case → its patient, whose other studies look alike.

    Raises
    ------
    BadInput
        If more than half of a group's cases are of one patient.
    """
    chance = np.random.default_rng(seed)
    given: dict[str, str] = {}
    for group in sorted(set(groups.values()), key=str):
        cases = sorted(case for case, its in groups.items() if its == group)
        counts = Counter(patients[case] for case in cases)
        most, step = counts.most_common(1)[0]
        if not swappable([patients[case] for case in cases]):
            raise BadInput(
                f"fold {group}: {step} of its {len(cases)} cases with a vector are of patient {most}: there "
                "is nobody to swap with",
                "Leave out the control `ct+permuted`, or use more patients.",
            )
        ranks = dict(zip(sorted(counts), chance.permutation(len(counts)).tolist(), strict=True))
        ring = sorted(cases, key=lambda case: ranks[patients[case]])
        given |= dict(zip(ring, ring[step:] + ring[:step], strict=True))
    return given


def swappable(patients: Sequence[str]) -> bool:
    """Whether cases of these patients can all be given another patient's: nobody has more than half."""
    return bool(patients) and 2 * max(Counter(patients).values()) <= len(patients)
