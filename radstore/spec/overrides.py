"""``--set setting.binWidth=25``: values that overrule a spec's file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from radstore.errors import SpecError
from radstore.yaml_file import KeyPath, parse_yaml


def apply(document: Any, overrides: Sequence[str]) -> dict[KeyPath, str]:
    """Put `overrides` into `document`, in place and in order.

    Parameters
    ----------
    document
        A parsed spec.
    overrides
        ``dotted.path=value`` each; the value is YAML.

    Returns
    -------
    dict
        Key path → the override that put it there, so that messages can name it: the path of the value,
        or that of the first key above it which the file did not have.

    Raises
    ------
    SpecError
        If one has no ``=``, no path, a value that is not YAML, or a path through something not a mapping.
    """
    told: dict[KeyPath, str] = {}
    for text in overrides:
        path, value = _split(text)
        told[_put(document, path, value, text)] = text
    return told


def _split(text: str) -> tuple[KeyPath, Any]:
    dotted, equals, value = text.partition("=")
    path = tuple(dotted.strip().split("."))
    if not equals or not all(path):
        raise SpecError(
            f"--set {text}: not of the form path=value", "Write for example --set setting.binWidth=25."
        )
    return path, parse_yaml(value, f"--set {text}", SpecError)[0]


def _put(document: Any, path: KeyPath, value: Any, text: str) -> KeyPath:
    """Put `value` at `path` and return the path of what is new in the document."""
    *above, last = path
    new = len(path)
    for depth, step in enumerate(above, start=1):
        if isinstance(document, dict):
            new = min(new, depth) if step not in document else new
            document = document.setdefault(step, {})
    if not isinstance(document, dict):
        raise SpecError(
            f"--set {text}: there is no mapping at {'.'.join(map(str, above))!r} to set {last!r} in",
            "Give the whole value of the key above it.",
        )
    document[last] = value
    return path[:new]
