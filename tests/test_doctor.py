from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path
from typing import Any

from radstore import doctor
from radstore.engines import registry


def test_diagnosis(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctor.diagnose()
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.cores >= 1
    assert 0 < found.free_memory_gb < 1e5
    assert found.free_disk_gb > 0
    assert list(found.engines) == ["cuda", "cpu", "pyradiomics"]
    assert found.engines["cpu"] == found.engines["pyradiomics"] == "ok"
    versions = {package.name: package.version for package in found.packages}
    assert versions["numpy"] == importlib.import_module("numpy").__version__
    assert versions["pyradiomics-bhklab"]


def test_what_is_not_there(monkeypatch: Any) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", {"no-such-package": "nothing at all"})
    monkeypatch.setitem(registry.ENGINES, "quantum", "radstore.no_such_module:Quantum")
    found = doctor.diagnose()
    assert found.packages == (doctor.Package("no-such-package", None, "nothing at all"),)
    assert found.engines["quantum"] == "No module named 'radstore.no_such_module'"


def test_every_core_dependency_is_looked_at() -> None:
    """Whoever adds a dependency that can be missing or old says here what it is for."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    names = {
        "".join(c if c.isalnum() or c in "-_" else " " for c in d).split()[0] for d in project["dependencies"]
    }
    plain = {"scipy", "scikit-learn", "pandas", "pydantic", "pyyaml", "typer", "rich", "matplotlib"}
    assert names - {"dask"} - plain <= set(doctor.PACKAGES)
