"""`split` on a store of cases without blocks, and on a catalog that was never built."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import radstore
from radstore.catalog import Case, Catalog
from radstore.errors import BadInput, ConflictError
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume
from radstore.split import split
from radstore.split.stored import stored_folds
from radstore.store import layout, log
from radstore.store.blocks import CODEC
from radstore.store.bucket import open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Manifest


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., Path]:
    """A store of cases: two studies for every third patient, half of them label 1, with a size column."""

    def make(patients: int = 30, **columns: Any) -> Path:
        bucket = open_bucket(tmp_path / "store")
        layout.create(bucket, CODEC)
        changes = {}
        for n in range(patients):
            for study in range(2 if n % 3 == 0 else 1):
                info = {"patient": f"P{n:02d}", "label": n % 2, "size": 700 * (n % 5) if n % 2 else None}
                changes[f"P{n:02d}_{study}"] = Change(None, CaseRecord({**info, **columns}))
        log.commit(bucket, changes)
        return tmp_path / "store"

    return make


def records(store: Path) -> dict[str, CaseRecord]:
    bucket = open_bucket(store)
    return dict(Manifest(bucket, log.head(bucket).manifest).items())


def set_columns(store: Path, case: str, **columns: Any) -> None:
    before = records(store)[case]
    after = CaseRecord({**before.info, **columns}, before.blocks, before.marks)
    assert log.commit(open_bucket(store), {case: Change(before, after)}).written


def test_a_split_is_a_commit_with_its_provenance(store: Callable[..., Path]) -> None:
    root = store()
    report = split(root, k=5, seed=3, size_column="size", message="five folds")
    head = log.head(open_bucket(root))
    assert (report.written, report.version, head.message) == (True, head, "five folds")
    said = head.marks["fold"]
    assert said == dict(report.provenance)
    assert {name: said[name] for name in ("k", "seed", "label", "size", "cases", "patients")} == {
        **{"k": 5, "seed": 3, "label": "label", "size": "column size", "cases": 40, "patients": 30}
    }
    marks = {case: record.marks for case, record in records(root).items()}
    assert {case: mark["fold"] for case, mark in marks.items()} == report.folds
    assert {mark["split"] for mark in marks.values()} == {said["hash"][:12]}
    assert sum(report.patients.values()) == 30
    assert radstore.open(root).case("P00_0").marks["fold"] == report.folds["P00_0"]


def test_the_same_split_again_changes_nothing(store: Callable[..., Path]) -> None:
    root = store()
    first, again = split(root, size_column="size"), split(root, size_column="size")
    assert first.written
    assert not again.written
    assert again.version == first.version
    assert again.folds == first.folds
    assert split(root, size_column="size", seed=1).folds != first.folds


def test_counts_are_even(store: Callable[..., Path]) -> None:
    counts = split(store(60), k=3).counts
    assert set(counts) == {"label 0", "label 1"}
    for folds in counts.values():
        assert max(folds.values()) - min(folds.values()) <= 2


def test_check_reads_what_is_stored(store: Callable[..., Path]) -> None:
    root = store()
    made = split(root, k=4)
    checked = split(root, check=True)
    assert not checked.written
    assert (checked.folds, checked.counts) == (made.folds, made.counts)


def test_check_without_folds(store: Callable[..., Path]) -> None:
    with pytest.raises(BadInput, match=r"version 1: no case has a fold\n.*radstore split"):
        split(store(), check=True)


def test_check_finds_a_patient_who_got_another_study_elsewhere(store: Callable[..., Path]) -> None:
    """A patient column corrected after the split can tear a patient apart."""
    root = store()
    folds = split(root, k=3).folds
    other = next(case for case in folds if folds[case] != folds["P00_0"])
    set_columns(root, other, patient="P00")
    with pytest.raises(BadInput, match=r"1 patient is in more than one fold: P00 \("):
        split(root, check=True)


def test_without_a_label(store: Callable[..., Path]) -> None:
    root = store()
    set_columns(root, "P01_0", label=None)
    report = split(root)
    assert "P01_0" in report.folds
    assert any(note.startswith("1 case (P01_0) without a label") for note in report.notes)


def test_a_rare_label_is_said_without_a_warning(store: Callable[..., Path]) -> None:
    root = store()
    set_columns(root, "P01_0", label="rare")
    report = split(root, k=3)
    assert any("no case with label rare in fold" in note for note in report.notes)


@pytest.mark.parametrize(
    ("columns", "keywords", "says"),
    [
        ({}, {"label": "lable"}, "has no column 'lable'\n.*Did you mean 'label'"),
        ({}, {"size_column": "sizes"}, "has no column 'sizes'\n.*Did you mean 'size'"),
        ({"size": "large"}, {"size_column": "size"}, "case P00_0: the lesion's size .* is 'large'"),
        ({"size": -1}, {"size_column": "size"}, "is -1"),
        ({"label": None}, {}, "no case has a value in the column 'label'"),
        ({}, {"size_region": "lesion"}, "no catalog says where the label images are"),
        ({}, {"size_region": "lesion", "size_column": "size"}, "Name one"),
        ({}, {"k": 31}, "31 folds need at least 31 patients, there are 30"),
    ],
)
def test_bad_input(store: Callable[..., Path], columns: Any, keywords: Any, says: str) -> None:
    root = store(**columns)
    with pytest.raises(BadInput, match=says):
        split(root, **keywords)
    assert log.head(open_bucket(root)).number == 1


def test_a_column_that_is_no_class(store: Callable[..., Path]) -> None:
    root = store()
    for n, case in enumerate(records(root)):
        set_columns(root, case, label=n + 0.5)
    with pytest.raises(BadInput, match="has 40 different values"):
        split(root)


def test_import(store: Callable[..., Path], tmp_path: Path) -> None:
    root = store()
    made = split(root, k=3).folds
    file = tmp_path / "mine.csv"
    chosen = {case: fold for case, fold in made.items() if not case.startswith("P05")}
    file.write_text("case,fold\nother,1\n" + "".join(f"{case},{fold}\n" for case, fold in chosen.items()))
    report = split(root, from_file=file)
    assert report.folds == chosen
    assert "fold" not in records(root)["P05_0"].marks
    assert any("for 1 case (other) not here" in note for note in report.notes)
    assert any("no fold for 1 case (P05_0)" in note for note in report.notes)
    assert report.provenance["file"] == "mine.csv"


def test_import_of_folds_that_tear_a_patient(store: Callable[..., Path], tmp_path: Path) -> None:
    root, file = store(), tmp_path / "splits_final.json"
    file.write_text(json.dumps([{"train": [], "val": ["P00_0"]}, {"train": [], "val": ["P00_1", "P01_0"]}]))
    with pytest.raises(BadInput, match=r"1 patient .*: P00 \(fold 0: P00_0, fold 1: P00_1\)"):
        split(root, from_file=file)
    assert log.head(open_bucket(root)).number == 1


def test_import_of_other_ids(store: Callable[..., Path], tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("case,fold\nx,1\n")
    with pytest.raises(BadInput, match=r"none of the cases: it has 1 case \(x\)"):
        split(store(), from_file=file)


def test_two_splits_at_once(store: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is refused, and what stands is the first."""
    root, real = store(), log.commit
    first = {}

    def commit(*args: Any, **keywords: Any) -> Any:
        monkeypatch.setattr(log, "commit", real)
        first.update(split(root, seed=1).folds)
        return real(*args, **keywords)

    monkeypatch.setattr(log, "commit", commit)
    with pytest.raises(ConflictError, match="run `radstore split` again"):
        split(root, seed=2)
    rows = {case: {"patient": r.info["patient"], **r.marks} for case, r in records(root).items()}
    assert {case: row["fold"] for case, row in rows.items()} == first


