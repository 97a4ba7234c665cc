"""catalog.yaml becomes a `Catalog`; what is wrong with it is told by line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from radstore.catalog.catalog import Catalog
from radstore.catalog.drivers import DRIVERS, arguments
from radstore.catalog.model import Region, Source
from radstore.errors import CatalogError
from radstore.suggest import suggest
from radstore.yaml_file import KeyPath, LineOf, load_yaml

DEFAULT_STORE = "./store"

_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_REGION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def load_catalog(path: str | Path) -> Catalog:
    """Read and check a catalog.yaml. No data file is looked at yet.

    Parameters
    ----------
    path
        The file. ``{{ CATALOG_DIR }}`` in it stands for its folder, to which relative paths refer.

    Raises
    ------
    CatalogError
        If it is missing, no YAML, or has an unknown key or a value that cannot be one, with the line.
    """
    path = Path(path).expanduser().absolute()
    document, line_of = load_yaml(path, CatalogError)
    return _Reader(path, line_of).catalog(document)


class _Reader:
    """One catalog.yaml; `at` is always the key path of what is looked at, for the line in messages."""

    def __init__(self, path: Path, line_of: LineOf) -> None:
        self.path = path
        self.line_of = line_of

    def catalog(self, document: Any) -> Catalog:
        top = self._mapping(self._filled(document, ()), (), "the file")
        self._keys(top, ("store", "sources"), ())
        sources = self._mapping(top.get("sources"), ("sources",), "sources")
        if not sources:
            self._refuse("there are no sources", "Name at least one under sources:.", ("sources",))
        read = {str(name): self._source(str(name), value) for name, value in sources.items()}
        return Catalog(self.path, self._store(top.get("store", DEFAULT_STORE)), read)

    def _store(self, value: Any) -> str:
        if not isinstance(value, str) or not value:
            self._refuse(
                f"store is {value!r}", "Give a path or a URL such as s3://bucket/prefix.", ("store",)
            )
        if "://" in value:
            return value
        return str(self.path.parent / Path(value).expanduser())

    def _source(self, name: str, value: Any) -> Source:
        at: KeyPath = ("sources", name)
        source = self._mapping(value, at, f"the source {name!r}")
        self._keys(source, ("driver", "args", "regions"), at)
        driver = source.get("driver")
        if not isinstance(driver, str) or driver not in DRIVERS:
            said = f"there is no driver {driver!r}" if driver else "it names no driver"
            remedy = suggest(driver or "", DRIVERS, "The drivers are")
            self._refuse(f"source {name!r}: {said}", remedy, (*at, "driver"))
        args = self._mapping(source.get("args", {}), (*at, "args"), "args")
        self._keys(args, arguments(driver), (*at, "args"))
        regions = self._mapping(source.get("regions", {}), (*at, "regions"), "regions")
        read = {str(key): self._region(key, region, (*at, "regions")) for key, region in regions.items()}
        return Source(name, driver, args, read)

    def _region(self, name: Any, value: Any, above: KeyPath) -> Region:
        at = (*above, str(name))
        if not _REGION_NAME.fullmatch(str(name)) or str(name).startswith("label-"):
            self._refuse(
                f"{str(name)!r} cannot be the name of a region",
                "Use letters, digits, '_', '-' and '.'; names that begin with 'label-' are taken.",
                at,
            )
        labels = None
        if isinstance(value, Mapping):
            self._keys(value, ("labels", "values"), at)
            labels, value = value.get("labels"), value.get("values")
            if labels is not None and not isinstance(labels, str):
                self._refuse(f"labels is {labels!r}", "Give the name of a label image.", (*at, "labels"))
        values = value if isinstance(value, list) else [value]
        if not values or any(type(v) is not int or v == 0 for v in values):
            self._refuse(
                f"region {name!r} is {value!r}",
                "Give a list of label values: whole numbers, without 0, which is the background.",
                at,
            )
        return Region(tuple(values), labels)

    def _filled(self, value: Any, at: KeyPath) -> Any:
        """`value` with every ``{{ CATALOG_DIR }}`` in its strings replaced."""
        if isinstance(value, dict):
            return {key: self._filled(inner, (*at, str(key))) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner, (*at, i)) for i, inner in enumerate(value)]
        if not isinstance(value, str):
            return value
        for name in _VARIABLE.findall(value):
            if name != "CATALOG_DIR":
                self._refuse(f"there is no {{{{ {name} }}}}", "The one variable is {{ CATALOG_DIR }}.", at)
        return _VARIABLE.sub(lambda _: str(self.path.parent), value)

    def _mapping(self, value: Any, at: KeyPath, what: str) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._refuse(f"{what} is {value!r}, not a mapping", "Write `key: value` lines under it.", at)
        return value

    def _keys(self, mapping: Mapping[str, Any], known: Sequence[str], at: KeyPath) -> None:
        for key in mapping:
            if key not in known:
                where = (*at, str(key))
                self._refuse(f"unknown key {str(key)!r}", suggest(key, known, "Known are"), where)

    def _refuse(self, message: str, remedy: str, at: KeyPath) -> NoReturn:
        raise CatalogError(f"{self.path}, line {self.line_of(at)}: {message}", remedy)
