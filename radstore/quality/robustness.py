"""`robustness`: how much of each feature's variance is left when masks and images change a little."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radstore.catalog import Case
from radstore.errors import BadInput
from radstore.parallel import run
from radstore.quality.draws import sample
from radstore.quality.icc import Icc, class_of, icc
from radstore.quality.measure import Task, measure, parted, stacked
from radstore.quality.perturbations import Strengths
from radstore.spec import Spec

if TYPE_CHECKING:
    import pandas as pd

CASES = 30  # Zwanenburg et al. (2019) had 31 and 19


@dataclass(frozen=True, eq=False)
class Robustness:
    """What perturbations do to the features of a spec.

    Parameters
    ----------
    features
        Their names.
    kinds
        What each case was measured as: ``as it is``, then the perturbations.
    values
        float64 [case, kind, feature], NaN where undefined.
    cases
        Ids along the first axis.
    failed
        Case → error (``step``, ``message``, ``remedy``), for those that could not be measured.
    strengths, seed
        Of the perturbations.
    notes
        Which case lacks which perturbation, and why.
    """

    features: tuple[str, ...]
    kinds: tuple[str, ...]
    values: np.ndarray
    cases: tuple[str, ...]
    failed: Mapping[str, Mapping[str, str]]
    strengths: Strengths
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def icc(self) -> Icc:
        """Over all perturbations at once, the cases as they are included."""
        return icc(self.values)

    def icc_of(self, kind: str) -> Icc:
        """Of one perturbation against the cases as they are."""
        return icc(self.values[:, [0, self.kinds.index(kind)]])

    def table(self) -> pd.DataFrame:
        """A row a feature: ``icc`` with interval, class and cases, then that of each perturbation alone."""
        import pandas as pd

        whole = self.icc
        parts = [name.rsplit("_", 2) for name in self.features]
        columns = {
            "image_type": [part[0] for part in parts],
            "feature_class": [part[1] for part in parts],
            "icc": whole.value,
            "icc_low": whole.low,
            "icc_high": whole.high,
            "robustness": [class_of(value) for value in whole.low],
            "cases": whole.cases,
            **{f"icc_{kind}": self.icc_of(kind).value for kind in self.kinds[1:]},
        }
        return pd.DataFrame(columns, index=pd.Index(self.features, name="feature"))


def robustness(
    cases: Iterable[Case],
    spec: Spec,
    region: str,
    *,
    engine: str = "auto",
    strengths: Strengths | None = None,
    count: int = CASES,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Robustness:
    """Compute the features of cases as they are and after each perturbation.

    Parameters
    ----------
    cases
        Of which the sample is drawn.
    spec, region, engine
        Which features, where, by whom.
    strengths
        Of the perturbations; default: `Strengths()`.
    count, seed
        How many cases, which, and all random numbers.
    jobs
        Processes; default: one a core. The result is the same for any number.
    progress
        Told how many of how many cases are done.

    Raises
    ------
    BadInput
        If fewer than two cases can be measured, or every perturbation is left out.
    """
    strengths = strengths or Strengths()
    if not strengths.kinds:
        raise BadInput("all perturbations are left out", "Give at least one of them a strength above 0.")
    task = Task(region, spec.settings, spec.graph("roi"), engine, strengths, seed=seed)
    found = run(measure, [(task, case) for case in sample(cases, count, seed)], jobs, progress)
    measured, failed = parted(found)
    if len(measured) < 2:
        why = "; ".join(error["message"] for error in list(failed.values())[:3])
        raise BadInput(
            f"{len(measured)} of {len(found)} cases could be measured{f' ({why})' if why else ''}",
            "An ICC compares cases: it takes two at least, and some thirty to be worth much.",
        )
    return Robustness(
        features=spec.names,
        kinds=task.kinds,
        values=stacked(measured),
        cases=tuple(one.case for one in measured),
        failed=failed,
        strengths=strengths,
        seed=seed,
        notes=tuple(f"case {one.case}, {kind}: {why}" for one in measured for kind, why in one.lost.items()),
    )
