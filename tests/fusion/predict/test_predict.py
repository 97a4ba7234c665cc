"""From CTs to candidates and scores: which chains predict whom, what fails, what goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fusion.cli import main
from fusion.predict.api import Run, predict
from fusion.predict.candidate_rule import CandidateRule
from fusion.predict.chain import joined
from fusion.predict.models import Models
from fusion.predict.predictions import Predictions
from radstore.errors import BadInput
from radstore.images.read import read_image
from radstore.images.volume import Volume
from radstore.images.write import write_volume
from radstore.store import log
from radstore.store.log import Change
from radstore.store.query import open_store

ROW = "ct+maps+global"
REAL = Run.predict


def run(site: Any, out: Path, **given: Any) -> Predictions:
    settings = {"inputs": ROW, "device": "cpu", "engine": "cpu", "mirroring": False, "pictures": False}
    return predict(site.models, out, **{**settings, **given})


@pytest.fixture
def trained(site: Any, find_bright: Callable[[Any], None]) -> Any:
    """Two folds of Stage 1 that finds what is bright, and of Stage 2."""
    site.train("", 0, 1, stage=1, change=find_bright)
    site.train(ROW, 0, 1)
    return site


def test_a_fold_by_its_own_chain_the_rest_by_all(trained: Any, tmp_path: Path) -> None:
    done = run(trained, tmp_path / "out", store=trained.store, probabilities=True, pictures=True)
    chains = {case: one.chains for case, one in done.cases.items()}
    assert chains == {"a": (0,), "b": (0,), "c": (1,), "d": (1,), "new": (0, 1)}
    assert {case: one.fold for case, one in done.cases.items()} == {
        "a": 0,
        "b": 0,
        "c": 1,
        "d": 1,
        "new": None,
    }
    assert {case for case, one in done.cases.items() if one.status == "fallback"} == {"b"}
    again = Predictions.open(tmp_path / "out")
    assert again.cases == done.cases
    for case, one in again.cases.items():
        ct = read_image(trained.file(case))
        found, labels, lesion = again.candidates(case), again.labels(case), again.probability(case)
        for volume in (found, labels, lesion):
            assert volume.geometry.mismatch(ct.geometry, 1e-6) is None
        assert found.array.dtype == lesion.array.dtype == np.float32
        assert one.score == pytest.approx(float(found.array.max()))
        assert set(np.unique(labels.array)) <= set(range(7))
        assert again.path(case, "png").stat().st_size > 10_000


def test_what_is_being_done_is_told(trained: Any, tmp_path: Path) -> None:
    told: list[str] = []
    counted: list[tuple[int, int]] = []
    given: dict[str, Any] = {"progress": lambda *count: counted.append(count), "doing": told.append}
    done = run(trained, tmp_path / "out", files=[trained.file("a")], pictures=True, **given)
    assert done.cases["a"].error is None
    assert counted == [(0, 1), (1, 1)]
    steps = [line for line in dict.fromkeys(told) if "tile" not in line]
    chain = ["", ", Stage 1", ", region", ", vector and maps", ", Stage 2"]
    assert steps == [
        "a",
        "a, reading",
        *(f"a, chain 1 of 2{step}" for step in chain),
        *(f"a, chain 2 of 2{step}" for step in chain),
        "a, candidates",
        "a, picture",
        "",
    ]
    assert any(line.startswith("a, chain 2 of 2, Stage 2, tile 1 of ") for line in told)
    told.clear()
    run(trained, tmp_path / "stored", store=trained.store, cases=["a"], doing=told.append)
    assert not any("Stage 1" in line or "vector" in line for line in told)  # they are read


def test_a_file_gives_what_its_stored_case_gives(trained: Any, tmp_path: Path) -> None:
    """A store whose region is Stage 1's own, and the bare file: the same prediction to the last bit."""
    only = replace(trained, models=tmp_path / "one")
    for stage in ("stage1", f"stage2/{ROW}"):
        shutil.copytree(trained.models / stage / "chain0", only.models / stage / "chain0")
    (chain,) = Models(only.models, ROW, torch.device("cpu"), engine="cpu", mirroring=False).chains()
    ct = read_image(trained.file("a"))
    stored = site_with_own_region(only, chain, ct, tmp_path)
    one = run(only, tmp_path / "stored", store=stored, cases=["a"], fold=0, probabilities=True)
    copy = shutil.copy(trained.file("a"), tmp_path / "other.nii.gz")
    other = run(only, tmp_path / "bare", files=[copy], probabilities=True)
    np.testing.assert_array_equal(one.probability("a").array, other.probability("other").array)
    np.testing.assert_array_equal(one.labels("a").array, other.labels("other").array)
    assert one.cases["a"].candidates == other.cases["other"].candidates
    assert one.cases["a"].notes == other.cases["other"].notes == ()


