"""The check before a large build: a minute spent on a few cases, before hours are spent on all.

It takes two vectors of `QUICK_SAMPLE` cases: a twelfth of the work of the smallest build it guards. Whatever
it finds is told. It refuses to go on only where a tenth or more of the features say nothing of the images
(one grey level, constant, fixed by the mask alone, or undefined): in a short list those would become the
channels of a network, as in the published pipeline. In a long list of combinations a few such are by-catch,
and the warning names them.
"""

from __future__ import annotations

from radstore.build.hire import jobs_that_fit
from radstore.build.needs import Needs
from radstore.build.plan import Plan
from radstore.errors import BadInput
from radstore.quality.examine import QUICK_SAMPLE, Examination, examine

LARGE = 100  # cases to do
REFUSED = 0.1  # share of the features


def is_large(plan: Plan) -> bool:
    """Whether a build is worth a check."""
    return len(plan.todo) >= LARGE


def guard(plan: Plan, needs: Needs | None) -> Examination:
    """Look at the features on a few of the cases to do.

    Raises
    ------
    BadInput
        If too many of them say nothing of the images.
    """
    job = plan.job
    found = examine(
        plan.todo,
        job.spec,
        job.region,
        engine=job.planner.name,
        count=QUICK_SAMPLE,
        quick=True,
        jobs=jobs_that_fit(needs, None),
    )
    useless = found.meaningless
    if len(useless) >= REFUSED * found.features:
        first = {flag.feature: flag for flag in reversed(found.flags) if flag.meaningless}
        told = "; ".join(f"{name}: {first[name].message}" for name in useless[:3])
        more = f"; and {len(useless) - 3:,} more" if len(useless) > 3 else ""
        raise BadInput(
            f"{len(useless):,} of {found.features:,} features say nothing of the images ({told}{more})",
            f"{first[useless[0]].remedy} `radstore check` tells all; --no-check builds them as they are.",
        )
    return found
