"""`plan` on a small cohort: what it learns from whom, and what it refuses before it writes anything."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusion.plan import Overrides, read_plan
from fusion.protocol import CHAIN, NESTED, PAPER, SELECTION, tell
from fusion.recipe import Recipe
from fusion.regions.fallback import Fallback
from fusion.regions.rule import RegionRule
from fusion.roi import Roi
from radstore.errors import BadInput, RadstoreError
from radstore.inputs import prepare_case
from radstore.spec import Settings, load_spec
from radstore.store.manifest import Entry
from radstore.store.regions import StoredRegion, keep_regions, region_of

VIEW = "tiny@pancreas"


@pytest.fixture
def refused(site: Any) -> Callable[..., RadstoreError]:
    def refuse(told: str, **keywords: Any) -> RadstoreError:
        with pytest.raises(BadInput, match=told) as caught:
            site.plan(**keywords)
        assert caught.value.remedy
        assert not (site.root / "models").exists()
        return caught.value

    return refuse


def test_stage_2_learns_from_the_training_cases_alone(first_site: Any, tmp_path: Path) -> None:
    report = first_site.plan(fold=1)
    assert set(report.held_out) == set(first_site.fold(1))
    assert set(report.training) == set(first_site.records()) - set(report.held_out)
    recipe = Recipe.from_plans(report.plans)
    snapshot = first_site.snapshot
    maps = [snapshot.case(case).get_maps(VIEW) for case in report.training]
    for channel in recipe.maps:
        values = np.concatenate([one.sel(feature=channel.name).values.ravel() for one in maps])
        values = values[np.isfinite(values)].astype(np.float64)
        assert (channel.mean, channel.sd) == pytest.approx((values.mean(), values.std()), rel=1e-9)
    table = snapshot.table(VIEW).value.sel(case=list(report.training))
    for number in recipe.vector:
        values = table.sel(feature=number.name).values
        assert (number.mean, number.sd) == pytest.approx((values.mean(), values.std()), rel=1e-9)
    spec = load_spec(first_site.spec)
    assert (recipe.spec_hash, recipe.view, recipe.region) == (spec.hash, VIEW, "pancreas")
    assert [channel.name for channel in recipe.vector] == list(spec.names)
    assert [channel.name for channel in recipe.maps] == list(spec.names)[:2]


def test_what_is_written_is_what_is_reported_and_read(first_site: Any) -> None:
    report = first_site.plan(fold=2)
    assert report.folder == first_site.root / "models" / "plans" / "stage2-fold2"
    for name, told in (("plans.json", report.plans), ("dataset.json", report.dataset_json)):
        assert json.loads((report.folder / name).read_text()) == told
    name, plans, dataset = read_plan(first_site.root / "models", 2, 2)
    assert (name, plans, dataset) == ("stage2-fold2", report.plans, report.dataset_json)
    assert report.dataset_json["numTraining"] == len(report.training)


def test_in_paper_mode_one_plan_serves_all_folds_and_says_so(site: Any) -> None:
    report = site.plan(fold=None)
    assert (report.name, report.held_out) == ("stage2", ())
    assert report.notes[:2] == (tell(PAPER), tell(SELECTION))
    assert "read from label files" in report.notes[2]
    name, plans, _ = read_plan(site.root / "models", 2, 1)
    assert name == "stage2"
    recipe = Recipe.from_plans(plans)
    assert (recipe.fold, recipe.paper_mode) == (1, True)
    site.plan(fold=1)
    assert read_plan(site.root / "models", 2, 1)[0] == "stage2-fold1"
    with pytest.raises(BadInput, match="no plan of stage 1, fold 1"):
        read_plan(site.root / "models", 1, 1)


def test_stage_1_sees_the_whole_ct(first_site: Any) -> None:
    report = first_site.plan(1, 0)
    recipe = Recipe.from_plans(report.plans)
    assert (report.name, recipe.region, recipe.paper_mode) == ("stage1-fold0", "", False)
    assert report.plans["original_median_shape_after_transp"][1:] == [96, 96]
    assert report.notes == ()


def test_stage_1_says_where_to_look_if_it_finds_nothing(first_site: Any) -> None:
    wanted = RegionRule(dilate_mm=(1.0, 2.0, 3.0))
    report = first_site.plan(1, 1, rule=wanted)
    rule = RegionRule.from_json(Recipe.from_plans(report.plans).region_rule)
    cases = [case for case in first_site.catalog.cases() if case.id in report.training]
    pairs = [prepare_case(case, "pancreas", Settings()) for case in cases]
    whole = Fallback.mean([Fallback.of(*pair) for pair in pairs])
    assert replace(rule, fallback=wanted.fallback) == wanted
    np.testing.assert_allclose(rule.fallback.centre, whole.centre, atol=2e-4)
    np.testing.assert_allclose(rule.fallback.size_mm, whole.size_mm, atol=0.2)
    assert rule.fallback.cases == whole.cases == len(cases)
    assert Recipe.from_plans(first_site.plan(2, 1).plans).region_rule == {}


def test_stage_2_sees_the_roi(first_site: Any) -> None:
    report = first_site.plan(fold=0, roi=Roi("margins", (0.0, 0.0, 0.0)))
    masks = [first_site.snapshot.case(case).region("pancreas").values for case in report.training]
    boxes = [[np.ptp(along) + 1 for along in np.nonzero(mask)] for mask in masks]
    seen = report.plans["original_median_shape_after_transp"]
    np.testing.assert_allclose(seen, np.median(boxes, axis=0), atol=0.5)


def test_the_store_is_not_needed_for_the_images(site: Any) -> None:
    before = site.plan(1, 0)
    for case, record in site.records().items():
        site.record(case, replace(record, blocks={}))
    after = site.plan(1, 0)
    assert {**after.plans, "fusion": 0} == {**before.plans, "fusion": 0}


def test_cases_can_be_asked_in_other_processes(first_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(task: Any, arguments: Any, *_: Any) -> list[Any]:
        answers = [task(*pickle.loads(pickle.dumps(these))) for these in arguments]
        return [pickle.loads(pickle.dumps(answer)) for answer in answers]

    here = first_site.plan()
    monkeypatch.setattr("fusion.plan.api.run", run)
    assert first_site.plan() == here


def test_stray_labels_are_counted(site: Any) -> None:
    case = site.fold(1)[0]
    site.relabel(case, _6=7)
    report = site.plan()
    assert list(report.strays) == [case]
    assert f"{report.strays[case]:,} voxels with a stray label (7, 8) of 1 case ({case})" in report.notes[-1]


def test_a_strange_label_is_refused_with_its_case(site: Any, refused: Callable[..., RadstoreError]) -> None:
    case = site.fold(0)[0]  # a held-out case is looked at too
    site.relabel(case, _6=9)
    refused(rf"case {case}: .*label value 9 \(\d+ voxels\) is not in the plan")
    report = site.plan(skip_failed=True)
    assert "label value 9" in report.left_out[case]
    assert case not in (*report.training, *report.held_out)


def test_a_fold_without_a_lesion_is_refused(site: Any, refused: Callable[..., RadstoreError]) -> None:
    for case in site.fold(2):
        site.relabel(case, _1=4)
    refused("no case of fold 2 has a lesion")


def test_maps_that_are_missing_are_refused(site: Any, refused: Callable[..., RadstoreError]) -> None:
    case = site.fold(1)[0]
    record = site.records()[case]
    site.record(case, replace(record, blocks={n: e for n, e in record.blocks.items() if "maps" not in n}))
    refused(f"case {case}: it has no maps/{VIEW}")


@pytest.mark.parametrize(
    ("there", "remedy"),
    [(False, "Run `fusion regions --fold 0`, then `radstore build "), (True, "Run `radstore build ")],
    ids=["no region", "a region without numbers"],
)
def test_the_remedy_names_what_comes_first(
    site: Any, refused: Callable[..., RadstoreError], there: bool, remedy: str
) -> None:
    if there:
        masks = {
            case: StoredRegion(region_of(site.snapshot, case, "pancreas").mask, {"model": "m"})
            for case in site.records()
        }
        keep_regions(site.root / "store", "stage1-fold0", masks)
    told = refused("it has no (region|features)/", fold=0, region=None, paper=False)
    assert told.remedy.startswith(remedy)


def test_maps_that_failed_are_refused_with_their_reason(
    site: Any, refused: Callable[..., RadstoreError]
) -> None:
    case = site.fold(1)[0]
    record = site.records()[case]
    error = {"step": "maps", "message": "out of luck", "remedy": "Try again."}
    failed = Entry("0" * 64, "failed", error=error)
    site.record(case, replace(record, blocks={**record.blocks, f"maps/{VIEW}": failed}))
    assert "Try again." in refused(f"case {case}: it has no maps/{VIEW}: out of luck").remedy


def test_maps_of_another_spec_are_refused(refused: Callable[..., RadstoreError]) -> None:
    refused("is of another spec", settings=["setting.binWidth=25"])


def test_a_region_of_label_files_needs_paper_mode(refused: Callable[..., RadstoreError]) -> None:
    refused("read from label files", paper=False)


def predict_regions(site: Any, *also: int) -> dict[str, StoredRegion]:
    """As if Stage 1 had found the drawn pancreas, by models that held out each case's fold and others."""
    masks = {}
    for case, record in site.records().items():
        origin = {
            "stage": 1,
            "model": "m",
            "held_out": sorted({record.marks["fold"], *also}),
            "split": record.marks["split"],
        }
        masks[case] = StoredRegion(region_of(site.snapshot, case, "pancreas").mask, origin)
    keep_regions(site.root / "store", "stage1-fold0", masks)
    for case, record in site.records().items():  # the same voxels: the same vectors and maps
        views = {kind: record.blocks[f"{kind}/{VIEW}"] for kind in ("features", "maps")}
        named = {f"{kind}/tiny@stage1-fold0": entry for kind, entry in views.items()}
        site.record(case, replace(record, blocks={**record.blocks, **named}))
    return masks


