"""How verbs speak: results on stdout (tables for people, JSON for programs), the rest on stderr."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

OK, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130  # exit codes


@lru_cache(maxsize=1)
def stdout() -> Console:
    """The console of results; as wide as it takes when it is no terminal, so that nothing is cut."""
    return _console(sys.stdout.isatty())


@lru_cache(maxsize=1)
def stderr() -> Console:
    """The console of progress and messages."""
    return _console(sys.stderr.isatty(), stderr=True)


def _console(terminal: bool, *, stderr: bool = False) -> Console:
    # programs and files get lines as long as they come; only a terminal has an edge
    width = None if terminal else 10_000
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=width)


def say(text: str = "") -> None:
    """Print a line of a result."""
    stdout().print(escape(text))


def note(text: str) -> None:
    """Print a line that is not part of a result."""
    stderr().print(escape(text))


def show_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print rows under headings."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    stdout().print(table)


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


def show_failures(failed: Mapping[str, Mapping[str, str]], limit: int = 20) -> None:
    """Print why cases failed, on stderr."""
    for case, error in list(failed.items())[:limit]:
        note(f"failed  {case} ({error['step']}): {error['message']}\n        → {error['remedy']}")
    if len(failed) > limit:
        note(f"… and {many(len(failed) - limit, 'more failure')}; `radstore status` lists them all")
