"""YAML files that know their line numbers: what ``catalog.yaml`` and ``selected.yaml`` are read with.

Scalars follow YAML 1.2 (its core schema), not PyYAML's 1.1: ``1e-6`` is a number, ``100000_00001`` and
``no`` are strings, and a date stays text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml

from radstore.errors import BadInput

KeyPath = tuple[str | int, ...]
LineOf = Callable[[KeyPath], int]


def load_yaml(path: Path, error: type[BadInput] = BadInput) -> tuple[Any, LineOf]:
    """Read a YAML file.

    Parameters
    ----------
    path
        The file; UTF-8.
    error
        What to raise, so that a spec complains as a spec and a catalog as a catalog.

    Returns
    -------
    document
        Plain dicts, lists and scalars; None for an empty file.
    line_of
        Line number (from 1) of a key path such as ``("sources", "demo", "args")``; list items by index.
        A path that is not there gives the line of its nearest ancestor.

    Raises
    ------
    BadInput
        (or `error`) If the file is missing, not text, not YAML, or names one key twice.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as e:
        raise error(f"cannot read {path}: {e.strerror}", "Check the path.") from e
    except UnicodeDecodeError as e:
        raise error(f"{path} is not a text file (byte {e.start} is not UTF-8)", "Save it as UTF-8.") from e
    return parse_yaml(text, str(path), error)


def parse_yaml(text: str, source: str, error: type[BadInput] = BadInput) -> tuple[Any, LineOf]:
    """The same for text that is already read; `source` names it in messages."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        for key in _repeated(root, set()):
            raise error(
                f"{source}, line {key.start_mark.line + 1}: the key {key.value!r} stands there twice",
                "Keep one of the two.",
            )
        document = loader.construct_document(root) if root is not None else None
    except yaml.MarkedYAMLError as e:
        line = f", line {e.problem_mark.line + 1}" if e.problem_mark else ""
        raise error(f"{source}{line}: not YAML: {e.problem}", "Check indentation and quotes there.") from e
    except yaml.YAMLError as e:
        raise error(f"{source}: not YAML: {e}", "Save it as plain text.") from e

    def line_of(path: KeyPath) -> int:
        return _line(root, path)

    return document, line_of


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012  (PyYAML's own class attribute)


for tag, pattern, first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))


def _int(loader: _Loader, node: yaml.ScalarNode) -> int:
    # 010 is ten, as YAML 1.2 has it; octal is written 0o10
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _int)


def _repeated(node: yaml.Node | None, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    """Keys that stand twice in one mapping; the later one of each pair."""
    if node is None or id(node) in seen:  # an alias is visited once
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item, seen)
    if isinstance(node, yaml.MappingNode):
        names: set[Hashable] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if (key.tag, key.value) in names:
                    yield key
                names.add((key.tag, key.value))
            yield from _repeated(value, seen)


def _line(node: yaml.Node | None, path: KeyPath) -> int:
    """Line of the key (or list item) that `path` leads to, or of the last step that is there."""
    line = 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if getattr(key, "value", None) == str(step)]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = [(node.value[step], node.value[step])]
        else:
            return line
        if not found:
            return line
        key, node = found[0]
        line = key.start_mark.line + 1
    return line