def test_regions_out_of_fold_need_no_paper_mode(site: Any, refused: Callable[..., RadstoreError]) -> None:
    masks = predict_regions(site)
    report = site.plan(paper=False, region=None)
    recipe = Recipe.from_plans(report.plans)
    assert (recipe.region, recipe.view) == ("stage1-fold0", "tiny@stage1-fold0")
    assert recipe.protocol == (CHAIN, SELECTION)
    assert report.notes == (tell(CHAIN), tell(SELECTION))
    shutil.rmtree(site.root / "models")
    seen = site.fold(1)[0]
    leaking = StoredRegion(masks[seen].mask, {**masks[seen].provenance, "held_out": [0]})
    keep_regions(site.root / "store", "stage1-fold0", {seen: leaking})
    refused(f"{seen}.: its model did not hold out fold 1", paper=False, region=None)


def test_nested_chains_want_nested_regions(site: Any, refused: Callable[..., RadstoreError]) -> None:
    predict_regions(site)
    told = refused("its model did not hold out fold 0", paper=False, region=None, nested=True)
    assert "fusion regions --fold 0 --nested" in told.remedy
    predict_regions(site, 0)
    report = site.plan(paper=False, region=None, nested=True)
    recipe = Recipe.from_plans(report.plans)
    assert (recipe.nested, recipe.protocol) == (True, (NESTED, SELECTION))
    assert report.notes == (tell(NESTED), tell(SELECTION))


