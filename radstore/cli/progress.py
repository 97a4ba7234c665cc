"""What a build looks like while it runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from radstore.build.plan import Plan
from radstore.build.run import Progress as BuildProgress
from radstore.build.work import Outcome
from radstore.cli.output import many, note, stderr
from radstore.store.log import Version

LINE_EVERY = 10.0  # seconds between two plain lines


class Display(BuildProgress):
    """Draws a build's progress; a context manager.

    On a terminal a bar with cases, rate, time left and failures; elsewhere a line now and then.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._line_at = self._began
        self._failures = 0
        self._task: int | None = None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failures]}"),
            console=stderr(),
            transient=True,
            disable=not stderr().is_terminal,
        )

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def planned(self, plan: Plan, workers: int) -> None:
        """Say what there is to do."""
        known = f", {len(plan.failed)} failed before (--retry-failed tries them again)" if plan.failed else ""
        note(f"{many(plan.total, 'case')}: {len(plan.done)} up to date, {len(plan.todo)} to do{known}")
        if plan.todo:
            note(
                f"{many(min(workers, len(plan.todo)), 'worker')}, {many(len(plan.job.spec.names), 'feature')}"
            )
            self._began = self._line_at = time.monotonic()
            self._bar.start()
            self._task = self._bar.add_task("building", total=len(plan.todo), rate="", failures="")

    def finished(self, outcome: Outcome, done: int, total: int) -> None:
        """Count a case."""
        self._failures += outcome.error is not None
        rate = f"{60 * done / max(1e-9, time.monotonic() - self._began):.1f} cases/min"
        failures = f"{self._failures} failed" if self._failures else ""
        if not self._bar.disable and self._task is not None:
            self._bar.update(self._task, completed=done, rate=rate, failures=failures)  # type: ignore[arg-type]
        elif done == total or time.monotonic() - self._line_at > LINE_EVERY:
            self._line_at = time.monotonic()
            note(", ".join(part for part in (f"{done}/{total} cases", rate, failures) if part))

    def committed(self, version: Version) -> None:
        """Say which version holds what was done."""
        note(f"committed version {version.number} ({many(version.changed, 'case')})")
