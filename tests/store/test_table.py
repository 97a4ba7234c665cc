"""The feature table: the union of what the cases have, the right coords, cached once."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.errors import StoreError
from radstore.store import blocks, layout, local, log, table
from radstore.store.bucket import Bucket
from radstore.store.manifest import CaseRecord, Entry, Manifest
from radstore.store.table import feature_table, views_of

MEAN, ENERGY, GLCM = (
    "original_firstorder_Mean",
    "wavelet-LLH_firstorder_Energy",
    "log-sigma-4-0-mm-3D_glcm_Imc1",
)
FAILED = Entry("key", "failed", error={"step": "read", "message": "truncated", "remedy": "again"})
VIEW = "selected@pancreas"


@pytest.fixture
def add(make: Any) -> Callable[..., None]:
    """Commit a case's vector in the view, with these columns."""

    def commit(case: str, values: dict[str, float], /, view: str = VIEW, **info: Any) -> None:
        before = make.now(case)
        entry = make.vector(case, values, salt=view)
        record = CaseRecord(
            {"patient": f"P-{case}", "source": "demo", **info},
            {**(before.blocks if before else {}), f"features/{view}": entry},
        )
        assert make.commit(case, record, build={"view": view}).written

    return commit


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders of the blocks that were read."""
    seen: list[str] = []
    real = blocks.load

    def load(bucket: Bucket, folder: str) -> Any:
        seen.append(folder)
        return real(bucket, folder)

    monkeypatch.setattr(blocks, "load", load)
    return seen


def the_table(bucket: Bucket, view: str = VIEW) -> Any:
    return feature_table(bucket, log.head(bucket), view)


def test_cases_by_features(make: Any, add: Callable[..., None]) -> None:
    add("b", {MEAN: 3.0, ENERGY: np.nan})
    add("a", {MEAN: 1.0, ENERGY: 2.0})
    found = the_table(make.bucket)
    assert found["value"].dims == ("case", "feature")
    assert found["value"].dtype == np.float64
    assert found["case"].values.tolist() == ["a", "b"]
    assert found["feature"].values.tolist() == [MEAN, ENERGY]
    np.testing.assert_array_equal(found["value"], [[1.0, 2.0], [3.0, np.nan]])
    assert found["patient"].sel(case="b").item() == "P-b"
    assert found["source"].values.tolist() == ["demo", "demo"]
    assert (found.attrs["view"], found.attrs["version"]) == (VIEW, 2)
    assert found.attrs["store"] == make.bucket.location


def test_names_are_taken_apart(make: Any, add: Callable[..., None]) -> None:
    add("a", {MEAN: 1.0, ENERGY: 2.0, GLCM: 3.0})
    found = the_table(make.bucket)
    assert found["image_type"].values.tolist() == ["original", "wavelet-LLH", "log-sigma-4-0-mm-3D"]
    assert found["feature_class"].values.tolist() == ["firstorder", "firstorder", "glcm"]
    assert found["feature_name"].values.tolist() == ["Mean", "Energy", "Imc1"]
    assert found["value"].sel(feature=found["feature_class"] == "glcm").values.tolist() == [[3.0]]


def test_the_union_of_all_features(make: Any, add: Callable[..., None]) -> None:
    add("a", {MEAN: 1.0, ENERGY: 2.0})
    add("b", {GLCM: 5.0, MEAN: 4.0})
    add("c", {})
    found = the_table(make.bucket)
    assert found["feature"].values.tolist() == [MEAN, ENERGY, GLCM]
    np.testing.assert_array_equal(
        found["value"], [[1.0, 2.0, np.nan], [4.0, np.nan, 5.0], [np.nan, np.nan, np.nan]]
    )


def test_columns_have_the_types_they_look_like(make: Any, add: Callable[..., None]) -> None:
    add("a", {MEAN: 1.0}, age=50, bmi=20.5, pdac=True, site="x", only_a=1, mixed=1, maybe=True)
    add("b", {MEAN: 1.0}, age=60, bmi=21, pdac=False, site=None, mixed="two", empty=None, maybe=None)
    found = the_table(make.bucket)
    assert {name: found[name].dtype.kind for name in ("age", "bmi", "pdac", "site")} == {
        "age": "i",
        "bmi": "f",
        "pdac": "b",
        "site": "U",
    }
    np.testing.assert_array_equal(found["only_a"], [1.0, np.nan])
    assert found["site"].values.tolist() == ["x", ""]
    assert found["mixed"].values.tolist() == ["1", "two"]
    assert found["maybe"].values.tolist() == ["True", ""]
    assert found["empty"].values.tolist() == ["", ""]


@pytest.mark.parametrize("name", ["case", "feature", "value", "spec", "image_type", "feature_name"])
def test_a_column_does_not_take_the_place_of_ours(make: Any, add: Callable[..., None], name: str) -> None:
    add("a", {MEAN: 1.0}, **{name: "theirs"})
    found = the_table(make.bucket)
    assert found[f"table_{name}"].values.tolist() == ["theirs"]
    assert found["feature"].values.tolist() == [MEAN]
    assert found["image_type"].values.tolist() == ["original"]


def test_failed_cases_and_cases_without_the_view_are_not_in_it(make: Any, add: Callable[..., None]) -> None:
    add("a", {MEAN: 1.0})
    add("other", {MEAN: 2.0}, view="another")
    make.commit("failed", make.record("failed", **{f"features__{VIEW}": FAILED}))
    make.commit("bare", make.record("bare"))
    assert the_table(make.bucket)["case"].values.tolist() == ["a"]
    assert views_of(Manifest(make.bucket, log.head(make.bucket).manifest)) == {"another": 1, VIEW: 1}


def test_a_view_that_is_not_there(make: Any, add: Callable[..., None]) -> None:
    add("a", {MEAN: 1.0})
    with pytest.raises(StoreError, match=r"no view 'selcted' \(views: selected@pancreas\)"):
        the_table(make.bucket, "selcted")


def test_the_table_is_gathered_once(make: Any, add: Callable[..., None], loads: list[str]) -> None:
    add("a", {MEAN: 1.0})
    add("b", {MEAN: 2.0})
    first = the_table(make.bucket)
    assert len(loads) == 2
    again = the_table(make.bucket)
    assert again.identical(first)
    assert len(loads) == 3
    assert loads[-1] == layout.table_folder(log.head(make.bucket).manifest, VIEW)


def test_a_new_version_reads_only_what_is_new(make: Any, add: Callable[..., None], loads: list[str]) -> None:
    for case in "abcd":
        add(case, {MEAN: float(ord(case)), ENERGY: np.nan})
    the_table(make.bucket)
    loads.clear()
    add("b", {MEAN: 0.0, ENERGY: 7.0})
    make.commit("c", None)
    found = the_table(make.bucket)
    assert len([folder for folder in loads if folder.startswith(layout.OBJECTS)]) == 1
    np.testing.assert_array_equal(found["value"], [[97.0, np.nan], [0.0, 7.0], [100.0, np.nan]])


def test_an_earlier_table_changes_nothing(make: Any, add: Callable[..., None], root: Path) -> None:
    """What a table holds follows from its version alone, not from which tables were made before."""
    add("a", {MEAN: 1.0})
    add("b", {ENERGY: 2.0, MEAN: 3.0})
    the_table(make.bucket)
    make.commit("b", None)
    found = the_table(make.bucket)
    assert found["feature"].values.tolist() == [MEAN]  # nobody has the other any more
    folder = layout.table_folder(log.head(make.bucket).manifest, VIEW)
    digest = blocks.find(make.bucket, folder)
    for stat in list(make.bucket.list(layout.TABLES)):
        make.bucket.delete(stat.path)
    assert the_table(make.bucket).identical(found)
    assert blocks.find(make.bucket, folder) == digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_a_table_that_gc_is_taking_is_not_used(make: Any, add: Callable[..., None], root: Path) -> None:
    add("a", {MEAN: 1.0})
    the_table(make.bucket)
    (chunk,) = root.glob("cache/tables/*/*/*.zarr/table/c/0/0")
    chunk.unlink()
    add("b", {MEAN: 2.0})
    assert the_table(make.bucket)["value"].values.tolist() == [[1.0], [2.0]]


def test_a_store_that_cannot_be_written_still_answers(
    make: Any, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    add("a", {MEAN: 1.0})

    def refuse(path: Path, data: bytes) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(local, "_write_synced", refuse)
    for _ in range(2):
        assert the_table(make.bucket)["value"].values.tolist() == [[1.0]]
    assert list(make.bucket.list(layout.TABLES)) == []


def test_on_an_object_store(s3: Callable[[], str], maker: Callable) -> None:
    from radstore.store.bucket import open_bucket

    make = maker(open_bucket(s3()))
    for case in "ab":
        make.commit(case, make.record(case, features__v=make.vector(case, {MEAN: float(ord(case))})))
    for _ in range(2):
        assert the_table(make.bucket, "v")["value"].values.tolist() == [[97.0], [98.0]]
    assert table.FEATURES == "features/"


def test_marks_are_coords_and_hide_the_tables_columns(make: Any, add: Callable[..., None]) -> None:
    for case in "ab":
        add(case, {MEAN: 1.0}, fold="theirs")
    before = make.now("a")
    assert make.commit("a", CaseRecord(before.info, before.blocks, {"fold": 1})).written
    found = the_table(make.bucket)
    np.testing.assert_array_equal(found["fold"], [1.0, np.nan])
    assert found["table_fold"].values.tolist() == ["theirs", "theirs"]
    add("c", {MEAN: 1.0}, view="v@r", fold="theirs")  # no case of this view has the mark
    assert "fold" not in the_table(make.bucket, "v@r").coords
