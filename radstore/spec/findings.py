"""`Findings`: everything that is wrong with a spec, and everything worth knowing, gathered in one reading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from radstore.errors import SpecError
from radstore.yaml_file import KeyPath, LineOf


class Findings:
    """Problems and notes, each with the place it comes from.

    Parameters
    ----------
    source
        The file (or other origin) that messages name.
    line_of
        Line of a key path in that file; None where there are no lines.
    overrides
        Key path → the ``--set`` argument that put its value there.
    """

    def __init__(
        self, source: str, line_of: LineOf | None = None, overrides: Mapping[KeyPath, str] | None = None
    ) -> None:
        self._source = source
        self._line_of = line_of
        self._overrides = overrides or {}
        self._problems: list[tuple[int, str, str]] = []
        self._notes: list[str] = []

    def problem(self, path: KeyPath, message: str, remedy: str = "") -> None:
        """Something that makes the spec unusable; `path` leads to the offending key or item."""
        line = self._line_of(path) if self._line_of is not None else 0
        self._problems.append((line, f"{self.where(path)}: {message}", remedy))

    def note(self, message: str) -> None:
        """Something the user should know; once, however often it is found."""
        if message not in self._notes:
            self._notes.append(message)

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def where(self, path: KeyPath) -> str:
        """``selected.yaml, line 7``, ``--set setting.binWidth=x``, or what is known of it."""
        for depth in range(len(path), 0, -1):
            if path[:depth] in self._overrides:
                return f"--set {self._overrides[path[:depth]]}"
        if self._line_of is not None and path:
            return f"{self._source}, line {self._line_of(path)}"
        return f"{self._source}, {dotted(path)}" if path else self._source

    def raise_any(self) -> None:
        """Raise one `SpecError` that tells every problem, line by line, if there is one."""
        if not self._problems:
            return
        in_order = sorted(self._problems, key=lambda problem: problem[0])
        *others, last = [SpecError(message, remedy) for _, message, remedy in in_order]
        raise SpecError("\n".join([*map(str, others), last.message]), last.remedy)


def dotted(path: KeyPath) -> str:
    """A key path as ``--set`` writes it: ``imageType.LoG.sigma``."""
    return ".".join(map(str, path))


def shown(value: Any) -> str:
    """A value as it stands in YAML, cut short."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def mapping(document: Mapping[Any, Any], key: str, findings: Findings, path: KeyPath = ()) -> dict[Any, Any]:
    """The mapping under `key`; empty where there is none, or where something else stands (a problem)."""
    value = document.get(key, {})
    if isinstance(value, dict):
        return value
    findings.problem(
        (*path, key),
        f"{key} is {shown(value)}, not a mapping",
        f"Write `{key}: {{}}` for none, or `name: value` lines indented below it.",
    )
    return {}
