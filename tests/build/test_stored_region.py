"""A build in a region that the store keeps: no label file, anew when the mask changes, and only then."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.build.api import prepare
from radstore.build.check import check
from radstore.build.work import work
from radstore.errors import CatalogError, StoreError
from radstore.images.digest import volume_digest
from radstore.images.read import read_image
from radstore.images.volume import Geometry, Volume
from radstore.perturb import perturb
from radstore.store.blocks import CODEC
from radstore.store.layout import create
from radstore.store.regions import Keeper, StoredRegion, keep_regions

GEOMETRY = Geometry((12, 11, 10), (0.8, 0.8, 2.0), (-10.0, 20.0, 5.0))  # of the site's cases
NAME = "stage1-fold0"
FEATURES, MAPS = f"features/tiny@{NAME}", f"maps/tiny@{NAME}"
PER_CASE = 4 + 3  # columns


def a_mask(value: int = 1, grid: Geometry = GEOMETRY) -> Volume:
    """The boxes of the site's labels 1 or 2."""
    array = np.zeros(GEOMETRY.shape, np.uint8)
    start = {1: 2, 2: 6}[value]
    array[3:6, 3:7, start : start + 4] = 1
    return Volume(array, grid)


def keep(site: Any, *cases: str, value: int = 1, name: str = NAME, **provenance: Any) -> None:
    create(site.bucket, CODEC)
    told = {"model": "m0" * 32, "held_out": [0], "stage": 1, "status": "ok", **provenance}
    region = StoredRegion(a_mask(value), told)
    info = {case: {"patient": case, "source": "files"} for case in cases}
    assert keep_regions(site.bucket, name, dict.fromkeys(cases, region), info=info).written


def local(site: Any, **keywords: Any) -> Any:
    """Prepare without workers."""
    return prepare(site.spec({"region": NAME}), catalog=site.catalog, engine="pyradiomics", **keywords)


@pytest.fixture
def predicted(site: Any) -> Any:
    """Two cases without label files, with a region that the store keeps, built in it."""
    site.add("a", "b")
    keep(site, "a", "b")
    for case in "ab":
        site.labels_path(case).unlink()
    report = site.build(region=NAME)
    assert not report.failed
    assert report.tally.computed == 2 * PER_CASE
    return site


def test_no_label_file_is_needed(predicted: Any) -> None:
    record = predicted.records()["a"]
    assert sorted(record.blocks) == [FEATURES, "image", MAPS, f"region/{NAME}"]
    assert record.blocks[f"region/{NAME}"].origin["model"] == "m0" * 32  # the build left it alone
    assert record.blocks[MAPS].shape == (3, 3, 4, 4)
    assert predicted.snapshot.view == f"tiny@{NAME}"
    assert predicted.verify()


def test_the_numbers_are_those_of_the_same_mask_from_a_label_file(site: Any) -> None:
    site.add("a")
    create(site.bucket, CODEC)
    grid = read_image(site.image_path("a")).geometry  # a NIfTI file rounds it
    info = {"a": {"patient": "a", "source": "files"}}
    keep_regions(site.bucket, NAME, {"a": StoredRegion(a_mask(grid=grid))}, info=info)
    report = site.build(region=NAME)
    assert report.tally.computed == PER_CASE
    drawn = site.build(region="organ")
    assert (drawn.tally.computed, drawn.tally.copied) == (0, 0)  # one key, one block: nothing even to copy
    blocks = site.records()["a"].blocks
    assert blocks[FEATURES].digest == blocks["features/tiny@organ"].digest
    assert blocks[MAPS].key == blocks["maps/tiny@organ"].key


