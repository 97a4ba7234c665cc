"""Masks that a store keeps: published whole, told apart by where they come from, committed without loss."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.canonical import digest_of
from radstore.errors import RegionError, StoreError
from radstore.images.digest import volume_digest
from radstore.images.volume import Geometry, Volume
from radstore.store import admin, blocks, layout, log
from radstore.store.blocks import Block
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.diff import diff
from radstore.store.kept import kept, load_mask, require_kept_grid, require_kept_image
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Entry, Manifest
from radstore.store.query import Snapshot
from radstore.store.regions import Keeper, StoredRegion, keep_regions, region_of, stored_regions

GRID = Geometry((4, 3, 2), (0.7, 0.7, 5.0), (-10.0, 4.0, 2.0))
INFO = {case: {"patient": f"P-{case}", "source": "demo"} for case in "abc"}


def a_mask(*voxels: tuple[int, int, int], grid: Geometry = GRID) -> Volume:
    array = np.zeros(grid.shape, np.uint8)
    for z, y, x in voxels or [(1, 2, 3)]:
        array[z, y, x] = 1
    return Volume(array, grid)


def a_region(model: str = "m0", *voxels: tuple[int, int, int], **more: Any) -> StoredRegion:
    return StoredRegion(a_mask(*voxels), {"model": model, "held_out": [0], **more})


def now(bucket: Bucket) -> Snapshot:
    return Snapshot(bucket, log.head(bucket))


def entry_of(bucket: Bucket, case: str, name: str = "stage1") -> Entry:
    return now(bucket).case(case).record.blocks[f"region/{name}"]


def test_a_mask_comes_back_with_where_it_came_from(bucket: Bucket, maker: Callable[[Bucket], Any]) -> None:
    maker(bucket)
    done = keep_regions(bucket, "stage1", {"a": a_region(), "b": a_region("m1")}, info=INFO, message="why")
    assert (done.written, done.version.number, done.version.message) == (True, 1, "why")
    assert stored_regions(now(bucket).manifest) == {"stage1": ["a", "b"]}
    found = region_of(now(bucket), "a", "stage1")
    np.testing.assert_array_equal(found.mask.array, a_mask().array)
    assert (found.mask.geometry, found.mask.array.dtype) == (GRID, np.uint8)
    assert found.provenance == {"model": "m0", "held_out": [0]}
    assert now(bucket).case("a").info == INFO["a"]


def test_equal_masks_of_two_models_keep_their_own_provenance(make: Any) -> None:
    keep_regions(make.bucket, "stage1", {"a": a_region("m0"), "b": a_region("m1")}, info=INFO)
    a, b = (entry_of(make.bucket, case) for case in "ab")
    assert a.voxels == b.voxels == volume_digest(a_mask())  # what is computed in them has one key
    assert (a.origin["model"], b.origin["model"]) == ("m0", "m1")
    told = [now(make.bucket).case(case).region("stage1").attrs["model"] for case in "ab"]
    assert told == ["m0", "m1"]  # and whoever opens the block with Zarr reads the right one too


def test_equal_masks_of_one_model_are_one_block(make: Any) -> None:
    keep_regions(make.bucket, "stage1", {"a": a_region(), "b": a_region()}, info=INFO)
    assert entry_of(make.bucket, "a").key == entry_of(make.bucket, "b").key


def test_the_same_again_commits_nothing(make: Any) -> None:
    keep_regions(make.bucket, "stage1", {"a": a_region(rule=(1, 2))}, info=INFO)  # JSON has no tuples
    assert not keep_regions(make.bucket, "stage1", {"a": a_region(rule=(1, 2))}).written
    assert not Keeper(make.bucket, "stage1").commit().written


def test_a_new_model_replaces_mask_and_provenance_even_where_the_voxels_are_the_same(make: Any) -> None:
    keep_regions(make.bucket, "stage1", {"a": a_region("m0")}, info=INFO)
    before = now(make.bucket)
    assert keep_regions(make.bucket, "stage1", {"a": a_region("m1")}).written
    assert entry_of(make.bucket, "a").origin == {"model": "m1", "held_out": [0]}
    assert diff(before, now(make.bucket)).cases_changed == {"a": ["region/stage1"]}
    assert region_of(before, "a", "stage1").provenance["model"] == "m0"


def test_what_else_a_case_has_stays(make: Any) -> None:
    image = make.commit_image("a")
    marked = CaseRecord({"patient": "P-a", "source": "demo"}, {"image": image}, {"fold": 2})
    make.commit("a", marked)
    grid = Geometry((4, 3, 2))
    keep_regions(make.bucket, "stage1", {"a": StoredRegion(a_mask(grid=grid))})
    keep_regions(make.bucket, "stage1-fold1", {"a": StoredRegion(a_mask(grid=grid))})
    record = make.now("a")
    assert sorted(record.blocks) == ["image", "region/stage1", "region/stage1-fold1"]
    assert record.blocks["image"] == image
    assert record.marks == {"fold": 2}


def test_a_failed_case_is_a_record_that_a_mask_replaces(make: Any) -> None:
    error = {"step": "stage1", "message": "case a: cannot be read", "remedy": "Copy it again."}
    with Keeper(make.bucket, "stage1", info=INFO) as keeper:
        keeper.fail("a", error)
        keeper.keep("b", a_region())
        assert len(keeper) == 2
        keeper.commit()
        assert len(keeper) == 0
    assert entry_of(make.bucket, "a").error == error
    assert stored_regions(now(make.bucket).manifest) == {"stage1": ["b"]}
    with pytest.raises(StoreError, match=r"case a has no region/stage1: case a: cannot be read"):
        region_of(now(make.bucket), "a", "stage1")
    keep_regions(make.bucket, "stage1", {"a": a_region()})
    assert stored_regions(now(make.bucket).manifest) == {"stage1": ["a", "b"]}


def test_two_that_keep_at_once_merge_or_conflict(make: Any) -> None:
    with Keeper(make.bucket, "stage1", info=INFO) as one, Keeper(make.bucket, "stage1", info=INFO) as other:
        one.keep("a", a_region("m0"))
        one.keep("c", a_region("m0"))
        other.keep("b", a_region("m0"))
        other.keep("c", a_region("m1"))
        assert not one.commit().conflicts
        assert list(other.commit().conflicts) == ["c"]
    assert stored_regions(now(make.bucket).manifest) == {"stage1": ["a", "b", "c"]}
    assert entry_of(make.bucket, "c").origin["model"] == "m0"


def test_a_lease_holds_gc_off_what_is_not_committed_yet(make: Any, age: Any) -> None:
    with Keeper(make.bucket, "stage1", info=INFO) as keeper:
        keeper.keep("a", a_region())
        assert admin.gc(make.bucket.location, grace=0).blocks == 0
        assert keeper.commit().written
    assert not admin.verify(make.bucket.location).damaged


def test_gc_keeps_what_is_named_and_deletes_what_was_replaced(make: Any, age: Any) -> None:
    for model in ("m0", "m1"):
        keep_regions(make.bucket, "stage1", {"a": a_region(model)}, info=INFO)
    admin.expire(make.bucket.location, keep=1)
    age(Path(make.bucket.location), 1e6)
    assert admin.gc(make.bucket.location, grace=0).blocks == 1
    assert region_of(now(make.bucket), "a", "stage1").provenance["model"] == "m1"


@pytest.mark.parametrize("name", ["", "a/b", "label-1", "spec@x", " x", "-x", "x" * 101])
def test_names_that_cannot_be_used(make: Any, name: str) -> None:
    with pytest.raises(StoreError, match="not a name for a region"):
        keep_regions(make.bucket, name, {"a": a_region()}, info=INFO)
    assert log.head(make.bucket).number == 0


def test_a_name_of_label_files_is_not_taken_over(make: Any) -> None:
    block = Block("region", {"region": a_mask().array}, GRID)
    make.commit("b", make.record("b", region__pancreas=make.publish(digest_of(["drawn"]), block)))
    with pytest.raises(StoreError, match="'pancreas' of case b was read from a label file"):
        keep_regions(make.bucket, "pancreas", {"a": a_region()}, info=INFO)
    assert region_of(now(make.bucket), "b", "pancreas").provenance == {}
    assert stored_regions(now(make.bucket).manifest) == {}


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(GRID.shape, np.uint8), "empty"),
        (np.full(GRID.shape, 2, np.uint8), "not a mask of 0 and 1"),
        (np.full(GRID.shape, -1, np.int8), "not a mask of 0 and 1"),
        (np.ones(GRID.shape, np.float32), "not a mask of 0 and 1"),
    ],
)
def test_what_is_no_mask_is_refused_and_nothing_committed(make: Any, array: np.ndarray, message: str) -> None:
    masks = {"b": a_region(), "a": StoredRegion(Volume(array, GRID))}
    with pytest.raises(RegionError, match=rf"case a.*{message}"):
        keep_regions(make.bucket, "stage1", masks, info=INFO)
    assert log.head(make.bucket).number == 0


def test_a_bool_mask_is_kept_as_uint8(make: Any) -> None:
    mask = Volume(a_mask().array.astype(bool), GRID)
    keep_regions(make.bucket, "stage1", {"a": StoredRegion(mask)}, info=INFO)
    assert region_of(now(make.bucket), "a", "stage1").mask.array.dtype == np.uint8
    assert entry_of(make.bucket, "a").voxels == volume_digest(a_mask())


def test_a_mask_on_another_grid_than_the_stores_image_is_refused(make: Any) -> None:
    make.commit_image("a")  # 1 mm voxels
    with pytest.raises(RegionError, match=r"case a.*not on its image's grid: origin"):
        keep_regions(make.bucket, "stage1", {"a": a_region()})


def test_a_mask_that_names_its_image_may_be_of_a_newer_one_than_the_stores(make: Any) -> None:
    make.commit_image("a")
    assert keep_regions(make.bucket, "stage1", {"a": a_region(image="d" * 64)}).written


def test_an_unknown_case_needs_a_patient(make: Any) -> None:
    with pytest.raises(StoreError, match="no case 'z'"):
        keep_regions(make.bucket, "stage1", {"z": a_region()}, info=INFO)


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store here"):
        keep_regions(tmp_path, "stage1", {"a": a_region()}, info=INFO)


def test_on_the_way_into_a_computation(make: Any) -> None:
    keep_regions(make.bucket, "stage1", {"a": a_region(image="d" * 64)}, info=INFO)
    mask = kept(make.bucket, entry_of(make.bucket, "a"))
    loaded = load_mask(mask, "a", GRID)
    assert volume_digest(loaded) == mask.digest  # known from the manifest alone
    require_kept_grid(mask, "a", GRID)
    require_kept_image(mask, "a", "d" * 64)
    with pytest.raises(RegionError, match="case a was predicted on another image"):
        require_kept_image(mask, "a", "e" * 64)
    other = Geometry(GRID.size, (0.7, 0.7, 4.0), GRID.origin)
    for check in (load_mask, require_kept_grid):
        with pytest.raises(RegionError, match=r"case a is not on its image's grid: spacing"):
            check(mask, "a", other)


def test_an_object_stores_mask_is_found_by_its_address(
    s3: Callable[[], str], maker: Callable[[Bucket], Any]
) -> None:
    bucket = open_bucket(s3())
    maker(bucket)
    keep_regions(bucket.location, "stage1", {"a": a_region()}, info=INFO)
    mask = pickle.loads(pickle.dumps(kept(bucket, entry_of(bucket, "a"))))
    np.testing.assert_array_equal(load_mask(mask, "a", GRID).array, a_mask().array)


def test_manifests_of_builds_look_as_they_did() -> None:
    entry = Entry("k", digest="d")
    assert entry.to_json() == {"key": "k", "status": "ok", "digest": "d"}
    kept_one = Entry("k", digest="d", origin={"model": "m"}, voxels="v")
    assert Entry.from_json(kept_one.to_json()) == kept_one
    assert Entry.from_json({"key": "k", "origin": {}}).origin == {}


def test_the_block_is_a_plain_ome_zarr_image(make: Any) -> None:
    keep_regions(make.bucket, "stage1", {"a": a_region()}, info=INFO)
    group = blocks.open_group(make.bucket, layout.object_folder(entry_of(make.bucket, "a").key))
    assert group.attrs["ome"]["multiscales"][0]["datasets"][0]["path"] == "region"
    assert group["region"].shape == GRID.shape


def test_a_base_that_moved_on_is_merged_case_by_case(make: Any) -> None:
    keep_regions(make.bucket, "stage1", {"a": a_region()}, info=INFO)
    with Keeper(make.bucket, "stage1") as keeper:
        keeper.keep("a", a_region("m1"))
        record = make.now("a")
        log.commit(make.bucket, {"a": Change(record, CaseRecord(record.info, record.blocks, {"fold": 1}))})
        assert not keeper.commit().conflicts
    found = Manifest(make.bucket, log.head(make.bucket).manifest).get("a")
    assert (found.marks, found.blocks["region/stage1"].origin["model"]) == ({"fold": 1}, "m1")
