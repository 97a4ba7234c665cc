"""What every command line of ours does the same: errors as one message, exit codes, Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from radstore.cli import exits, output
from radstore.errors import RadstoreError

P = ParamSpec("P")


def empty(program: str, text: str) -> typer.Typer:
    """An app without verbs: plain help, no completion, no boxed traces."""
    return typer.Typer(
        name=program,
        help=text,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def speaking(program: str, verb: Callable[P, int]) -> Callable[P, None]:
    """The verb with its result as exit code, and errors as one clear message instead of a trace."""

    @wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = verb(*args, **kwargs)
        except RadstoreError as error:
            output.note(f"{program}: {error}")
            code = exits.BAD_INPUT
        except KeyboardInterrupt:
            output.note("stopped")
            code = exits.INTERRUPTED
        raise typer.Exit(code)

    return run


def run(program: str, app: Callable[[], typer.Typer], argv: list[str] | None = None) -> int:
    """Run a command line; returns the exit code, one of `radstore.cli.exits`.

    Parameters
    ----------
    program
        Its name, for messages.
    app
        Gives the app; importing it is part of the run.
    argv
        What was typed behind the program's name; by default what it was started with.
    """
    code = _run(program, app, argv)
    if code == exits.INTERRUPTED and argv is None:  # we are leaving: there is nothing left to interrupt
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


def _run(program: str, app: Callable[[], typer.Typer], argv: list[str] | None) -> int:
    try:
        app()(argv, prog_name=program)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except Exception:  # not to be mistaken for "some cases failed"
        import traceback

        traceback.print_exc()
        print(f"{program}: this looks like a bug; please report it with the lines above.", file=sys.stderr)
        return exits.BUG
    return exits.OK
