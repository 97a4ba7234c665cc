"""`Selection`: the features that were selected, how sure that is, and what they are worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from radstore.errors import BadInput
from radstore.parallel import Progress
from radstore.select.cohort import Cohort
from radstore.select.nested import Nested, nested
from radstore.select.null import Null, null_of
from radstore.select.options import Options
from radstore.select.procedure import fitted, usable
from radstore.select.scores import Scores, scored
from radstore.select.single import single_features
from radstore.select.sites import harmonised, harmoniser_of, require_sites, site_remarks
from radstore.select.stability import Stability, stability

if TYPE_CHECKING:
    import pandas as pd

    from radstore.harmonise import Harmoniser


@dataclass(frozen=True, eq=False)
class Selection:
    """What was selected.

    Parameters
    ----------
    cohort
        The cases it was selected on.
    options
        How.
    nested
        What the folds chose, and the scores.
    stability
        Nogueira's index of the folds' sets, over all features of the cohort.
    single
        Column → [feature]: what each feature tells apart alone; see `single_features`.
    model
        The final model on the selected features, fitted on all cases of the cohort: a scikit-learn pipeline
        (imputer, scaler, linear SVM); None if nothing was selected.
    harmoniser
        What takes the effects of sites off all features of a case before the model sees the selected ones,
        fitted on all cases of the cohort; None if the cohort has no sites.
    held_out
        Its scores on cases that took no part in anything; None without such cases.
    null
        The permutation null, if it was asked for.
    notes
        What the user should know.
    """

    cohort: Cohort
    options: Options
    nested: Nested
    stability: Stability
    single: Mapping[str, np.ndarray]
    model: Any = None
    harmoniser: Harmoniser | None = None
    held_out: Scores | None = None
    null: Null | None = None
    notes: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The names of what was selected: most often selected first, or by weight (``best-fold``)."""
        return tuple(self.cohort.features[at] for at in self.nested.whole.features)

    @property
    def table(self) -> pd.DataFrame:
        """Every feature: selected or not, frequency, mean rank, and what it tells apart alone."""
        import pandas as pd

        whole = self.nested.whole
        columns = {
            "selected": np.isin(np.arange(len(self.cohort.features)), whole.features),
            "frequency": whole.frequency,
            "mean_rank": whole.ranks.mean(axis=0),
            **self.single,
        }
        frame = pd.DataFrame(columns, index=pd.Index(self.cohort.features, name="feature"))
        return frame.sort_values(["selected", "frequency", "mean_rank"], ascending=[False, False, True])

    def scaler(self) -> dict[str, dict[str, float]]:
        """Selected feature → the ``median``, ``mean``, ``scale`` and ``weight`` of the final model."""
        if self.model is None:
            return {}
        imputer, scaling, svm = (step for _, step in self.model.steps)
        parts = (imputer.statistics_, scaling.mean_, scaling.scale_, svm.coef_[0])
        names = ("median", "mean", "scale", "weight")
        rows = zip(self.features, zip(*parts, strict=True), strict=True)
        return {
            feature: {name: float(value) for name, value in zip(names, values, strict=True)}
            for feature, values in rows
        }


def select_features(
    cohort: Cohort,
    options: Options | None = None,
    *,
    held_out: Cohort | None = None,
    permutations: int = 0,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Selection:
    """Select features on a cohort, and say what that is worth on cases not seen.

    Parameters
    ----------
    cohort
        The cases, as `radstore.select.cohort_of` makes them of a table. None other are looked at.
    options
        How; default: `Options()`.
    held_out
        Cases with the same features, to score the final model on.
    permutations
        How many times the whole is repeated on permuted labels; 0: not.
    jobs
        Processes; default: one a core. The result is the same, bit for bit, for any number.
    progress
        Told how many of how many steps are done; begins anew for the permutations.

    Raises
    ------
    BadInput
        If no feature can be used, the cases cannot be cross-validated, or their sites not be harmonised.
    """
    options = options or Options()
    _require_features(cohort, options)
    require_sites(cohort)
    found = nested(cohort, options, jobs, progress)
    chosen = found.whole.features
    harmoniser = harmoniser_of(cohort.values, cohort.sites)
    level = replace(cohort, values=harmonised(harmoniser, cohort))
    model = fitted(level.values, cohort.positive, chosen, options) if chosen else None
    honest = found.honest.mean_auroc
    null = null_of(cohort, options, honest, permutations, jobs, progress) if permutations else None
    about_sites = _site_notes(cohort, held_out, harmoniser, found)
    return Selection(
        cohort=cohort,
        options=options,
        nested=found,
        stability=stability(found.whole.chosen),
        single=single_features(level, options),
        model=model,
        harmoniser=harmoniser,
        held_out=_held_out(held_out, harmoniser, model, chosen),
        null=null,
        notes=(
            *cohort.notes,
            *about_sites,
            *_remarks(cohort, options, found),
        ),
    )


def _require_features(cohort: Cohort, options: Options) -> None:
    if len(usable(cohort.values, options.max_missing)):
        return
    undefined = int(np.isnan(cohort.values).all(axis=0).sum())
    raise BadInput(
        f"none of {len(cohort.features):,} features can be used: {undefined:,} are undefined in all of "
        f"{len(cohort):,} cases, the others in more than {options.max_missing:.0%} of them, or constant",
        "`radstore show CASE` says why a feature is undefined; check the spec and the region.",
    )


def _held_out(
    cohort: Cohort | None, harmoniser: Harmoniser | None, model: Any, chosen: Sequence[int]
) -> Scores | None:
    if cohort is None or not 0 < cohort.positive.sum() < len(cohort):
        return None
    values = harmonised(harmoniser, cohort)
    decision = model.decision_function(values[:, list(chosen)]) if chosen else np.zeros(len(cohort))
    return scored([(cohort.positive, decision)])


def _site_notes(
    cohort: Cohort, held_out: Cohort | None, harmoniser: Harmoniser | None, found: Nested
) -> list[str]:
    sets = sum(len(vote.auroc) for vote in (found.whole, *found.inner))
    return site_remarks(cohort, held_out, harmoniser, found.alone, sets)


def _remarks(cohort: Cohort, options: Options, found: Nested) -> list[str]:
    notes = []
    if dropped := len(cohort.features) - len(usable(cohort.values, options.max_missing)):
        notes.append(
            f"{dropped:,} features were not used: constant, or undefined in more than "
            f"{options.max_missing:.0%} of the cases"
        )
    passed = [left["passed the filter"] for left in found.whole.left]
    if few := [count for count in passed if count < options.size]:
        notes.append(
            f"in {len(few)} of {len(passed)} folds fewer than {options.size} features passed the filter at "
            f"alpha {options.alpha:g} (as few as {min(few)})"
        )
    if empty := sum(not vote.features for vote in found.inner):
        notes.append(
            f"in {empty} of {len(found.inner)} outer folds nothing was selected: "
            "their cases are all predicted alike (AUROC 0.5)"
        )
    asked, sizes = len(np.unique(found.folds)), Counter(len(vote.auroc) for vote in found.inner)
    for folds in sorted(size for size in sizes if size < asked):
        notes.append(f"{sizes[folds]} inner cross-validations had {folds} folds, for want of patients")
    if 0 < len(found.whole.features) < options.size:
        notes.append(f"selected: {len(found.whole.features)} of {options.size} features that were wanted")
    return notes
