"""`Step`: one step of the pipeline, a few commands that can be typed alone, no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.plan import Plan


@dataclass(frozen=True)
class Command:
    """One program to run.

    Parameters
    ----------
    words
        As they are typed.
    into
        A file in the plan's folder that takes what is printed; None: the screen.
    """

    words: tuple[str, ...]
    into: str | None = None


@dataclass(frozen=True)
class Step:
    """One step.

    Parameters
    ----------
    name, purpose
        For ``--steps`` and the screen.
    commands
        What is run, one after the other.
    needs
        Everything the result depends on, as JSON; asked before the commands run.
    leaves
        What the store and the folder hold of the result, as JSON; None if something is missing.
    tell
        A line on the result, where the commands printed none.
    """

    name: str
    purpose: str
    commands: Callable[[Plan], list[Command]]
    needs: Callable[[Plan], Any]
    leaves: Callable[[Plan], Any]
    tell: Callable[[Plan], str] | None = None


def verb(program: str, name: str, *options: object, into: str | None = None) -> Command:
    """A verb of a program; options that are None are left out, together with the word before them."""
    words: list[str] = []
    for option in options:
        if option is None:
            words.pop()
        else:
            words.append(str(option))
    return Command((program, name, *words), into)