def test_a_selection_must_be_the_folds_own(site: Any, refused: Callable[..., RadstoreError]) -> None:
    text = site.spec.read_text()
    site.spec.write_text(text + "provenance: {fold: 1}\n")
    refused("selected for fold 1, not for fold 0", paper=False)
    site.spec.write_text(text + "provenance: {by: select}\n")
    refused("selected on all labelled cases", paper=False)
    report = site.plan()
    assert "selected on all labelled cases" in report.notes[1]
    assert Recipe.from_plans(report.plans).protocol == (PAPER,)


def test_a_column_named_fold_is_no_fold(site: Any) -> None:
    records = site.records()
    case = next(case for case in site.fold(2) if not records[case].marks["lesion_voxels"])
    marks = {"lesion_voxels": 0}
    site.record(case, replace(records[case], info={**records[case].info, "fold": 0}, marks=marks))
    assert "no fold" in site.plan(1, 0).left_out[case]


def test_the_last_fold_is_missed_too(site: Any) -> None:
    for case in site.fold(2):
        site.relabel(case, _6=9)
    with pytest.raises(BadInput, match="fold 2 has no usable case"):
        site.plan(1, 0, skip_failed=True)


def test_of_nested_chains_neither_fold_gives_a_number(site: Any) -> None:
    report = site.plan(1, 0, without=2)
    assert (report.name, list(report.training)) == ("stage1-fold0-without2", site.fold(1))
    recipe = Recipe.from_plans(report.plans)
    assert (recipe.held_out, recipe.region_rule["fallback"]["cases"]) == ((0, 2), len(site.fold(1)))
    alone = site.plan(1, 0)
    intensities = "foreground_intensity_properties_per_channel"
    assert report.plans[intensities] != alone.plans[intensities]
    name, plans, _ = read_plan(site.root / "models", 1, 0, 2)
    assert (name, plans) == (report.name, report.plans)
    site.plan(1, None, paper=True)
    with pytest.raises(BadInput, match="no plan of stage 1, fold 0") as told:  # that of all folds is no help
        read_plan(site.root / "models", 1, 0, 1)
    assert "fusion plan --stage 1 --fold 0 --without 1" in told.value.remedy


def test_the_recipe_names_the_split(first_site: Any) -> None:
    split = next(iter(first_site.records().values())).marks["split"]
    assert Recipe.from_plans(first_site.plan(1, 0).plans).split == split
    assert Recipe.from_plans(first_site.plan(1, None, paper=True).plans).split == ""