def test_nothing_changed_nothing_to_do_and_nothing_decoded(
    predicted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from radstore.store import blocks

    monkeypatch.setattr(blocks, "load", lambda *_: pytest.fail("a block was decoded"))
    before = predicted.version
    report = predicted.build(region=NAME)
    assert [case.id for case in report.prepared.plan.done] == ["a", "b"]
    assert (report.tally.versions, predicted.version) == ([], before)


def test_a_changed_region_is_computed_anew(predicted: Any) -> None:
    keep(predicted, "a", value=2, model="m1" * 32)
    report = predicted.build(region=NAME)
    assert [case.id for case in report.prepared.plan.todo] == ["a"]
    # what needs the mask; the shape's volume of an equal box is a key of the mask too
    assert report.tally.computed == PER_CASE
    entry = predicted.records()["a"].blocks[f"region/{NAME}"]
    assert entry.origin["model"] == "m1" * 32


def test_the_same_mask_of_another_model_computes_nothing(predicted: Any) -> None:
    keep(predicted, "a", model="m1" * 32)
    report = predicted.build(region=NAME)
    assert report.tally is not None
    assert (report.tally.computed, report.tally.versions, report.failed) == (0, [], {})


def test_a_case_without_the_region_fails_alone_until_it_has_it(predicted: Any) -> None:
    predicted.add("c")
    report = predicted.build(region=NAME)
    assert list(report.failed) == ["c"]
    assert report.failed["c"]["step"] == "region"
    assert f"keeps no region '{NAME}'" in report.failed["c"]["message"]
    assert "fusion regions" in report.failed["c"]["remedy"]
    assert [case.id for case in predicted.build(region=NAME).prepared.plan.todo] == []  # it would fail again
    keep(predicted, "c")
    again = predicted.build(region=NAME)
    assert (again.tally.cases, again.failed) == (1, {})


def test_a_case_whose_prediction_failed_says_why(predicted: Any) -> None:
    """Unless it has a mask of an earlier prediction, which stays."""
    predicted.add("c")
    error = {"step": "stage1", "message": "case c: truncated file", "remedy": "Copy it again."}
    with Keeper(predicted.bucket, NAME, info={"c": {"patient": "c", "source": "files"}}) as keeper:
        assert keeper.fail("c", error)
        assert not keeper.fail("b", error)
        keeper.commit()
    report = predicted.build(region=NAME)
    told = f"case c: region {NAME!r} could not be predicted: case c: truncated file"
    assert report.failed == {"c": {"step": "region", "message": told, "remedy": "Copy it again."}}


def test_a_region_of_another_image_is_refused(site: Any) -> None:
    site.add("a")
    of = volume_digest(read_image(site.image_path("a")))
    keep(site, "a", image=of)
    assert not site.build(region=NAME).failed
    site.put(site.image_path("a"), site.image(99))
    report = site.build(region=NAME)
    assert "predicted on another image" in report.failed["a"]["message"]
    keep(site, "a", image=volume_digest(read_image(site.image_path("a"))))
    assert not site.build(region=NAME).failed


def test_a_region_on_another_grid_is_refused_by_build_and_check(site: Any) -> None:
    site.add("a")
    keep(site, "a")
    coarse = Geometry(GEOMETRY.size, (1.0, 1.0, 2.0), GEOMETRY.origin)
    site.put(site.image_path("a"), site.image(), coarse)
    found = check(site.spec(), catalog=site.catalog, region=NAME, engine="pyradiomics", sample=0)
    assert "not on its image's grid: spacing" in found.refused["a"]["message"]
    assert "not on its image's grid: spacing" in site.build(region=NAME).failed["a"]["message"]


def test_neither_catalog_nor_store_has_it(site: Any) -> None:
    site.add("a")
    keep(site, "a")
    with pytest.raises(CatalogError, match=r"defines no region 'stage1-fold3'.*\n.*stage1-fold0"):
        site.build(region="stage1-fold3")


def test_one_name_is_not_two_regions(built: Any) -> None:
    with pytest.raises(StoreError, match="'organ' of case a was read from a label file"):
        keep(built, "a", name="organ")
    keep(built, "a", name="absent")  # which the catalog defines, and no build has used
    with pytest.raises(CatalogError, match=r"defines a region 'absent', and .*as of case a"):
        built.build(region="absent")


def test_changing_how_label_files_are_read_changes_nothing(predicted: Any) -> None:
    spec = predicted.spec({"setting": {"label_channel": 1}})
    assert predicted.build(spec, region=NAME).tally.computed == 0


def test_prepare_does_not_read_masks(offline: Any) -> None:
    offline.add("a", "b")
    keep(offline, "a")
    prepared = local(offline)
    a, b = prepared.cases
    assert a.kept[NAME].digest == volume_digest(a_mask())
    assert (b.kept, b.problem.step) == ({}, "region")
    assert [case.id for case in prepared.plan.todo] == ["a", "b"]


def test_a_mask_that_is_gone_is_an_error_of_its_case(offline: Any) -> None:
    offline.add("a")
    keep(offline, "a")
    prepared = local(offline)
    shutil.rmtree(offline.root / "store" / "objects")
    outcome = work(prepared.job, prepared.cases[0], prepared.plan.base["a"])
    assert "is not there" in outcome.error["message"]


def test_check_examines_and_perturb_measures_in_it(offline: Any, tmp_path: Path) -> None:
    cases = [f"case{at}" for at in range(3)]
    offline.add(*cases)
    keep(offline, *cases)
    given = {"catalog": offline.catalog, "region": NAME, "engine": "pyradiomics", "jobs": 1}
    found = check(offline.spec(), sample=2, **given)
    assert (found.refused, len(found.examined.cases), found.examined.failed) == ({}, 2, {})
    report = perturb(offline.spec(), sample=2, noise=0, resample=0, out=tmp_path / "icc.csv", **given)
    assert report.robustness.failed == {}
    assert report.prepared.job.view == f"tiny@{NAME}"


def test_the_mask_travels_to_workers_as_an_address(offline: Any) -> None:
    offline.add("a")
    offline.labels_path("a").unlink()
    keep(offline, "a")
    prepared = local(offline)
    shipped = pickle.dumps((prepared.job, prepared.cases[0], prepared.plan.base["a"]))
    assert len(shipped) < 20_000
    outcome = work(*pickle.loads(shipped))
    assert (outcome.error, outcome.computed) == (None, PER_CASE)
    assert outcome.record.blocks[f"region/{NAME}"].origin["status"] == "ok"


def test_dry_run_changes_nothing(site: Any) -> None:
    site.add("a")
    keep(site, "a")
    before = site.version
    assert [case.id for case in site.build(region=NAME, dry_run=True).prepared.plan.todo] == ["a"]
    assert site.version == before
