"""What ``import radstore`` gives: a short list, and nothing heavy."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import radstore

HEAVY = {"torch", "cupy", "dask", "distributed", "SimpleITK", "radiomics", "zarr", "xarray", "pandas", "rich"}
ROOT = Path(__file__).resolve().parents[1]


def modules_after(program: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded."""
    program += "\nimport sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", radstore.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    found = getattr(radstore, name)
    assert name in dir(radstore)
    if name != "__version__":
        assert inspect.getdoc(found)


def test_nothing_else_is() -> None:
    assert {"build", "extract", "open", "diff", "load_spec", "load_catalog"} <= set(radstore.__all__)
    assert not hasattr(radstore, "no_such_name")
    with pytest.raises(AttributeError, match="module 'radstore' has no attribute 'opne'"):
        _ = radstore.opne  # type: ignore[attr-defined]


def test_names_are_what_they_say() -> None:
    from radstore.store.query import open_store

    assert radstore.open is open_store
    assert radstore.build.build.__module__ == "radstore.build.api"
    assert radstore.extract.extract.__module__ == "radstore.extract"


def test_import_is_light() -> None:
    loaded = modules_after("import radstore")
    assert not loaded & (HEAVY | {"numpy"})


def test_specs_and_catalogs_are_light() -> None:
    assert not modules_after("import radstore; radstore.load_spec, radstore.load_catalog") & HEAVY


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert radstore.__version__ == project["version"]


def test_imports_run_one_way() -> None:
    """pipelines → fusion → radstore, never back."""
    for folder, above in (("radstore", ("fusion", "pipelines")), ("fusion", ("pipelines",))):
        for file in (ROOT / folder).rglob("*.py"):
            for name in above:
                text = file.read_text(encoding="utf-8")
                assert f"import {name}" not in text, file
                assert f"from {name}" not in text, file