def test_there_must_be_folds(site: Any, refused: Callable[..., RadstoreError]) -> None:
    refused("fold 7: .* has folds 0 to 2", fold=7)
    records = site.records()
    for case in records:
        site.record(case, replace(records[case], marks={}))
    refused("no case has a fold")


def test_there_must_be_cases_for_the_folds(site: Any, refused: Callable[..., RadstoreError]) -> None:
    records = site.records()
    for number, case in enumerate(records):
        marks = {**records[case].marks, "fold": min(6 + number, 7)}
        patient = {**records[case].info, "patient": str(min(6 + number, 7))}
        site.record(case, replace(records[case], marks=marks, info=patient))
    refused("6 usable cases for 8 folds", stage=1, fold=0)


def test_an_empty_fold_is_refused(site: Any, refused: Callable[..., RadstoreError]) -> None:
    records = site.records()
    for case in site.fold(1):
        marks = {name: mark for name, mark in records[case].marks.items() if name != "fold"}
        site.record(case, replace(records[case], marks=marks))
    refused("fold 1 has no usable case", stage=1, fold=0)


@pytest.mark.parametrize(
    ("told", "keywords"),
    [
        ("--stage 3", {"stage": 3}),
        ("no fold is held out", {"fold": None, "paper": False}),
        ("Stage 2 needs the spec", {"features": None}),
        ("sees the whole CT", {"stage": 1, "region": "pancreas"}),
        ("sees the whole CT", {"stage": 1, "roi": Roi()}),
        ("Stage 2 makes no regions", {"rule": RegionRule()}),
        ("--without 1 of stage 2", {"without": 1}),
        ("--nested is for Stage 2", {"stage": 1, "nested": True}),
        ("--nested and --paper contradict", {"nested": True}),
        ("--without 0 of stage 1, fold 1", {"stage": 1, "fold": 1, "without": 0}),
        ("no region 'stage1-fold0'|it has no region/stage1-fold0", {"region": None, "paper": False}),
    ],
)
def test_what_does_not_go_together_is_refused(
    refused: Callable[..., RadstoreError], told: str, keywords: dict[str, Any]
) -> None:
    refused(told, **keywords)


def test_samples_of_all_cases_are_made(site: Any) -> None:
    case = site.fold(1)[0]
    site.relabel(case, _6=7)
    shape = Overrides(spacing=(6, 6, 6), patch=(16, 16, 16), base_features=2, max_features=4)
    done: list[tuple[str, int, int]] = []
    report = site.plan(samples=True, overrides=shape, progress=lambda *told: done.append(told))
    assert report.failed == {}
    assert {what for what, *_ in done} == {"cases looked at", "samples made"}
    assert sum("label 7" in note for note in report.notes) == 1
    assert not any("stray" in note for note in report.notes)
    snapshot = site.snapshot
    for name in (*report.training, *report.held_out):
        assert snapshot.case(name).entry("training/stage2-fold0").ok


def test_a_plan_is_there_when_its_samples_are(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = Overrides(spacing=(6, 6, 6), patch=(16, 16, 16), base_features=2, max_features=4)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("fusion.plan.api.materialise", killed)
        with pytest.raises(KeyboardInterrupt):
            site.plan(samples=True, overrides=shape)
    with pytest.raises(BadInput, match="no plan of stage 2, fold 0"):
        read_plan(site.root / "models", 2, 0)
    first = site.plan(samples=True, overrides=shape)
    case = next(case for case in site.fold(1) if not site.records()[case].marks["lesion_voxels"])
    site.relabel(case, _6=9)
    again = site.plan(samples=True, overrides=shape, skip_failed=True)
    assert again.notes[-1] == f"samples of an earlier plan were taken out: 1 case ({case})"
    digests = {Recipe.from_plans(report.plans).samples for report in (first, again)}
    assert len(digests) == 2  # the fingerprint is another
    from fusion.data.dataset import StoreDataset
    from fusion.data.view import View

    view = View.of(site.snapshot, again.name, Recipe.from_plans(again.plans))
    view.save(site.root / "view")
    assert len(StoreDataset(str(site.root / "view")).identifiers) == 5


def test_what_never_varies_is_told(site: Any) -> None:
    records = site.records()
    only = next(case for case in records if records[case].marks["lesion_voxels"])  # a vector without spread
    for case, record in records.items():
        told = {"patient": "only" if case == only else "other"}
        marks = {**record.marks, "fold": 0 if case == only else 1}
        site.record(case, replace(record, info={**record.info, **told}, marks=marks))
    report = site.plan(fold=1)
    assert report.training == (only,)
    assert sum("number of the vector" in note for note in report.notes) == 3
    assert {number.sd for number in Recipe.from_plans(report.plans).vector} == {1.0}
