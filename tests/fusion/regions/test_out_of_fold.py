"""A region of a model that saw its case is refused, whatever way it got there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fusion.regions import region_name, require_out_of_fold
from radstore.canonical import digest_of
from radstore.errors import BadInput
from radstore.images.volume import Geometry, Volume
from radstore.store import blocks, layout, log
from radstore.store.blocks import CODEC, Block
from radstore.store.bucket import open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.query import Snapshot
from radstore.store.regions import StoredRegion, keep_regions

GRID = Geometry((3, 3, 3))
MASK = Volume(np.ones(GRID.shape, np.uint8), GRID)
FOLDS = {"a": 0, "b": 1, "c": 2}


@pytest.fixture
def bucket(tmp_path: Any) -> Any:
    """A store with three cases in three folds, and an external one."""
    made = open_bucket(tmp_path / "store")
    layout.create(made, CODEC)
    records = {
        case: CaseRecord({"patient": f"p-{case}"}, {}, {"fold": fold, "split": "s1"})
        for case, fold in FOLDS.items()
    }
    records["x"] = CaseRecord({"patient": "p-x"})
    log.commit(made, {case: Change(None, record) for case, record in records.items()})
    return made


def keep(bucket: Any, **origins: dict[str, Any]) -> Snapshot:
    regions = {case: StoredRegion(MASK, origin) for case, origin in origins.items()}
    keep_regions(bucket, "stage1-fold0", regions)
    return Snapshot(bucket, log.head(bucket))


def told(*held: int, split: str = "s1") -> dict[str, Any]:
    return {"held_out": list(held), "split": split, "model": "m"}


def check(snapshot: Snapshot, *cases: str, **keywords: Any) -> tuple[str, ...]:
    return require_out_of_fold(snapshot, "stage1-fold0", 0, cases, **keywords)


def test_out_of_fold(bucket: Any) -> None:
    assert check(keep(bucket, a=told(0), b=told(1), c=told(2)), "a", "b", "c") == ()


def test_a_model_that_saw_the_case(bucket: Any) -> None:
    snapshot = keep(bucket, a=told(0), b=told(0), c=told(0))
    with pytest.raises(
        BadInput, match=r"of 1 case \(b\): its model did not hold out fold 1; .*\(c\).*fold 2"
    ):
        check(snapshot, "a", "b", "c")
    assert check(snapshot, "a") == ()  # the held-out case of the chain is as new to its model


def test_many_cases_are_counted_not_listed(bucket: Any) -> None:
    snapshot = keep(bucket, b=told(0))
    with pytest.raises(BadInput, match=r"of 5 cases \(b, b, b …\)"):
        check(snapshot, *"bbbbb")


def test_nested_asks_for_the_chains_fold_too(bucket: Any) -> None:
    snapshot = keep(bucket, a=told(0), b=told(1), c=told(0, 2))
    assert check(snapshot, "a", "c", nested=True) == ()
    with pytest.raises(BadInput, match=r"\(b\): its model did not hold out fold 0") as caught:
        check(snapshot, "a", "b", "c", nested=True)
    assert "fusion regions --fold 0 --nested" in caught.value.remedy


def test_another_split(bucket: Any) -> None:
    with pytest.raises(BadInput, match="predicted for another split"):
        check(keep(bucket, b=told(1, split="s0")), "b")


def test_a_list_of_patients_proves_it_without_folds(bucket: Any) -> None:
    snapshot = keep(bucket, b={"trained_on": ["p-z"]}, x={"trained_on": ["p-z"]}, c={"trained_on": ["p-c"]})
    assert check(snapshot, "b", "x") == ()
    with pytest.raises(BadInput, match=r"case \(c\): its model trained on the patient"):
        check(snapshot, "c")


def test_a_list_of_patients_may_have_none_of_the_chains_fold(bucket: Any) -> None:
    snapshot = keep(bucket, b={"trained_on": ["p-c", "p-z"]}, c={"trained_on": ["p-a", "p-b"]})
    assert check(snapshot, "b", nested=True) == ()
    assert check(snapshot, "c") == ()
    with pytest.raises(BadInput, match=r"\(c\): its model trained on patients of fold 0"):
        check(snapshot, "b", "c", nested=True)


def test_a_case_without_a_fold(bucket: Any) -> None:
    with pytest.raises(BadInput, match=r"case \(x\): the case has no fold, and nothing says whom"):
        check(keep(bucket, x=told(0)), "x")


def test_no_provenance_is_no_proof(bucket: Any) -> None:
    with pytest.raises(BadInput, match="another split"):
        check(keep(bucket, b={}), "b")


@pytest.mark.parametrize("paper", [False, True])
def test_a_case_without_the_region_is_refused_even_in_paper_mode(bucket: Any, paper: bool) -> None:
    with pytest.raises(BadInput, match=r"1 case \(c\): no region 'stage1-fold0' in the store"):
        check(keep(bucket, a=told(0)), "a", "c", paper=paper)


def test_ground_truth_is_for_paper_mode_only(bucket: Any) -> None:
    block = Block("region", {"region": MASK.array}, GRID)
    key = digest_of(["drawn"])
    entry = Entry(key, digest=blocks.publish(bucket, layout.object_folder(key), block))
    before = Snapshot(bucket, log.head(bucket)).case("b").record
    log.commit(
        bucket, {"b": Change(before, CaseRecord(before.info, {"region/pancreas": entry}, before.marks))}
    )
    snapshot = Snapshot(bucket, log.head(bucket))
    with pytest.raises(BadInput, match="read from label files, not predicted"):
        require_out_of_fold(snapshot, "pancreas", 0, ["b"])
    assert "not predicted" in require_out_of_fold(snapshot, "pancreas", 0, ["b"], paper=True)[0]


def test_names() -> None:
    assert (region_name(3), region_name(None)) == ("stage1-fold3", "stage1")
