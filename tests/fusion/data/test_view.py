"""The view: one small file that says what of a store is read."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fusion.data.view import FILE, Member, View
from fusion.inputs import Inputs
from fusion.recipe import Channel, Recipe
from fusion.roi import Roi
from radstore.errors import BadInput
from radstore.store import layout, log
from radstore.store.blocks import CODEC
from radstore.store.bucket import open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.query import Snapshot, open_store

FAILED = Entry("1" * 64, "failed", error={"step": "sample", "message": "no region", "remedy": "give it one"})
RECIPE = Recipe(
    stage=2,
    fold=1,
    inputs=Inputs("ct+maps"),
    roi=Roi("box", (1.0, 2.0, 3.0)),
    maps=(Channel("a", 0.1, 0.2),),
    spec={"features": ["a"]},
)
VIEW = View(
    "/store", 3, "stage2-fold1", RECIPE, {"a": Member("P1", 0), "b": Member("P2")}, {"c": "no region"}
)


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """Cases a and b whose samples failed, c without one."""
    bucket = open_bucket(tmp_path / "store")
    layout.create(bucket, CODEC)
    records = {
        "b": CaseRecord({"patient": "P"}, {"training/stage1": FAILED}, {"fold": 2}),
        "c": CaseRecord({}, {"image": replace(FAILED, key="2" * 64)}),
    }
    log.commit(bucket, {case: Change(None, record) for case, record in records.items()})
    return open_store(tmp_path / "store")


def test_there_and_back(tmp_path: Path) -> None:
    path = VIEW.save(tmp_path / "new" / "folder")
    assert View.load(path.parent) == VIEW
    assert [file.name for file in path.parent.iterdir()] == [FILE] == ["view.json"]
    assert VIEW.block == "training/stage2-fold1"


def test_saving_again_replaces(tmp_path: Path) -> None:
    VIEW.save(tmp_path)
    replace(VIEW, version=4).save(tmp_path)
    assert View.load(tmp_path).version == 4


def test_nnunet_sees_one_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its look into the folder could not tell which dataset class that is."""
    from fusion.data.dataset import StoreDataset, nnUNetBaseDataset

    module = sys.modules[nnUNetBaseDataset.__module__]
    monkeypatch.setitem(module.file_ending_dataset_mapping, "json", StoreDataset)
    VIEW.save(tmp_path)
    assert module.infer_dataset_class(str(tmp_path)) is StoreDataset
    assert StoreDataset.get_identifiers(str(tmp_path)) == ["a", "b"]


def test_without_any_sample(snapshot: Snapshot) -> None:
    with pytest.raises(BadInput, match=r"no case has training/stage1") as told:
        View.of(snapshot, "stage1", RECIPE)
    assert "fusion plan" in told.value.remedy


def test_who_failed_is_left_out(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    fine = CaseRecord({"patient": "P"}, {"training/stage1": Entry("3" * 64)}, {"fold": 1})
    cases = {**dict(snapshot.manifest.items()), "a": fine, "d": replace(fine, info={}, marks={})}
    monkeypatch.setattr(type(snapshot.manifest), "items", lambda _: iter(sorted(cases.items())))
    view = View.of(snapshot, "stage1", RECIPE)
    assert view.cases == {"a": Member("P", 1), "d": Member("d", None)}
    assert view.left_out == {"b": "no region"}
    assert (view.store, view.version) == (snapshot.bucket.location, 1)
    assert view.open().version == snapshot.version


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"view\.json: no view"):
        View.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("format", 2),
        ("format", None),
        ("cases", []),
        ("recipe", {}),
        ("more", 1),
        ("cases", {"a": {"fold": 1}}),
    ],
)
def test_others_are_refused(tmp_path: Path, change: str, value: Any) -> None:
    path = VIEW.save(tmp_path)
    known = json.loads(path.read_text())
    path.write_text(json.dumps(known | {change: value}))
    with pytest.raises(BadInput, match="not a view of format 1") as told:
        View.load(tmp_path)
    assert "fusion train" in told.value.remedy


@pytest.mark.parametrize("text", ["", "{", "[]", '"view"'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(BadInput, match=r"view\.json"):
        View.load(tmp_path)
