"""The fold chain: who predicts whom, what is kept of it, and going on after anything."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fusion.regions import RegionRule, predict_regions, region_from_labels, require_out_of_fold, run
from radstore.errors import BadInput
from radstore.images.digest import volume_digest
from radstore.images.read import read_image
from radstore.split import split
from radstore.store import admin
from radstore.store.regions import Keeper, StoredRegion, region_of, stored_regions

CASES, EXTERNAL = [f"c{number}" for number in range(6)], ["x0", "x1"]


def origin(cohort: Any, case: str, region: str = "stage1-fold0") -> Any:
    return cohort.snapshot.case(case).record.blocks[f"region/{region}"].origin


def test_each_case_by_a_model_that_never_saw_it(cohort: Any, fakes: Any) -> None:
    folds = cohort.folds()
    report = cohort.predict(fakes, 1)
    assert fakes.asked() == {**{case: (folds[case],) for case in CASES}, "x0": (1,), "x1": (1,)}
    assert fakes.opened == [(0,), (1,), (2,)]  # each model once, in turn
    assert (report.region, report.failed, report.fallback) == ("stage1-fold1", {}, ())
    assert sorted(report.predicted) == sorted([*CASES, *EXTERNAL])
    assert stored_regions(cohort.snapshot.manifest) == {"stage1-fold1": sorted([*CASES, *EXTERNAL])}
    assert require_out_of_fold(cohort.snapshot, "stage1-fold1", 1, CASES) == ()
    assert any("saw labels of the held-out fold" in note for note in report.notes)


def test_nested_chains_hold_out_both_folds_of_training_cases(cohort: Any, fakes: Any) -> None:
    folds = cohort.folds()
    report = cohort.predict(fakes, 1, nested=True)
    expected = {case: tuple(sorted({1, folds[case]})) for case in CASES} | {"x0": (1,), "x1": (1,)}
    assert fakes.asked() == expected
    assert not any("saw labels" in note for note in report.notes)
    assert require_out_of_fold(cohort.snapshot, "stage1-fold1", 1, CASES, nested=True) == ()


def test_what_a_region_says_of_itself(cohort: Any, fakes: Any) -> None:
    cohort.predict(fakes, 0)
    fold = cohort.folds()["c3"]
    image = read_image(cohort.root / "own" / "c3.nii.gz")
    split_id = cohort.snapshot.case("c3").marks["split"]
    told = {
        "stage": 1,
        "model": f"model ({fold},) 0",
        "held_out": [fold],
        "split": split_id,
        "rule": RegionRule().to_json(),
        "status": "ok",
        "image": volume_digest(image),
    }
    assert origin(cohort, "c3") == told
    assert told.items() <= cohort.snapshot.case("c3").region("stage1-fold0").attrs.items()
    kept = region_of(cohort.snapshot, "c3", "stage1-fold0")
    assert kept.mask.geometry == image.geometry
    assert kept.mask.array.sum() == (3 + 4) * (4 + 4) * (4 + 4)  # dilated by 2, 2, 2 voxels of 2, 2, 4 mm


def test_again_does_nothing_and_does_not_even_decode(
    cohort: Any, fakes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for case in (*CASES, *EXTERNAL):  # written a while ago, so that the cache believes them
        file = cohort.root / ("own" if case in CASES else "other") / f"{case}.nii.gz"
        os.utime(file, (time.time() - 1000,) * 2)
    version = cohort.predict(fakes).version.number
    fakes.calls.clear()
    monkeypatch.setattr(run, "read_image", lambda path: pytest.fail("decoded"))
    again = cohort.predict(fakes)
    assert (fakes.calls, again.predicted, again.version.number) == ([], (), version)
    assert sorted(again.unchanged) == sorted([*CASES, *EXTERNAL])


def test_a_run_that_was_stopped_goes_on(cohort: Any, fakes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "COMMIT_CASES", 1)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    report = cohort.predict(fakes, progress=stop)
    assert (report.interrupted, len(report.predicted)) == (True, 3)
    fakes.calls.clear()
    again = cohort.predict(fakes)
    assert (len(fakes.calls), len(again.unchanged), again.interrupted) == (5, 3, False)


@pytest.mark.parametrize("change", ["model", "rule", "image"])
def test_what_changed_is_predicted_again(cohort: Any, fakes: Any, change: str) -> None:
    cohort.predict(fakes)
    fakes.calls.clear()
    if change == "model":
        fakes.version = 1
    elif change == "rule":
        fakes.rule = RegionRule(dilate_mm=(0.0, 0.0, 0.0))
    else:
        cohort.write("own", ["c0"], seed=9)
    again = cohort.predict(fakes)
    assert sorted(again.predicted) == (["c0"] if change == "image" else sorted([*CASES, *EXTERNAL]))
    if change == "model":
        assert origin(cohort, "x0")["model"] == "model (0,) 1"


def test_nothing_found_is_a_fallback_and_said(cohort: Any, fakes: Any) -> None:
    fakes.empty = ("c1", "x1")
    report = cohort.predict(fakes)
    assert sorted(report.fallback) == ["c1", "x1"]
    assert (origin(cohort, "c1")["status"], origin(cohort, "c0")["status"]) == ("fallback", "ok")
    assert "Stage 1 found nothing here; a box of" in origin(cohort, "c1")["note"]
    assert "note" not in origin(cohort, "c0")
    assert region_of(cohort.snapshot, "c1", "stage1-fold0").mask.array.any()
    assert sorted(cohort.predict(fakes).fallback) == ["c1", "x1"]  # it still says so when nothing is new


def test_a_case_that_fails_is_a_record_and_tried_again(cohort: Any, fakes: Any) -> None:
    (cohort.root / "own" / "c2.nii.gz").write_bytes(b"no image")
    fakes.broken = ("x0",)
    report = cohort.predict(fakes)
    assert sorted(report.failed) == ["c2", "x0"]
    assert "out of memory" in report.failed["x0"]["message"]
    entry = cohort.snapshot.case("c2").record.blocks["region/stage1-fold0"]
    assert entry.error == report.failed["c2"]
    assert len(report.predicted) == 6
    fakes.broken = ()
    again = cohort.predict(fakes)
    assert (again.predicted, sorted(again.failed)) == (("x0",), ["c2"])


def test_a_failure_takes_no_region_away(cohort: Any, fakes: Any) -> None:
    cohort.predict(fakes)
    before = cohort.snapshot.case("c2").record
    fakes.version, fakes.broken = 1, ("c2",)
    again = cohort.predict(fakes)
    assert (list(again.failed), again.earlier) == (["c2"], ("c2",))
    assert cohort.snapshot.case("c2").record == before
    assert origin(cohort, "c2")["model"].endswith(" 0")
    assert origin(cohort, "c3")["model"].endswith(" 1")


def test_what_is_being_done_is_told(cohort: Any, fakes: Any) -> None:
    told: list[str] = []
    cohort.predict(fakes, cases=["c4"], doing=told.append)
    assert list(dict.fromkeys(told)) == ["c4", "c4, reading", "c4, Stage 1", "c4, region", ""]


def test_only_some(cohort: Any, fakes: Any) -> None:
    assert cohort.predict(fakes, source="other").predicted == ("x0", "x1")
    assert cohort.predict(fakes, cases=["c4"], name="mine").predicted == ("c4",)
    assert stored_regions(cohort.snapshot.manifest) == {"mine": ["c4"], "stage1-fold0": ["x0", "x1"]}


def test_paper_mode_says_that_it_is_optimistic(cohort: Any, fakes: Any) -> None:
    report = cohort.predict(fakes, None)
    assert (report.region, set(fakes.asked().values())) == ("stage1", {()})
    assert "optimistic" in report.notes[0]
    with pytest.raises(BadInput, match="did not hold out fold"):
        require_out_of_fold(cohort.snapshot, "stage1", 0, CASES)
    assert "did not hold out" in require_out_of_fold(cohort.snapshot, "stage1", 0, CASES, paper=True)[0]


def test_an_external_study_of_a_training_patient_is_held_out_like_one(cohort: Any, fakes: Any) -> None:
    other = cohort.catalog.sources["other"]
    table = cohort.root / "other.csv"
    table.write_text("id,who\nx0,p4\nx1,somebody\n")
    args = {**other.args, "table": str(table), "case_column": "id", "patient_column": "who"}
    catalog = replace(cohort.catalog, sources={**cohort.catalog.sources, "other": replace(other, args=args)})
    fold = cohort.folds()["c4"]
    predict_regions(fakes, None, catalog, (fold + 1) % 3)
    assert (fakes.asked()["x0"], fakes.asked()["x1"]) == ((fold,), ((fold + 1) % 3,))


def test_a_model_that_saw_its_cases_is_refused(cohort: Any, fakes: Any) -> None:
    case = next(case for case, fold in cohort.folds().items() if fold == 1 and case not in ("c4", "c5"))
    fakes.trained_on = lambda held: frozenset({f"p{case[1:]}"})
    with pytest.raises(
        BadInput, match=rf"chain\(1,\) trained on 1 of the cases it should predict \(as {case}\)"
    ):
        cohort.predict(fakes)


def test_a_model_of_another_fold_is_refused(cohort: Any, fakes: Any) -> None:
    with pytest.raises(BadInput, match="did not hold out fold 0"):
        cohort.predict(lambda held: replace(fakes(held), held_out=(7,)))


def test_a_model_that_cannot_be_had_is_told_before_the_first_case(cohort: Any, fakes: Any) -> None:
    """Not at its turn, hours later."""

    def models(held: tuple[int, ...]) -> Any:
        if held == (2,):
            raise BadInput("chain2 is damaged", "Train it again.")
        return fakes(held)

    version = cohort.snapshot.version
    with pytest.raises(BadInput, match="chain2 is damaged"):
        cohort.predict(models)
    assert (fakes.calls, cohort.snapshot.version) == ([], version)


def test_whom_a_model_trained_on_is_not_known_is_said_once_a_model(cohort: Any, fakes: Any) -> None:
    notes = cohort.predict(fakes).notes
    assert sum("nothing says whom" in note for note in notes) == 3
    fakes.trained_on = lambda held: frozenset()
    assert not any("nothing says whom" in note for note in cohort.predict(fakes).notes)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"fold": 7}, "no case is in fold 7"),
        ({"name": "drawn"}, "defines a region 'drawn' already"),
        ({"name": "label-3"}, "not a name for a region"),
        ({"source": "nobody"}, "no source 'nobody'"),
    ],
)
def test_refused_before_anything_is_predicted(
    cohort: Any, fakes: Any, keywords: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        cohort.predict(fakes, **keywords)
    assert fakes.opened == []


def test_no_folds(cohort: Any, fakes: Any, tmp_path: Any) -> None:
    from radstore.store import layout
    from radstore.store.blocks import CODEC
    from radstore.store.bucket import open_bucket

    layout.create(open_bucket(tmp_path / "empty"), CODEC)
    with pytest.raises(BadInput, match=r"no case has a fold"):
        predict_regions(fakes, str(tmp_path / "empty"), cohort.catalog, 0)


def test_somebody_elses_region_meanwhile_is_a_conflict_of_that_case(cohort: Any, fakes: Any) -> None:
    theirs = replace(fakes((0,)), digest="theirs")

    def meanwhile(done: int, total: int) -> None:
        if done == 1:
            case = fakes.calls[0][1]
            image = read_image(cohort.root / "own" / f"{case}.nii.gz")
            mask, _ = region_from_labels(theirs.labels(image), image)
            fakes.calls.pop()
            with Keeper(cohort.snapshot.bucket, "stage1-fold0") as keeper:
                keeper.keep(case, StoredRegion(mask, {"model": "theirs"}))
                keeper.commit()

    report = cohort.predict(fakes, progress=meanwhile)
    (case,) = report.failed
    assert report.failed[case]["step"] == "commit"
    assert origin(cohort, case)["model"] == "theirs"
    assert (len(report.predicted), len(cohort.predict(fakes).predicted)) == (7, 1)


def test_the_store_is_whole(cohort: Any, fakes: Any) -> None:
    cohort.predict(fakes)
    found = admin.verify(cohort.store)
    assert (found.blocks > 0, found.damaged) == (True, {})
    np.testing.assert_equal(sorted(cohort.snapshot.cases), sorted([*CASES, *EXTERNAL]))


def test_after_another_split_old_regions_are_not_out_of_fold(cohort: Any, fakes: Any) -> None:
    cohort.predict(fakes)
    split(cohort.store, k=3, seed=5)
    with pytest.raises(BadInput, match="predicted for another split"):
        require_out_of_fold(cohort.snapshot, "stage1-fold0", 0, CASES)
