"""Sites, harmonised inside the folds: their effects are estimated on training cases and taken off any.

ComBat through `radstore.harmonise.Harmoniser`, always on all features of a case: the effects of a site on
one feature are shrunk towards its effects on the others. Labels have no part in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from radstore.errors import BadInput
from radstore.select.cohort import Cohort

if TYPE_CHECKING:
    from radstore.harmonise import Harmoniser

WHAT = (
    "ComBat took the effects of sites off, fitted on the training cases of every fold, on all features and "
    "without labels; scores, median, mean, scale and weight of the features are of harmonised values, those "
    "of the written model harmonised on all of its cases"
)


def require_sites(cohort: Cohort) -> None:
    """Refuse sites that cannot be harmonised, before any work is done.

    Raises
    ------
    BadInput
        If all cases are of one site, a site has too few for an effect to be estimated, or the library is
        not installed.
    """
    if cohort.sites is None:
        return
    from radstore.harmonise import LEAST, require_library

    require_library()
    counts = Counter(cohort.sites.tolist())
    if len(counts) == 1:
        raise BadInput(
            f"all of {len(cohort):,} cases are of one site, {str(cohort.sites[0])!r}",
            "There is nothing to harmonise: leave --harmonise out, or name another column.",
        )
    if few := [f"{site!r} has {count}" for site, count in sorted(counts.items()) if count < LEAST]:
        raise BadInput(
            f"a site needs {LEAST} cases to be harmonised; {', '.join(few)}",
            "Put small sites together under one name, or leave their cases out.",
        )


def harmoniser_of(values: np.ndarray, sites: np.ndarray | None) -> Harmoniser | None:
    """Fitted on these cases; None without sites."""
    if sites is None:
        return None
    from radstore.harmonise import Harmoniser

    return Harmoniser().fit(values, sites=sites)


def harmonised(step: Harmoniser | None, cohort: Cohort) -> np.ndarray:
    """float64 [case, feature]: the values without the effects that were estimated, or as they are."""
    if step is None or cohort.sites is None:
        return cohort.values
    return step.transform(cohort.values, sites=cohort.sites)


def parted(
    values: np.ndarray, sites: np.ndarray | None, train: np.ndarray, held: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The values of training and of held-out cases; with sites both harmonised, by the training cases."""
    step = harmoniser_of(values[train], None if sites is None else sites[train])
    if step is None or sites is None:
        return values[train], values[held]
    return step.transform(values[train], sites=sites[train]), step.transform(values[held], sites=sites[held])


def left_alone(cohort: Cohort, trainings: Iterable[np.ndarray]) -> dict[str, int]:
    """Site → in how many training sets (rows) it has too few cases, so that its values stay as they are."""
    if cohort.sites is None:
        return {}
    from radstore.harmonise import LEAST

    names = np.unique(cohort.sites)
    found: Counter[str] = Counter()
    for rows in trainings:
        inside = cohort.sites[rows]
        found.update(str(name) for name in names if np.count_nonzero(inside == name) < LEAST)
    return dict(found)


def site_remarks(
    cohort: Cohort,
    held_out: Cohort | None,
    step: Harmoniser | None,
    alone: Mapping[str, int],
    sets: int,
) -> list[str]:
    """What the user should know of the sites; `alone` as `left_alone` has it, of so many training sets."""
    if step is None or cohort.sites is None:
        return []
    counts = ", ".join(f"{name} {count:,}" for name, count in sorted(Counter(cohort.sites.tolist()).items()))
    notes = [f"harmonised over {len(step.sites_)} sites, by training cases in every fold (cases: {counts})"]
    one_class = [
        str(name)
        for name in np.unique(cohort.sites)
        if len(set(cohort.positive[cohort.sites == name].tolist())) == 1
    ]
    if one_class:
        notes.append(
            f"every case of {_sites(one_class)} is of one class: there site and class cannot be told apart, "
            "and what is taken off may be either"
        )
    notes += [
        f"in {count} of {sets} training sets the site {name!r} had too few cases: its values stayed as they "
        "are there"
        for name, count in sorted(alone.items())
    ]
    if strange := _strange(held_out, step):
        notes.append(
            f"{strange:,} held-out cases of sites that were not harmonised: their values stay as they are"
        )
    return notes + [f"harmonising: {note}" for note in step.notes_]


def _strange(held_out: Cohort | None, step: Harmoniser) -> int:
    """How many held-out cases are of sites whose effect is not known."""
    if held_out is None or held_out.sites is None:
        return 0
    return int(np.count_nonzero(step.unseen(held_out.sites)))


def _sites(names: list[str]) -> str:
    return f"the site{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"


def said_of_sites(cohort: Cohort) -> dict[str, Any]:
    """For the provenance: what was done, and how many cases each site has; plain JSON."""
    from importlib.metadata import version

    return {
        "what": WHAT,
        "by": f"combatlearn {version('combatlearn')}",
        "sites": dict(sorted(Counter(np.asarray(cohort.sites).tolist()).items())),
    }