def site_with_own_region(site: Any, chain: Any, ct: Volume, folder: Path) -> Path:
    """A copy of the store in which case a has the region that Stage 1 finds, and what follows from it."""
    from radstore.store.regions import StoredRegion, keep_regions

    store = folder / "store"
    shutil.copytree(site.store, store)
    given = chain.ingredients(ct)
    assert given.status == "ok"
    assert 0 < given.region.array.mean() < 0.5
    origin = {"stage": 1, "held_out": [0], "status": "ok"}
    keep_regions(store, "stage1-fold0", {"a": StoredRegion(given.region, origin)})
    site.build(store)
    return store


def test_a_run_goes_on_where_it_stopped(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fusion.predict.api import Run

    whole = run(trained, tmp_path / "whole", store=trained.store, fold=0)
    real, calls = Run.predict, []

    def stops(self: Any, study: Any, folds: Any) -> None:
        calls.append(study.id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(self, study, folds)

    monkeypatch.setattr(Run, "predict", stops)
    with pytest.raises(KeyboardInterrupt):
        run(trained, tmp_path / "out", store=trained.store, fold=0)
    assert list(Predictions.open(tmp_path / "out").cases) == ["a"]
    done = run(trained, tmp_path / "out", store=trained.store, fold=0)
    assert calls == ["a", "b", "b"]
    scores = {case: one.score for case, one in done.cases.items()}
    assert scores == {case: one.score for case, one in whole.cases.items()}
    more = run(trained, tmp_path / "out", store=trained.store, fold=1)
    assert list(more.cases) == ["a", "b", "c", "d"]
    assert [model["fold"] for model in more.origin.models] == [0, 1]
    assert [model["protocol"] for model in more.origin.models] == [["standard chain"]] * 2


def test_a_case_that_fails_is_a_record(trained: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(b"no image")
    done = run(trained, tmp_path / "out", files=[bad, trained.file("a")])
    assert done.cases["bad"].status == "failed"
    assert done.cases["bad"].score is None
    assert done.cases["bad"].error is not None
    assert "bad.nii.gz" in done.cases["bad"].error["message"]
    assert done.cases["a"].status == "ok"
    with pytest.raises(BadInput, match=r"no prediction of case 'bad'.*bad\.nii\.gz"):
        done.labels("bad")
    shutil.copy(trained.file("b"), bad)
    assert run(trained, tmp_path / "out", files=[bad]).cases["bad"].status == "ok"


@pytest.mark.parametrize("shape", [(5, 40, 40), (1, 40, 40)])
def test_a_ct_without_pancreas_and_of_few_slices_gets_a_score(
    trained: Any, tmp_path: Path, tiny_ct: Callable[..., Volume], shape: tuple[int, int, int]
) -> None:
    dark = tiny_ct(shape)
    empty = write_volume(Volume(np.full_like(dark.array, -1000), dark.geometry), tmp_path / "empty.nii.gz")
    thin = write_volume(dark, tmp_path / "thin.nii.gz")
    done = run(trained, tmp_path / "out", files=[empty, thin], pictures=True)
    assert done.cases["empty"].error is None
    assert done.cases["empty"].status == "fallback"
    assert done.cases["empty"].score is not None
    assert any("fallback" in note for note in done.cases["empty"].notes)
    assert "every voxel of the CT is -1000" in done.cases["empty"].notes
    assert done.cases["thin"].error is None
    assert done.cases["thin"].score is not None
    assert done.candidates("thin").geometry.shape == shape


@pytest.fixture
def no_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """No case may be predicted."""
    monkeypatch.setattr(Run, "predict", lambda run, study, folds: pytest.fail(f"{study.id} was begun"))


@pytest.mark.usefixtures("no_case")
def test_a_stage_1_that_is_missing_is_told_before_the_first_case(trained: Any, tmp_path: Path) -> None:
    (trained.models / "stage1" / "chain1" / "fold_1" / "checkpoint_final.pth").unlink()
    with pytest.raises(BadInput, match=r"stage1/chain1/fold_1/checkpoint_final.pth"):
        run(trained, tmp_path / "out", files=[trained.file("a")])
    with pytest.raises(pytest.fail.Exception, match="a was begun"):  # its region is stored: nobody needs one
        run(trained, tmp_path / "out", store=trained.store, fold=0)


@pytest.mark.usefixtures("no_case")
def test_a_control_that_needs_a_store_is_refused_without_one_before_the_first_case(
    trained: Any, tmp_path: Path
) -> None:
    trained.train("ct+permuted", 0, 1)
    with pytest.raises(BadInput, match=r"a: the control .*needs the vectors"):
        run(trained, tmp_path / "out", inputs="ct+permuted", files=[trained.file("a")])


@pytest.mark.usefixtures("no_case")
def test_a_folder_that_cannot_be_written_to_is_told_before_the_first_case(
    trained: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(BadInput, match=r"file/predictions\.json cannot be written"):
        run(trained, tmp_path / "file", store=trained.store, cases=["a"])


def test_what_chains_say_alike_is_said_once() -> None:
    assert joined({3: ("one", "two")}) == ("one", "two")
    assert joined({0: ("one",), 1: (), 2: ("two", "one")}) == ("chains 0, 2: one", "chain 2: two")


def test_what_does_not_fit_is_refused(trained: Any, tmp_path: Path) -> None:
    run(trained, tmp_path / "out", store=trained.store, cases=["a"])
    with pytest.raises(BadInput, match="another settings"):
        run(trained, tmp_path / "out", store=trained.store, cases=["a"], step=1.0)
    with pytest.raises(BadInput, match="has no model"):
        run(trained, tmp_path / "x", store=trained.store, inputs="ct+map")
    with pytest.raises(BadInput, match="nothing to predict"):
        run(trained, tmp_path / "x")
    with pytest.raises(BadInput, match="at once"):
        run(trained, tmp_path / "x", store=trained.store, files=[trained.file("a")])
    with pytest.raises(BadInput, match="in fold 7"):
        run(trained, tmp_path / "x", store=trained.store, fold=7)
    with pytest.raises(BadInput, match="no such CUDA device"):
        run(trained, tmp_path / "x", files=[trained.file("a")], device="cuda:99")
    (trained.models / "stage2" / ROW / "chain1").rename(tmp_path / "gone")
    with pytest.raises(BadInput, match="no chain 1"):
        run(trained, tmp_path / "x", store=trained.store)
    assert not (tmp_path / "x").exists()


def test_other_predictions_are_replaced_if_asked(trained: Any, tmp_path: Path) -> None:
    told: list[str] = []
    run(trained, tmp_path / "out", store=trained.store, cases=["a", "b"])
    given: dict[str, Any] = {"store": trained.store, "step": 1.0, "force": True}
    done = run(trained, tmp_path / "out", cases=["a"], say=told.append, **given)
    assert list(done.cases) == list(Predictions.open(tmp_path / "out").cases) == ["a"]
    assert any("held 2 other predictions: another settings" in line for line in told)
    run(trained, tmp_path / "out", cases=["a", "b"], **given)
    assert list(Predictions.open(tmp_path / "out").cases) == ["a", "b"]  # the same again: gone on with


@pytest.mark.usefixtures("no_case")
def test_another_ct_of_the_same_name_is_not_taken_for_one_that_is_done(trained: Any, tmp_path: Path) -> None:
    """Two patients' scans are often both called venous.nii.gz."""
    here, there = tmp_path / "one" / "venous.nii.gz", tmp_path / "two" / "venous.nii.gz"
    for case, file in (("a", here), ("b", there)):
        file.parent.mkdir()
        shutil.copy(trained.file(case), file)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Run, "predict", REAL)
        first = run(trained, tmp_path / "out", files=[here]).cases["venous"]
    assert first.source == str(here.resolve())
    index = (tmp_path / "out" / "predictions.json").read_text()
    with pytest.raises(BadInput, match=r"another case 'venous', of .*one/venous\.nii\.gz instead of .*two/"):
        run(trained, tmp_path / "out", files=[there])
    assert (tmp_path / "out" / "predictions.json").read_text() == index
    assert run(trained, tmp_path / "out", files=[here]).cases["venous"] == first  # done
    told: list[str] = []
    with pytest.raises(pytest.fail.Exception, match="venous was begun"):
        run(trained, tmp_path / "out", files=[there], force=True, say=told.append)
    assert any("another case 'venous'" in line for line in told)


def test_a_chain_that_learnt_from_a_patient_since_split_anew_is_refused(trained: Any, tmp_path: Path) -> None:
    """Chain 0 was trained on c and d, chain 1 on a and b; in which fold they are now is another matter."""
    told: list[str] = []
    run(trained, tmp_path / "out", store=trained.store, say=told.append)
    assert sum("believed" in line for line in told) == 2  # no view lies beside these models
    for fold in (0, 1):
        trained.view(ROW, fold)
    run(trained, tmp_path / "out", store=trained.store)
    store = tmp_path / "store"
    shutil.copytree(trained.store, store)
    split_anew(store, {"a": 0, "b": 1, "c": 0, "d": 1})
    with pytest.raises(BadInput, match=r"trained on the patients of 1 of the cases .*\(as c\)"):
        run(trained, tmp_path / "new", store=store)
    with pytest.raises(BadInput, match=r"of 2 of the cases"):  # as if they were external
        run(trained, tmp_path / "new", catalog=trained.catalog, store=store_without_folds(store))
    assert not (tmp_path / "new").exists()
    version = open_store(store).version.number - 2
    assert len(run(trained, tmp_path / "new", store=store, version=version).cases) == 5


def split_anew(store: Path, folds: dict[str, int | None]) -> None:
    snapshot = open_store(store)
    changes = {}
    for case, fold in folds.items():
        record = snapshot.manifest.get(case)
        assert record is not None
        marks = {} if fold is None else {"fold": fold, "split": "t"}
        changes[case] = Change(record, replace(record, marks=marks))
    log.commit(snapshot.bucket, changes, message="folds")


def store_without_folds(store: Path) -> Path:
    split_anew(store, dict.fromkeys("abcd"))
    return store


def test_another_spec_is_refused(trained: Any, tmp_path: Path) -> None:
    plans = trained.models / "stage2" / ROW / "chain0" / "plans.json"
    document = json.loads(plans.read_text())
    document["fusion"]["spec_hash"] = "0" * 64
    plans.write_text(json.dumps(document))
    with pytest.raises(BadInput, match="000000000000 when it was trained"):
        run(trained, tmp_path / "out", store=trained.store, fold=0)


def test_the_verb(trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(b"no image")
    typed = ["predict", str(trained.file("a")), str(bad), "--models", str(trained.models)]
    typed += ["--out", str(tmp_path / "out"), "--device", "cpu", "--no-mirroring", "--no-pictures"]
    assert main([*typed, "--engine", "cpu", "--threshold", "dynamic-fast", "--factor", "2.5"]) == 1
    said = capsys.readouterr()
    assert said.out.endswith("out, 1 failed\n")
    assert "bad.nii.gz" in said.err
    done = Predictions.open(tmp_path / "out")
    assert done.origin.settings["candidates"]["threshold"] == "dynamic-fast"
    assert done.cases["a"].status == "ok"
    assert main([*typed, "--threshold", "dynamic-3"]) == 2
    assert "dynamic-v2" in capsys.readouterr().err


def test_the_verbs_have_the_librarys_defaults() -> None:
    from fusion.cli.challenge import serve_challenge
    from fusion.cli.predict import predict as verb

    library, rule = signature(predict).parameters, asdict(CandidateRule())
    for typed in (signature(verb).parameters, signature(serve_challenge).parameters):
        shared = {name for name in typed if name in library} - {"models", "out"}
        assert {"inputs", "step", "mirroring", "checkpoint", "device", "engine"} <= shared
        for name in shared - {"files"}:
            assert typed[name].default == library[name].default, name
        assert {name: typed[name].default for name in rule if name in typed} == {
            name: value for name, value in rule.items() if name != "near"
        }
