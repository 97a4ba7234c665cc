"""Selection on a store, and the files it writes."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.canonical import digest_of
from radstore.errors import BadInput
from radstore.select import select
from radstore.spec import Spec, load_spec
from radstore.split import split
from radstore.store import blocks, layout, log
from radstore.store.blocks import CODEC, Block
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Entry, Manifest

DOCUMENT: dict[str, Any] = {
    "featureClass": {"glcm": [], "shape": ["Sphericity"]},
    "imageType": {"Original": {}, "LBP2D": {"binWidth": 1}},
    "setting": {"binWidth": 20, "resampledPixelSpacing": [1, 1, 2.5]},
    "voxelSetting": {"kernelRadius": 2},
}
SPEC = Spec.from_dict(DOCUMENT, "some")
SIGNAL = ("lbp-2D_glcm_Contrast", "original_glcm_Imc1", "original_shape_Sphericity")


def published(bucket: Bucket, case: str, region: str, values: np.ndarray, spec: Spec) -> Entry:
    """A vector in the store, as a build leaves it."""
    content = {"names": list(spec.names), "failures": {}}
    provenance = {"spec": spec.document, "spec_hash": spec.hash}
    block = Block("features", {"features": values}, None, content, provenance)
    key = digest_of([case, region, spec.hash])
    return Entry(key, digest=blocks.publish(bucket, layout.object_folder(key), block), spec=spec.hash)


@pytest.fixture(scope="session")
def _store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("select") / "store"
    bucket = open_bucket(root)
    layout.create(bucket, CODEC)
    rng = np.random.default_rng(0)
    changes = {}
    for n in range(60):
        case, label = f"case{n:02d}", n % 2
        entries = {}
        for region in ("pancreas", "stage1"):
            values = rng.normal(size=len(SPEC.names))
            if region == "pancreas":
                values[[SPEC.names.index(name) for name in SIGNAL]] += 2 * label
            entries[f"features/some@{region}"] = published(bucket, case, region, values, SPEC)
        patient = f"P{n // 6 * 5 + min(n % 6, 4)}"
        info = {"patient": patient, "label": label, "word": "ab"[label], "site": "AB"[n % 4 > 1]}
        changes[case] = Change(None, CaseRecord(info, entries))
    log.commit(bucket, changes, build={"view": "some@pancreas"})
    return root


@pytest.fixture
def store(_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """60 cases of 50 patients in two regions; in `pancreas` three features tell the classes apart."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(_store, tmp_path / "store"))


def run(store: Path, **keywords: Any) -> Any:
    return select(store, **{"size": 3, "folds": 4, "jobs": 1} | keywords)


def relabel(store: Path, change: Callable[[str, dict[str, Any]], dict[str, Any]]) -> None:
    bucket = open_bucket(store)
    before = dict(Manifest(bucket, log.head(bucket).manifest).items())
    changes = {
        case: Change(r, CaseRecord(change(case, dict(r.info)), r.blocks, r.marks))
        for case, r in before.items()
    }
    assert log.commit(bucket, changes).written


def test_the_written_spec_can_be_built(store: Path) -> None:
    report = run(store)
    assert report.files == tuple(Path(f"selected{suffix}") for suffix in (".yaml", ".json", ".csv", ".png"))
    assert set(report.selection.features) == set(SIGNAL)
    spec = load_spec("selected.yaml")
    assert spec.names == report.selection.features
    assert (spec.region, spec.maps) == ("pancreas", True)
    assert {column.name: column.settings for column in spec.columns} == {
        column.name: column.settings for column in SPEC.columns if column.name in SIGNAL
    }
    text = Path("selected.yaml").read_text()
    assert text.startswith("# Written by `radstore select`")
    assert "# Selected on all labelled cases" in text