def test_folds_of_two_splits_are_refused() -> None:
    rows = {"a": {"patient": "A", "fold": 0, "split": "x"}, "b": {"patient": "B", "fold": 1, "split": "y"}}
    with pytest.raises(BadInput, match=r"come from 2 splits: x .as a., y .as b."):
        stored_folds(rows, "here")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Eight cases with label images: case n has a lesion of 60·n voxels, the last cannot be read."""
    grid = Geometry((10, 10, 10))
    for n in range(8):
        labels = np.zeros(1000, np.uint8)
        labels[: 60 * n] = 1
        write_volume(Volume(labels.reshape(10, 10, 10), grid), tmp_path / "labels" / f"c{n}.nii.gz")
        write_volume(Volume(np.zeros((10, 10, 10), np.int16), grid), tmp_path / "images" / f"c{n}.nii.gz")
    (tmp_path / "labels" / "c7.nii.gz").write_bytes(b"nothing")
    (tmp_path / "table.csv").write_text("id,label\n" + "".join(f"c{n},{n % 2}\n" for n in range(8)))
    (tmp_path / "catalog.yaml").write_text(
        "store: ./store\nsources:\n  mine:\n    driver: files\n    args: {image: 'images/{case}.nii.gz', "
        "labels: 'labels/{case}.nii.gz', table: table.csv, case_column: id}\n    regions: {lesion: [1]}\n"
    )
    return radstore.load_catalog(tmp_path / "catalog.yaml")


def test_a_catalog_that_was_never_built(catalog: Catalog, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = split(catalog=catalog, k=2, progress=lambda *at: seen.append(at))
    marks = {case: record.marks for case, record in records(tmp_path / "store").items()}
    assert {case: mark.get("lesion_voxels") for case, mark in marks.items()} == {
        **{f"c{n}": 60 * n for n in range(7)},
        "c7": None,
    }
    assert seen[-1] == (8, 8)
    assert report.provenance["size"] == "region lesion"
    assert any("1 case (c7) could not be counted" in note for note in report.notes)
    assert split(tmp_path / "store", k=2).provenance["size"] == "counted by an earlier split"


def test_one_source_of_a_catalog(catalog: Catalog, tmp_path: Path) -> None:
    """The other one's cases are neither split nor read, until they are asked for."""
    second = (
        "  more:\n    driver: files\n    args: {image: 'more/{case}.nii.gz', labels: 'more/{case}.nii.gz'}\n"
    )
    both = tmp_path / "catalog.yaml"
    both.write_text(both.read_text() + second)
    for n in range(2):
        write_volume(
            Volume(np.zeros((4, 4, 4), np.int16), Geometry((4, 4, 4))), tmp_path / f"more/d{n}.nii.gz"
        )
    seen: list[tuple[int, int]] = []
    first = split(catalog=both, source="mine", k=2, progress=lambda *at: seen.append(at))
    assert sorted(first.folds) == [f"c{n}" for n in range(8)]
    assert seen[-1] == (8, 8)
    assert len(split(catalog=both, source="more", k=2).folds) == 10
    with pytest.raises(BadInput, match=r"has no source 'min'.*\n.*Did you mean 'mine'"):
        split(catalog=both, source="min", k=2)
    with pytest.raises(BadInput, match=r"source 'mine' of no catalog\n.*--catalog"):
        split(tmp_path / "store", source="mine", k=2)


def test_an_unknown_region(catalog: Catalog) -> None:
    with pytest.raises(BadInput, match=r"defines no region 'lesoin'\n.*Did you mean 'lesion'"):
        split(catalog=catalog, size_region="lesoin")


def test_a_new_patient_column_reaches_the_split(catalog: Catalog, tmp_path: Path) -> None:
    split(catalog=catalog, k=2)
    columns = records(tmp_path / "store")["c1"].info
    assert columns["label"] == 1
    assert isinstance(catalog.cases()[0], Case)
