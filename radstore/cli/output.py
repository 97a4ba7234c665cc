"""How verbs speak: results on stdout (tables for people, JSON for programs), the rest on stderr."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

ENDLESS = 10_000  # characters a line, where there is no terminal and so no edge: nothing is cut or folded
LAST_COLUMN = 24  # at least so many characters of a table's last column before it is folded
LINE_EVERY = 10.0  # seconds between two plain lines of progress, where there is no terminal for a bar
LISTED = 20  # how many of a long list are shown, where another verb shows them all


@lru_cache(maxsize=1)
def stdout() -> Console:
    """The console of results."""
    return _console(None if sys.stdout.isatty() else ENDLESS)


@lru_cache(maxsize=1)
def stderr() -> Console:
    """The console of progress and messages."""
    return _console(None if sys.stderr.isatty() else ENDLESS, stderr=True)


def _console(width: int | None, *, stderr: bool = False) -> Console:
    # literally: what looks like markup in a path or a name is none
    return Console(stderr=stderr, width=width, soft_wrap=True, markup=False, emoji=False, highlight=False)


def say(text: str = "") -> None:
    """Print a line of a result."""
    stdout().print(text)


def note(text: str) -> None:
    """Print a line that is not part of a result."""
    stderr().print(text)


def show_table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Print rows under headings (none, if all are empty); columns of numbers are aligned to the right.

    On a terminal the last column is folded to fit; names and numbers never are.
    """
    cells = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    width = 2 * len(columns) + LAST_COLUMN
    for at, name in enumerate(columns):
        last, values = at == len(columns) - 1, [row[at] for row in cells]
        numbers = bool(values) and all(isinstance(value, int | float) for value in values)
        table.add_column(name, overflow="fold", no_wrap=not last, justify="right" if numbers else "left")
        width += 0 if last else max(cell_len(str(value)) for value in [name, *values])
    for row in cells:
        table.add_row(*map(str, row))
    if stdout().is_terminal:
        _console(max(width, stdout().width)).print(table)
        return
    with stdout().capture() as lines:
        stdout().print(table)
    for line in lines.get().splitlines():
        typer.echo(line.rstrip())  # the blanks that fill up the last column are for terminals


def show_json(value: object) -> None:
    """Print JSON; NaN and infinities as null, since JSON has none."""
    typer.echo(json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """`value` as plain JSON: dataclasses and mappings as objects, tuples and sets as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def when(seconds: float) -> str:
    """A Unix time for people, local."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def many(count: int, what: str) -> str:
    """A count with its noun: ``1 case``, ``12 cases``."""
    plural = what[:-1] + "ies" if what.endswith("y") else what + "s"
    return f"{count:,} {what if count == 1 else plural}"


def place(location: str) -> str:
    """A path or URL for people: relative if it lies below the folder we are in."""
    here = Path.cwd()
    below = Path(location).is_relative_to(here)
    return f"./{Path(location).relative_to(here).as_posix()}" if below else location


def failures(failed: Mapping[str, Mapping[str, str]], limit: int | None = None) -> Iterator[str]:
    """Why cases failed, a paragraph each; with a limit, only so many and no traces of bugs."""
    for case, error in sorted(failed.items())[:limit]:
        remedy = error["remedy"] if limit is None else error["remedy"].partition("\n")[0]
        yield f"failed   {case} ({error['step']}): {error['message']}\n         → {remedy}"
    if limit is not None and len(failed) > limit:
        yield f"… and {many(len(failed) - limit, 'more failure')}; `radstore status` lists them all"


@contextmanager
def counting() -> Iterator[Callable[[int, int], None]]:
    """A bar for work that says how much of how much is done; none where there is no terminal."""
    from rich.progress import Progress

    with Progress(console=stderr(), transient=True, disable=not stderr().is_terminal) as bar:
        task = bar.add_task("working")
        yield lambda done, total: bar.update(task, completed=done, total=total)