def test_provenance_says_where_it_comes_from_and_changes_no_hash(store: Path) -> None:
    report = run(store, seed=3)
    spec = load_spec("selected.yaml")
    said = spec.provenance
    assert said == report.provenance
    assert (said["store"], said["version"], said["view"]) == (str(store), 1, "some@pancreas")
    assert (said["cases"], said["positives"], said["patients"], said["offered"]) == (60, 30, 50, 49)
    assert said["spec_hash"] == SPEC.hash
    assert said["options"]["seed"] == 3
    assert said["fold"] is None
    assert "warning" in said
    assert set(said["features"]) == set(SIGNAL)
    scaler = report.selection.scaler()
    for name, one in said["features"].items():
        assert {key: one[key] for key in ("mean", "scale", "median", "weight")} == scaler[name]
        assert 0.5 <= one["auroc"] <= 1
        assert one["q"] < 0.05
        assert one["higher_in"] == "1"
    bare = Spec.from_dict({**spec.document, "region": "pancreas"}, "selected")
    assert bare.hash == spec.hash
    assert bare == spec
    assert "provenance" not in spec.document


def test_everything_is_in_json_and_csv(store: Path) -> None:
    report = run(store, permutations=2)
    said = json.loads(Path("selected.json").read_text())
    assert set(report.provenance) < set(said)
    assert len(said["predictions"]) == 60
    assert [len(one) for one in said["fold_sets"]] == [3] * 4
    assert len(said["null_auroc"]) == said["scores"]["null"]["permutations"] == 2
    rows = list(csv.DictReader(Path("selected.csv").read_text().splitlines()))
    assert len(rows) == 49
    assert [row["feature"] for row in rows[:3]] == list(report.selection.features)


def test_the_same_files_again(store: Path) -> None:
    run(store)
    before = {name: Path(f"selected.{name}").read_bytes() for name in ("yaml", "json", "csv")}
    run(store, jobs=2, force=True)
    assert {name: Path(f"selected.{name}").read_bytes() for name in before} == before


def test_a_fold(store: Path) -> None:
    split(store, k=4, seed=1)
    report = run(store, fold=2)
    assert report.files[0] == Path("selected.fold2.yaml")
    said = load_spec(report.files[0]).provenance
    assert said["fold"] == 2
    assert "warning" not in said
    assert said["stored_folds"]["k"] == 4
    held = said["scores"]["held_out"]
    assert held["auroc"] > 0.8
    bucket = open_bucket(store)
    folds = {case: r.marks["fold"] for case, r in Manifest(bucket, log.head(bucket).manifest).items()}
    used = {row["case"] for row in json.loads(report.files[1].read_text())["predictions"]}
    assert used == {case for case, fold in folds.items() if fold != 2}


def test_a_folds_own_labels_have_no_part_in_its_selection(store: Path) -> None:
    folds = split(store, k=4, seed=1).folds
    first = run(store, fold=2)
    relabel(store, lambda case, info: info | ({"label": 1 - info["label"]} if folds[case] == 2 else {}))
    again = run(store, fold=2, force=True)
    same = ("features", "intercept", "stability", "cases_hash")
    assert {key: first.provenance[key] for key in same} == {key: again.provenance[key] for key in same}
    assert first.provenance["scores"]["nested"] == again.provenance["scores"]["nested"]
    assert first.provenance["scores"]["held_out"] != again.provenance["scores"]["held_out"]


def test_stored_folds(store: Path) -> None:
    split(store, k=3)
    report = run(store, folds="stored")
    bucket = open_bucket(store)
    records = Manifest(bucket, log.head(bucket).manifest)
    for row in json.loads(Path("selected.json").read_text())["predictions"]:
        record = records.get(row["case"])
        assert record is not None
        assert record.marks["fold"] == row["fold"]
    assert report.provenance["options"]["folds"] is None


def test_another_region(store: Path) -> None:
    report = run(store, region="stage1", out="other.yaml")
    assert report.provenance["view"] == "some@stage1"
    assert report.selection.nested.honest.mean_auroc < 0.75


def test_nothing_selected_leaves_no_spec(store: Path) -> None:
    Path("selected.yaml").write_text("old")
    report = run(store, region="stage1", alpha=1e-9, force=True)
    assert report.selection.features == ()
    assert not Path("selected.yaml").exists()
    assert [file.suffix for file in report.files] == [".json", ".csv", ".png"]


