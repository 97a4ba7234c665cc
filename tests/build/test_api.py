"""A whole build: what is computed, what is copied, what is left alone."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.build import Progress
from radstore.build.crew import Crew
from radstore.store import layout, log

VECTOR, MAPS = 4, 3  # columns of a case under the test's spec
FEATURES, MAP_BLOCK = "features/tiny@organ", "maps/tiny@organ"


def work_done(report: Any) -> tuple[int, int, int]:
    """Columns computed, columns copied, versions committed."""
    return report.tally.computed, report.tally.copied, len(report.tally.versions)


def test_what_a_first_build_leaves_behind(built: Any) -> None:
    assert built.version == 1
    assert sorted(built.records()) == ["a", "b"]
    for record in built.records().values():
        assert sorted(record.blocks) == ["features/tiny@organ", "image", "maps/tiny@organ", "region/organ"]
        assert all(entry.ok and entry.digest for entry in record.blocks.values())
    assert built.records()["a"].blocks[MAP_BLOCK].shape == (MAPS, 3, 4, 4)
    assert built.verify() == 2 * 3 + 1  # both regions are the same voxels: one block


def test_identical_build_computes_and_commits_nothing(built: Any) -> None:
    report = built.build()
    assert work_done(report) == (0, 0, 0)
    assert [len(report.prepared.plan.done), len(report.prepared.plan.todo)] == [2, 0]
    assert built.version == 1


def test_a_new_case_is_all_that_is_computed(built: Any) -> None:
    built.add("c")
    report = built.build()
    assert [case.id for case in report.prepared.plan.todo] == ["c"]
    assert work_done(report) == (VECTOR + MAPS, 0, 1)


def test_a_new_feature_is_all_that_is_computed(built: Any) -> None:
    before = values(built)
    more = built.spec({"features": [*built.spec().names, "original_firstorder_Maximum"]})
    assert work_done(built.build(more)) == (2 * 2, 2 * (VECTOR + MAPS), 1)
    after = values(built)
    for case, (vector, maps) in before.items():
        assert list(after[case][0]) == list(more.names)
        assert {name: after[case][0][name] for name in vector} == vector
        for name, array in maps.items():
            np.testing.assert_array_equal(after[case][1][name], array)
    assert built.verify() == 2 * 3 + 1  # both regions are the same voxels: one block


def test_copied_columns_are_those_of_a_fresh_build(built: Any, tmp_path: Path) -> None:
    features = ["original_glcm_Contrast", "original_firstorder_Range", "original_firstorder_Mean"]
    built.build(built.spec({"features": features}))
    grown = contents(built)
    shutil.move(tmp_path / "store", tmp_path / "grown")
    built.build(built.spec({"features": features}))
    assert contents(built) == grown


@pytest.mark.parametrize(
    "features",
    [
        ["original_firstorder_Entropy", "original_shape_MeshVolume"],
        [
            "original_shape_MeshVolume",
            "original_glcm_Contrast",
            "original_firstorder_Entropy",
            "original_firstorder_Mean",
        ],
    ],
    ids=["fewer", "reordered"],
)
def test_fewer_or_reordered_features_are_only_copied(built: Any, features: list[str]) -> None:
    before = values(built)
    report = built.build(built.spec({"features": features}))
    assert report.tally.computed == 0
    assert report.tally.copied == 2 * (2 * len(features) - 1)  # the shape feature has no map
    for case, (vector, maps) in values(built).items():
        assert list(vector) == features
        assert vector == {name: before[case][0][name] for name in features}
        for name, array in maps.items():
            np.testing.assert_array_equal(array, before[case][1][name])


def test_a_setting_recomputes_what_depends_on_it(built: Any) -> None:
    before = values(built)
    report = built.build(built.spec({"setting": {"binWidth": 35}}))
    assert work_done(report) == (
        2 * (2 + 2),
        2 * (2 + 1),
        1,
    )  # Entropy and Contrast; Mean and MeshVolume stay
    after = values(built)
    for case in ("a", "b"):
        changed = {name for name, value in before[case][0].items() if after[case][0][name] != value}
        assert changed == {"original_firstorder_Entropy", "original_glcm_Contrast"}


def test_going_back_to_an_earlier_setting_computes_nothing(built: Any) -> None:
    first = built.keys()
    built.build(built.spec({"setting": {"binWidth": 35}}))
    assert built.keys() != first
    assert work_done(built.build()) == (0, 0, 1)
    assert built.keys() == first


@pytest.mark.parametrize("change", ["touch", "gzip", "move", "rehash", "one other worker"])
def test_what_changes_no_voxel_changes_nothing(built: Any, tmp_path: Path, change: str) -> None:
    keywords: dict[str, Any] = {}
    keys = built.keys()
    image = built.image_path("a")
    if change == "touch":
        built.settle(image, 500.0)
    elif change == "gzip":
        voxels = gzip.decompress(image.read_bytes())
        image.write_bytes(gzip.compress(voxels, compresslevel=1, mtime=12345))
        built.settle(image, 500.0)
    elif change == "move":
        shutil.move(tmp_path / "cases", tmp_path / "moved")
        source = built.catalog.sources["files"]
        args = {k: v.replace("/cases/", "/moved/") for k, v in source.args.items()}
        catalog = built.catalog
        catalog.sources["files"] = type(source)(source.name, source.driver, args, source.regions)
        keywords = {"catalog": catalog}
    elif change == "rehash":
        keywords = {"rehash": True}
    else:
        keywords = {"rehash": True, "scheduler": None, "workers": 1}
    report = built.build(**keywords)
    assert work_done(report) == (0, 0, 0)
    assert built.version == 1
    assert built.keys() == keys
    if change in ("touch", "gzip"):  # that was read again, once
        assert [case.id for case in report.prepared.plan.todo] == ["a"]
        assert not built.build().prepared.plan.todo


def test_another_store_has_the_same_keys_and_contents(built: Any, tmp_path: Path) -> None:
    first = contents(built)
    shutil.move(tmp_path / "store", tmp_path / "first")
    built.build(cases=["b"])
    built.build()
    assert contents(built) == first


def test_a_block_that_is_gone_is_made_again(built: Any, tmp_path: Path) -> None:
    """As a message about damage tells users to do it."""
    before = contents(built)
    shutil.rmtree(tmp_path / "store" / layout.object_folder(built.keys()["a", FEATURES]))
    assert work_done(built.build(rehash=True)) == (VECTOR, 0, 0)
    assert contents(built) == before
    assert built.verify() == 7


def test_a_changed_voxel_changes_what_reads_it(built: Any) -> None:
    first = built.keys()
    array = built.image(0)
    built.put(built.image_path("a"), array)
    built.build()
    second = built.keys()
    assert {at for at in first if first[at] != second[at]} == {
        ("a", "image"),
        ("a", FEATURES),
        ("a", MAP_BLOCK),
    }

    labels = built.labels()
    labels[3, 3, 2] = 0
    built.put(built.labels_path("a"), labels)
    built.build()
    third = built.keys()
    changed = {at for at in second if second[at] != third[at]}
    assert changed == {("a", "region/organ"), ("a", FEATURES), ("a", MAP_BLOCK)}


def test_shape_features_do_not_read_the_image(built: Any) -> None:
    built.put(built.image_path("a"), built.image(7))
    report = built.build()
    assert work_done(report) == (VECTOR - 1 + MAPS, 1, 1)


def test_another_region_is_another_view(built: Any) -> None:
    report = built.build(region="both")
    assert report.tally.computed == 2 * (VECTOR + MAPS)
    assert built.snapshot.views == {"tiny@both": 2, "tiny@organ": 2}
    assert {"region/both", "region/organ"} <= built.records()["a"].blocks.keys()
    assert built.build().tally.versions == []


def test_two_views_share_columns(built: Any) -> None:
    """The unit of reuse is a feature of a case, whatever the view is called."""
    report = built.build(built.spec({"setting": {"binWidth": 35}}, name="coarse"))
    assert work_done(report) == (2 * (2 + 2), 2 * (2 + 1), 1)
    assert built.build(built.spec(name="same")).tally.computed == 0
    assert built.snapshot.views == {"coarse@organ": 2, "same@organ": 2, "tiny@organ": 2}


def test_a_region_of_the_same_voxels_has_the_same_key(built: Any) -> None:
    report = built.build(built.spec({"region": "label-1"}))
    assert report.tally.computed == 0
    keys = built.keys()
    assert keys["a", "region/label-1"] == keys["a", "region/organ"]
    assert keys["a", "features/tiny@label-1"] == keys["a", FEATURES]


def test_without_maps_their_block_goes(built: Any) -> None:
    report = built.build(built.spec({"maps": False}))
    assert work_done(report) == (0, 0, 1)
    assert all(MAP_BLOCK not in record.blocks for record in built.records().values())
    assert work_done(built.build(built.spec({"maps": False}))) == (0, 0, 0)
    assert work_done(built.build()) == (0, 0, 1)
    assert all(MAP_BLOCK in record.blocks for record in built.records().values())


def test_a_changed_column_writes_the_manifest_only(site: Any) -> None:
    site.add("a", "b")
    site.table("id,age,source\na,42,x\nb,50,y\n")
    site.build()
    assert site.records()["b"].info == {"patient": "b", "source": "files", "age": 50, "table_source": "y"}
    objects = {stat.path for stat in site.bucket.list("objects/")}
    site.table("id,age,source\na,42,x\nb,51,y\n")
    report = site.build()
    assert work_done(report) == (0, 0, 1)
    assert report.prepared.plan.todo == ()
    assert [case.id for case in report.prepared.plan.relabelled] == ["b"]
    assert report.tally.versions[0].changed == 1
    assert {stat.path for stat in site.bucket.list("objects/")} == objects
    assert site.records()["b"].info["age"] == 51
    assert work_done(site.build()) == (0, 0, 0)


def test_dry_run_changes_nothing(site: Any, tmp_path: Path) -> None:
    site.add("a")
    report = site.build(dry_run=True)
    assert report.tally is report.version is None
    assert [case.id for case in report.prepared.plan.todo] == ["a"]
    assert not (tmp_path / "store").exists()
    site.build()
    before = {stat.path for stat in site.bucket.list("")}
    assert site.build(site.spec({"setting": {"binWidth": 9}}), dry_run=True).version.number == 1
    assert {stat.path for stat in site.bucket.list("")} == before


def test_cases_and_limit_choose(site: Any) -> None:
    site.add("a", "b", "c")
    site.build(cases=["b"])
    assert sorted(site.records()) == ["b"]
    site.build(limit=1)
    assert sorted(site.records()) == ["a", "b"]


def test_the_log_says_what_was_built(built: Any) -> None:
    built.add("c")
    report = built.build(message="one more")
    version = log.head(built.bucket)
    assert report.version == version
    assert (version.message, version.changed) == ("one more", 1)
    spec = built.spec()
    assert version.build == {
        "view": "tiny@organ",
        "region": "organ",
        "engine": "pyradiomics",
        "spec": spec.document,
        "spec_hash": spec.hash,
    }


def test_the_embedded_cluster(offline: Any) -> None:
    offline.add("a", "b", "c")
    told: list[int] = []

    class Listener(Progress):
        def planned(self, plan: Any, crew: Crew) -> None:
            told.append(crew.workers)

    report = offline.build(scheduler=None, workers=2, progress=Listener())
    assert told == [2]
    assert (report.tally.cases, report.failed) == (3, {})
    assert offline.verify() == 3 * 3 + 1


def test_a_spec_with_the_same_numbers_is_named_all_the_same(offline: Any) -> None:
    """What only maps depend on leaves the vectors as they are; they are of the new spec nevertheless."""
    offline.add("a")
    offline.build(scheduler=None, workers=1)
    before = offline.records()["a"].blocks["features/tiny@organ"]
    wider = offline.spec({"voxelSetting": {"kernelRadius": 2}})
    offline.build(wider, scheduler=None, workers=1)
    after = offline.records()["a"].blocks["features/tiny@organ"]
    assert after.identity == before.identity
    assert before.spec != after.spec == wider.hash
    assert offline.build(wider, scheduler=None, workers=1).version.number == offline.version


def contents(site: Any) -> dict[tuple[str, str], tuple[str, str, str]]:
    """(case, block name) → status, key and digest."""
    return {(c, name): e.identity for c, r in site.records().items() for name, e in r.blocks.items()}


def values(site: Any) -> dict[str, tuple[dict[str, float], dict[str, np.ndarray]]]:
    """Case → its vector and its maps by feature name."""
    found = {}
    for case in site.snapshot.cases:
        view = site.snapshot.case(case)
        vector, maps = view.features("tiny@organ"), view.get_maps("tiny@organ")
        found[case] = (
            dict(zip(vector["feature"].values.tolist(), vector.values.tolist(), strict=True)),
            {name: maps.sel(feature=name).values for name in maps["feature"].values.tolist()},
        )
    return found
