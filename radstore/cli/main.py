"""Entry point: runs the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code, one of `radstore.cli.exits`.

    Parameters
    ----------
    argv
        What was typed behind ``radstore``; by default what the program was started with.
    """
    from radstore.cli.program import run

    return run("radstore", _app, argv)


def _app() -> typer.Typer:
    from radstore.cli.app import app

    return app