def test_harmonised_over_sites(store: Path) -> None:
    split(store, k=3)
    for fold in (None, 1):
        report = run(store, harmonise="site", fold=fold, folds=3)
        said = load_spec(report.files[0]).provenance
        assert said["harmonise"] == "site"
        sites = said["harmonised"]["sites"]
        assert sum(sites.values()) == said["cases"]
        assert (set(sites), sites["A"]) == ({"A", "B"}, 30 if fold is None else sites["A"])
        assert "fitted on the training cases of every fold" in said["harmonised"]["what"]
        assert said["harmonised"]["by"].startswith("combatlearn 2.")
        assert json.loads(report.files[1].read_text())["harmonised"] == said["harmonised"]
        text = report.files[0].read_text()
        assert "# Selected on values that were harmonised over 'site'" in text
        assert any(note.startswith("harmonised over 2 sites") for note in report.selection.notes)
    plain = run(store, force=True, size=2)
    assert plain.provenance["harmonise"] is None
    assert "harmonised" not in plain.provenance


def test_other_words(store: Path) -> None:
    with pytest.raises(BadInput, match=r"label of case case00 is 'a'; the column 'word' has 'a' \(30 cases"):
        run(store, label="word")
    report = run(store, label="word", positive="b")
    assert (report.provenance["positive"], report.provenance["negative"]) == ("b", "a")


def test_cases_without_a_label(store: Path) -> None:
    relabel(store, lambda case, info: info | ({"label": None} if case < "case05" else {}))
    report = run(store)
    assert report.provenance["cases"] == 55
    assert report.selection.notes[0].startswith("5 cases (case00, case01, case02 …) without a label")


def test_two_specs_in_one_view(store: Path) -> None:
    bucket = open_bucket(store)
    record = Manifest(bucket, log.head(bucket).manifest).get("case00")
    assert record is not None
    other = Spec.from_dict({**DOCUMENT, "setting": {"binWidth": 5}}, "some")
    entry = published(bucket, "case00", "pancreas", np.zeros(len(other.names)), other)
    entries = {**record.blocks, "features/some@pancreas": entry}
    log.commit(bucket, {"case00": Change(record, CaseRecord(record.info, entries))})
    with pytest.raises(BadInput, match="were built with 2 different specs"):
        run(store)


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"view": "some@liver"}, "has no view 'some@liver'\n.*Its views are: some@pancreas, some@stage1"),
        ({"region": "liver"}, "has no view 'some@liver'\n.*--region liver"),
        ({"version": 7}, "no version 7"),
        ({"version": "v9"}, "no version 9"),
        ({"fold": 0}, "no case has a fold\n.*radstore split"),
        ({"folds": "stored"}, "60 of 60 labelled cases have no stored fold"),
        ({"folds": "many"}, "folds is 'many'"),
        ({"folds": 31}, "31 folds need at least 31 patients of each class, only 30 have the label '1'"),
        ({"label": "diagnosis"}, "has no column 'diagnosis'"),
        ({"harmonise": "scanner"}, "has no column 'scanner' to harmonise over"),
        ({"harmonise": "patient"}, "a site needs 5 cases to be harmonised; 'P0' has 1"),
        ({"rule": "best"}, "rule is 'best'"),
        ({"out": "x.txt"}, "no name for a spec"),
    ],
)
def test_bad_input(store: Path, keywords: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        run(store, **keywords)
    assert not list(Path().glob("selected*"))


def test_an_unknown_fold(store: Path) -> None:
    split(store, k=3)
    with pytest.raises(BadInput, match="there is no fold 3\n  → The stored folds are 0, 1, 2"):
        run(store, fold=3)


def test_files_that_are_there_stay(store: Path) -> None:
    Path("selected.csv").write_text("mine")
    with pytest.raises(BadInput, match=r"selected\.csv is there already\n.*--force"):
        run(store)
    assert Path("selected.csv").read_text() == "mine"
