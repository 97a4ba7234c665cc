"""Paths with fields: ``batch_*/{case}/{case}_0000.nii.gz`` says which files there are and whose they are.

``{case}`` and ``{patient}`` stand for one or more characters of a name, everywhere the same; ``*`` for any
characters of a name; ``**`` for any number of folders. Wildcards take as little as they can. Everything else
is literal. Hidden files (``.DS_Store``, ``._x.nii.gz``) are seen only where the pattern begins with a dot.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from radstore.errors import CatalogError
from radstore.suggest import suggest

FIELDS = ("case", "patient")

_TOKEN = re.compile(r"(\{[^{}/]*\}|\*\*|\*)")


@dataclass(frozen=True)
class Match:
    """One path that fits, and what its fields stand for there."""

    path: Path
    fields: Mapping[str, str]


class Folders:
    """Folder listings, read once each: a cohort's label patterns look into the same few folders."""

    def __init__(self) -> None:
        self._names: dict[Path, list[str]] = {}

    def names(self, folder: Path, prefix: str = "") -> list[str]:
        """Sorted names in `folder` that begin with `prefix`; none if it is no readable folder."""
        if folder not in self._names:
            try:
                self._names[folder] = sorted(entry.name for entry in folder.iterdir())
            except (FileNotFoundError, NotADirectoryError):
                self._names[folder] = []
            except OSError as e:
                raise CatalogError(f"{folder} cannot be read: {e.strerror}", "Check its permissions.") from e
        names = self._names[folder]
        first = bisect_left(names, prefix)
        stop = next((i for i in range(first, len(names)) if not names[i].startswith(prefix)), len(names))
        return names[first:stop]


class Pattern:
    """A path with fields and wildcards.

    Parameters
    ----------
    text
        As the catalog has it; ``~`` and paths relative to `folder` are resolved. A trailing ``/`` matches
        folders only.
    folder
        The catalog's folder.
    folders
        Shared between the patterns of one search.

    Raises
    ------
    CatalogError
        For an unknown field, or ``**`` within a name.
    """

    def __init__(self, text: str, folder: Path, folders: Folders) -> None:
        self.text = text
        self._folders = folders
        self._only_folders = text.endswith("/")
        path = Path(text).expanduser()
        self._root = folder / path.anchor
        self._parts = path.relative_to(path.anchor).parts
        self.fields = frozenset(token[1:-1] for token in _TOKEN.findall(text) if token[0] == "{")
        for field in self.fields.difference(FIELDS):
            known = suggest(field, FIELDS, "The fields are")
            raise CatalogError(f"the pattern {text!r} has an unknown field {{{field}}}", known)
        if any("**" in part and part != "**" for part in self._parts):
            raise CatalogError(f"the pattern {text!r} has ** within a name", "Write * there, or /**/.")

    def find(self, fields: Mapping[str, str] | None = None) -> list[Match]:
        """Every path that fits, sorted; `fields` that are given must stand for just that."""
        found = {match.path: match for match in self._walk(self._root, 0, fields or {})}
        return [found[path] for path in sorted(found)]

    def filled(self, fields: Mapping[str, str]) -> Path:
        """The pattern's path with `fields` in their places; wildcards stay."""
        parts = (_TOKEN.sub(lambda t: fields.get(t[0][1:-1], t[0]), part) for part in self._parts)
        return self._root.joinpath(*parts)

    def reach(self, fields: Mapping[str, str] | None = None) -> tuple[Path, list[str]]:
        """The deepest folder that exists on the way without wildcards, and the names in it."""
        folder = self._root
        for part in self._parts[:-1]:
            literal, complete = _prefix(part, fields or {})
            if not complete or not (folder / literal).is_dir():
                break
            folder = folder / literal
        return folder, self._folders.names(folder)

    def _walk(self, base: Path, depth: int, fields: Mapping[str, str]) -> Iterator[Match]:
        part, last = self._parts[depth], depth == len(self._parts) - 1
        if part == "**":
            for folder in _tree(base, self._folders):
                yield from self._walk(folder, depth + 1, fields) if not last else [Match(folder, fields)]
            return
        for name, bound in self._named(base, part, fields):
            path = base / name
            if last and (not self._only_folders or path.is_dir()):
                yield Match(path, bound)
            elif not last and path.is_dir():
                yield from self._walk(path, depth + 1, bound)

    def _named(
        self, base: Path, part: str, fields: Mapping[str, str]
    ) -> Iterator[tuple[str, Mapping[str, str]]]:
        """The names in `base` that fit one part of the path, and the fields they bind."""
        literal, complete = _prefix(part, fields)
        if complete:
            if (base / literal).exists():
                yield literal, fields
            return
        regex = _regex(part, fields)
        for name in self._folders.names(base, literal):
            if (match := regex.fullmatch(name)) and name.startswith(".") == part.startswith("."):
                yield name, {**fields, **match.groupdict()}


def _prefix(part: str, fields: Mapping[str, str]) -> tuple[str, bool]:
    """What a part begins with for certain, and whether that is all of it."""
    text = ""
    for token in _TOKEN.split(part):
        if token.startswith("*") or (token.startswith("{") and token[1:-1] not in fields):
            return text, False
        text += fields[token[1:-1]] if token.startswith("{") and token.endswith("}") else token
    return text, True


def _regex(part: str, fields: Mapping[str, str]) -> re.Pattern[str]:
    pieces: list[str] = []
    bound: set[str] = set()
    for token in _TOKEN.split(part):
        field = token[1:-1]
        if token == "*":
            pieces.append(".*?")
        elif not (token.startswith("{") and field in FIELDS):
            pieces.append(re.escape(token))
        elif field in fields:
            pieces.append(re.escape(fields[field]))
        else:
            pieces.append(f"(?P={field})" if field in bound else f"(?P<{field}>.+?)")
            bound.add(field)
    return re.compile("".join(pieces), re.DOTALL)


def _tree(base: Path, folders: Folders) -> Iterator[Path]:
    """`base` and every folder below it, links not followed."""
    yield base
    for name in folders.names(base):
        path = base / name
        if not name.startswith(".") and path.is_dir() and not path.is_symlink():
            yield from _tree(path, folders)
