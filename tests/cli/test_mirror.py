"""The command line says what the Python API says, verb by verb."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from typer.main import get_command

from radstore.cli.app import app

# Verb → the function of the Python API that does it.
MIRROR = {
    "init": "radstore.catalog.guess:guess_catalog",
    "check": "radstore.build.check:check",
    "build": "radstore.build:build",
    "split": "radstore.split:split",
    "perturb": "radstore.perturb:perturb",
    "select": "radstore.select:select",
    "extract": "radstore.extract:extract",
    "features": "radstore.texture.names:describe",
    "ls": "radstore.store.query:open_store",
    "show": "radstore.store.query:open_store",
    "status": "radstore.store.admin:status",
    "log": "radstore.store.admin:log",
    "diff": "radstore.store.admin:diff",
    "tag": "radstore.store.admin:tag",
    "verify": "radstore.store.admin:verify",
    "expire": "radstore.store.admin:expire",
    "gc": "radstore.store.admin:gc",
    "doctor": "radstore.doctor:diagnose",
    "export features": "radstore.store.export:export_features",
    "export maps": "radstore.store.export:export_maps",
}
# Verb → what the function's parameters are called on the command line, where not the same.
RENAMED = {
    "status": {"expected": "catalog"},
    "init": {"catalog_folder": "catalog"},
    "extract": {"spec": "features"},
    "split": {"from_file": "from"},
    "export maps": {"snapshot": "store", "folder": "dir", "features": "feature", "suffix": "format"},
    "export features": {"snapshot": "store", "path": "out"},
}
# What only the command line has: how to say it, and where to put it.
OWN = {"json", "force", "version", "help", "set", "csv"}
# What only Python has: a callback, and files being written.
PYTHON = {"progress"}


def function(verb: str) -> Callable[..., Any]:
    module, _, name = MIRROR[verb].partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def spoken(verb: str) -> dict[str, Any]:
    """The verb's parameters by the name a user types."""
    command: Any = get_command(app)
    for word in verb.split():
        command = command.commands[word]
    return {
        p.opts[0].lstrip("-").replace("-", "_")
        if p.param_type_name == "option"
        else p.metavar.strip("[]").lower(): p
        for p in command.params
    }


def test_every_verb_has_its_function() -> None:
    command: Any = get_command(app)
    names = set(command.commands) - {"export"}
    assert set(MIRROR) == names | {f"export {name}" for name in command.commands["export"].commands}
    for verb in MIRROR:
        assert callable(function(verb))


@pytest.mark.parametrize(
    "verb",
    [
        "build",
        "check",
        "split",
        "perturb",
        "select",
        "extract",
        "status",
        "verify",
        "expire",
        "gc",
        "diff",
        "tag",
        "export maps",
    ],
)
def test_parameters_agree(verb: str) -> None:
    renamed = RENAMED.get(verb, {}) | {"settings": "set", "features": "features"}
    if verb == "export maps":
        renamed = RENAMED[verb] | {"full_grid": "cropped"}
    parameters = inspect.signature(function(verb)).parameters
    python = {renamed.get(name, name) for name in parameters} - PYTHON
    typed = set(spoken(verb))
    assert python - typed == set(), f"{verb}: only in Python"
    assert typed - python <= OWN | {"store"}, f"{verb}: only on the command line"


@pytest.mark.parametrize("verb", ["build", "check", "split", "perturb", "select", "extract", "gc"])
def test_defaults_agree(verb: str) -> None:
    given = spoken(verb)
    names = {"settings": "set", "spec": "features"}
    for name, parameter in inspect.signature(function(verb)).parameters.items():
        option = given.get(names.get(name, name))
        if option is None or parameter.default is inspect.Parameter.empty:
            continue
        default = parameter.default
        if verb == "gc" and name == "grace":
            default /= 3600  # hours are easier to type
        if name in ("catalog", "maps", "folds"):  # a path, or a number or word, on the command line
            assert str(option.default or None) == str(default or None)
        else:
            assert (option.default or None) == (default or None)
