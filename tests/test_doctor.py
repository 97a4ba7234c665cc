"""What is installed here, and which engines work."""

from __future__ import annotations

import platform
from importlib import metadata

import pytest

import radstore
from radstore.doctor import PACKAGES, diagnose
from radstore.engines import registry
from radstore.engines.registry import OK
from radstore.errors import EngineError


def test_this_machine() -> None:
    found = diagnose()
    assert (found.radstore, found.python) == (radstore.__version__, platform.python_version())
    assert found.cores >= 1
    assert 0 < found.free_memory_gb < 1e6
    assert found.free_disk_gb > 0
    assert found.engines["pyradiomics"] == OK
    versions = {package.name: package.version for package in found.packages}
    assert list(versions) == list(PACKAGES)
    assert versions["numpy"] == metadata.version("numpy")
    assert all(package.purpose for package in found.packages)


def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radstore.doctor.PACKAGES", {"no-such-package": "nothing"})
    (package,) = diagnose().packages
    assert (package.name, package.version) == ("no-such-package", None)


def test_an_engine_that_does_not_work_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise EngineError(f"{name} needs a driver", "install one")

    monkeypatch.setattr(registry, "_make", broken)
    assert diagnose().engines == {"pyradiomics": "pyradiomics needs a driver"}


def test_every_dependency_that_is_named_exists() -> None:
    """A misspelt distribution would be reported as missing for ever."""
    optional = {"trimesh", "torch", "pyarrow"}
    missing = {package.name for package in diagnose().packages if package.version is None}
    assert missing <= optional
