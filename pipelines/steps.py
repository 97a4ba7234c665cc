"""The steps of the pipeline, in order.

To add one, append it to `RADIOMICS` or `STAGES`: its name, what it is for, its commands, what it depends on
and what it leaves behind. A step is skipped while both are as they were when it last ended well.
"""

from __future__ import annotations

from pipelines import radiomics, stages
from pipelines.plan import Plan
from pipelines.step import Command, Step

REPORT = ("report.md", "report.html", "scores.png")


def _report(plan: Plan) -> list[Command]:
    quick = ("--quick",) if plan.quick else ()
    return [Command(("python", "-m", "pipelines.report", str(plan.out), *quick))]


STEPS: tuple[Step, ...] = (
    *radiomics.RADIOMICS,
    *stages.STAGES,
    Step(
        "report",
        "what was found, as a page",
        _report,
        lambda plan: [plan.files(radiomics.sources(plan), stages.sources(plan)), plan.folds, plan.quick],
        lambda plan: plan.files(REPORT),
    ),
)
