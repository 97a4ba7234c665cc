"""Cohorts of tiny files; the patterns do not look into them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from radstore.catalog import Catalog, load_catalog


@pytest.fixture
def touch(tmp_path: Path) -> Callable[[Iterable[str]], None]:
    """Make files (or, with a trailing slash, folders) below the catalog's folder."""

    def make(names: Iterable[str]) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(exist_ok=True) if name.endswith("/") else path.write_text("x")

    return make


@pytest.fixture
def catalog(tmp_path: Path) -> Callable[[str], Catalog]:
    """Load a catalog from its text."""

    def load(text: str) -> Catalog:
        path = tmp_path / "catalog.yaml"
        path.write_text(text, encoding="utf-8")
        return load_catalog(path)

    return load
