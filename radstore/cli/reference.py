"""docs/cli.md, made from the app itself:

python -m radstore.cli.reference > docs/cli.md
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from radstore.cli.app import app

HEAD = """\
# Command line

Made from the program itself by `python -m radstore.cli.reference > docs/cli.md`; do not edit."""

# Typer brings a copy of click in newer versions and uses click itself in older ones: their classes are not
# the same, so commands and parameters are told apart by what they have.
Command = Any


def reference() -> str:
    """The whole of docs/cli.md."""
    root: Command = get_command(app)
    parts = [HEAD, inspect.cleandoc(root.help), _listed(_verbs(root))]
    for path, command in _verbs(root):
        parts += [
            f"## {path}",
            inspect.cleandoc(command.help),
            f"```\n{_usage(path, command)}\n```",
            _parameters(command),
        ]
    return "\n\n".join(parts) + "\n"


def _verbs(command: Command, path: str = "radstore") -> Iterator[tuple[str, Command]]:
    """Every command that does something: path (``radstore export maps``) and command."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, below in command.commands.items():
        yield from _verbs(below, f"{path} {name}")


def _listed(verbs: Iterator[tuple[str, Command]]) -> str:
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
            shown = ", ".join(sorted(param.opts, key=len))
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
