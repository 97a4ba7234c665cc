"""What a run looks like that takes long: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
from types import TracebackType

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column

from radstore.cli.output import LINE_EVERY, note, stderr


class Display:
    """Shows on stderr how much is done, and what is being done; a context manager.

    On a terminal a bar; elsewhere a line every `LINE_EVERY` seconds, so that a log says where a run of hours
    stands, and one of seconds says nothing.
    """

    def __init__(self) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis"),
            ),
            console=stderr(),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # else results meant for a file would go to the terminal
            disable=not stderr().is_terminal,
        )
        self._task = self._bar.add_task("", total=None)
        self._count, self._doing = "", ""
        self._over = threading.Event()

    def __enter__(self) -> Display:
        self._bar.start()
        if self._bar.disable:
            threading.Thread(target=self._lines, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._bar.stop()

    def count(self, done: int, total: int) -> None:
        """So many of so many cases are done."""
        self._count = f"{done:,}/{total:,} cases"
        self._bar.update(self._task, completed=done, total=total)

    def doing(self, what: str) -> None:
        """This is being done."""
        self._doing = what
        self._bar.update(self._task, description=what)

    def _lines(self) -> None:
        while not self._over.wait(LINE_EVERY):
            told = ": ".join(part for part in (self._count, self._doing) if part)
            if told:
                note(told)
