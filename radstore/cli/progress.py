"""What a build looks like while it runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from radstore.build.crew import Crew
from radstore.build.nannies import pinning
from radstore.build.outcome import Outcome
from radstore.build.plan import Plan
from radstore.build.run import Progress as BuildProgress
from radstore.cli.output import LINE_EVERY, LISTED, failures, many, note, stderr
from radstore.store.log import Version

if TYPE_CHECKING:
    from radstore.build.api import Prepared
    from radstore.quality.examine import Examination


def introduction(prepared: Prepared) -> list[str]:
    """What a build is about: view, spec, engine."""
    job = prepared.job
    maps = sum(len(graph.features) for graph in job.graphs.values()) - len(job.spec.names)
    what = ", ".join([many(len(job.spec.names), "feature"), many(maps, "map") if maps else "no maps"])
    return [f"{job.view}: {what} (spec {job.spec.hash[:12]})", prepared.engine_reason]


def counts(plan: Plan) -> str:
    """How many cases there are, and what each needs."""
    parts = [f"{len(plan.done):,} up to date", f"{len(plan.todo):,} to do"]
    if plan.failed:
        parts.append(f"{len(plan.failed):,} failed before (--retry-failed tries them again)")
    return f"{many(plan.total, 'case')}: {', '.join(parts)}"


def staff(crew: Crew) -> list[str]:
    """Who works on a build."""
    if not crew.processes:
        return ["workers: those of the scheduler"]
    if not crew.devices:
        return [many(crew.workers, "worker")]
    near = (
        "bound to the cores near them by dask-cuda"
        if pinning(crew.devices)
        else "bound to no cores (dask-cuda is not installed, or CUDA_VISIBLE_DEVICES names UUIDs)"
    )
    names = ", ".join(map(str, crew.devices))
    return [
        f"{many(len(crew.devices), 'GPU')}: {names} ({crew.why}); {near}",
        f"{many(crew.readers, 'reader')} to decode for them",
    ]


def examination(found: Examination) -> list[str]:
    """What a sample of cases showed of the features, a paragraph for each kind of flag."""
    looked = f"{many(found.features, 'feature')} looked at on {many(len(found.cases), 'case')}"
    lines = [f"note: {text}" for text in found.notes]
    lines += failures(found.failed)
    for kind in dict.fromkeys(flag.kind for flag in found.flags):
        flags = [flag for flag in found.flags if flag.kind == kind]
        lines.append(f"flagged  {kind}: {many(len(flags), 'feature')}")
        lines += [f"         {flag.feature}: {flag.message}" for flag in flags[:LISTED]]
        if len(flags) > LISTED:
            lines.append(f"         … and {len(flags) - LISTED:,} more; `radstore check --json` lists them")
        lines.append(f"         → {flags[0].remedy}")
    told = f"{len(found.meaningless):,} of them say nothing of the image" if found.meaningless else ""
    clean = "nothing to flag" if not found.flags else told or "all of them see the image"
    return [*lines, f"{looked}: {clean}"]


class Display(BuildProgress):
    """Draws a build's progress; a context manager.

    On a terminal a bar with cases, rate, time left and failures; elsewhere a line now and then.

    Parameters
    ----------
    runs
        Whether anything will run; False for a dry run, which has no bar.
    """

    def __init__(self, *, runs: bool = True) -> None:
        self._runs = runs
        self._began = time.monotonic()
        self._line_at = self._began
        self._failures = 0
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("building"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("cases{task.description}"),
            console=stderr(),
            transient=True,
            disable=not stderr().is_terminal,
        )
        self._task = self._bar.add_task("", start=False)

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def prepared(self, prepared: Prepared) -> None:
        """Say what the build is about."""
        for line in introduction(prepared):
            note(line)
        for line in prepared.notes:
            note(f"note: {line}")

    def planned(self, plan: Plan, crew: Crew) -> None:
        """Say what there is to do, and who does it."""
        note(counts(plan))
        if plan.todo and (self._runs or crew.devices):
            for line in staff(crew):
                note(line)
        if not self._runs or not plan.todo:
            return
        self._began = self._line_at = time.monotonic()
        self._bar.update(self._task, total=len(plan.todo))
        self._bar.start()

    def examined(self, found: Examination) -> None:
        """Tell what a few cases showed of the features."""
        for line in examination(found):
            note(line)

    def finished(self, outcome: Outcome, done: int, total: int) -> None:
        """Count a case."""
        self._failures += outcome.error is not None
        seconds = max(1e-9, time.monotonic() - self._began)
        parts = [f"{60 * done / seconds:.1f} a minute"]
        if done < total:
            parts.append(f"{_duration(seconds / done * (total - done))} left")
        if self._failures:
            parts.append(f"{self._failures:,} failed")
        rest = "".join(f", {part}" for part in parts)
        self._bar.update(self._task, completed=done, description=rest)
        if self._bar.disable and (done == total or time.monotonic() - self._line_at > LINE_EVERY):
            self._line_at = time.monotonic()
            note(f"{done:,}/{total:,} cases{rest}")

    def committed(self, version: Version) -> None:
        """Say which version holds what was done."""
        note(f"committed version {version.number} ({many(version.changed, 'case')})")


def _duration(seconds: float) -> str:
    """A time for people: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
