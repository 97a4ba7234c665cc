"""docs/cli.md, made from the app itself:

python -m radstore.cli.reference > docs/cli.md

`page` makes such a page of any app.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import typer
from typer.main import get_command

from radstore.cli.app import app

HEAD = """\
# Command line{of}

Made from the program itself by `python -m {name}.cli.reference > {file}`; do not edit."""

# Typer brings a copy of click in newer versions and uses click itself in older ones: their classes are not
# the same, so commands and parameters are told apart by what they have.
Command = Any


def reference() -> str:
    """The whole of docs/cli.md."""
    return page(app, "radstore", "docs/cli.md")


def page(app: typer.Typer, name: str, file: str, of: str = "") -> str:
    """The reference of an app: what it is, its verbs, and every option of each.

    Parameters
    ----------
    app, name
        The app, and what one types to start it; its package, too.
    file
        Where the page is kept.
    of
        Behind "Command line" in the heading.
    """
    root: Command = get_command(app)
    verbs = list(_verbs(root, name))
    parts = [HEAD.format(name=name, file=file, of=of), inspect.cleandoc(root.help), _listed(verbs)]
    for path, command in verbs:
        parts += [
            f"## {path}",
            inspect.cleandoc(command.help),
            f"```\n{_usage(path, command)}\n```",
            _parameters(command),
        ]
    return "\n\n".join(parts) + "\n"


def _verbs(command: Command, path: str) -> Iterator[tuple[str, Command]]:
    """Every command that does something: path (``radstore export maps``) and command."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, below in command.commands.items():
        yield from _verbs(below, f"{path} {name}")


def _listed(verbs: Iterable[tuple[str, Command]]) -> str:
    lines = []
    for path, command in verbs:
        anchor = path.replace(" ", "-")
        lines.append(f"- [`{path}`](#{anchor}): {inspect.cleandoc(command.help).splitlines()[0]}")
    return "\n".join(lines)


def _usage(path: str, command: Command) -> str:
    words = [path]
    for param in command.params:
        if param.param_type_name == "argument":
            words.append(_name(param) if param.required else f"[{_name(param)}]")
        elif param.required:
            words.append(f"{param.opts[0]} {_name(param)}")
    return " ".join([*words, "[OPTIONS]"])


def _parameters(command: Command) -> str:
    lines = []
    for param in command.params:
        if param.param_type_name == "argument":
            shown = _name(param)
        else:
            shown = ", ".join([*sorted(param.opts, key=len), *param.secondary_opts])
            shown += "" if param.is_flag else f" {_name(param)}"
        lines.append(f"- `{shown}`: {param.help}{_default(param)}")
    return "\n".join(lines)


def _name(param: Command) -> str:
    return str(param.metavar or param.name).strip("[]")


def _default(param: Command) -> str:
    if param.required:
        return " Required." if param.param_type_name == "option" else ""
    if param.default in (None, False, "", ()) or "Default" in param.help:
        return ""
    return f" Default: {param.default}."


if __name__ == "__main__":
    print(reference(), end="")
