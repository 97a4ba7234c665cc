"""xarray opens a store without knowing us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from radstore.errors import StoreError
from radstore.store import log
from radstore.store.query import open_store


@pytest.fixture
def root(make: Any, tmp_path: Path) -> Path:
    for case in "ab":
        make.commit(case, make.record(case, features__v=make.vector(case, {"original_firstorder_Mean": 1.0})))
    log.tag(make.bucket, "first", log.read(make.bucket, 1))
    make.commit("c", make.record("c", features__w=make.vector("c")))
    return tmp_path / "store"


def test_the_engine_is_known() -> None:
    assert "radstore" in xr.backends.list_engines()


@pytest.mark.parametrize("kind", [str, Path])
def test_open_dataset(root: Path, kind: type) -> None:
    with xr.open_dataset(kind(root), engine="radstore", view="v") as found:
        assert found.identical(open_store(root).table("v"))


def test_version_and_view(root: Path) -> None:
    assert xr.open_dataset(root, engine="radstore", version="first").sizes["case"] == 1
    assert xr.open_dataset(root, engine="radstore", version=2).sizes["case"] == 2
    assert xr.open_dataset(root, engine="radstore", view="w")["case"].values.tolist() == ["c"]
    with pytest.raises(StoreError, match="no default view"):
        xr.open_dataset(root, engine="radstore")


def test_xarray_guesses_it(root: Path) -> None:
    assert xr.open_dataset(str(root), version=1).sizes["case"] == 1


def test_it_does_not_claim_what_is_not_ours(tmp_path: Path) -> None:
    backend = xr.backends.list_engines()["radstore"]
    assert not backend.guess_can_open(tmp_path)
    assert not backend.guess_can_open(b"bytes")


def test_dropped_variables(root: Path) -> None:
    found = xr.open_dataset(root, engine="radstore", version=1, drop_variables="patient")
    assert "patient" not in found.coords
