from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.canonical import digest_of
from radstore.cli import exits
from radstore.spec import Spec
from radstore.store import blocks, layout, log
from radstore.store.blocks import CODEC, Block
from radstore.store.bucket import open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Entry

SPEC = Spec.from_dict({"featureClass": {"glcm": []}}, "some")


@pytest.fixture
def store(nowhere: Path) -> Path:
    """./store: 30 cases, one of them without a label; two features tell the classes apart."""
    bucket = open_bucket(nowhere / "store")
    layout.create(bucket, CODEC)
    rng, changes = np.random.default_rng(0), {}
    for n in range(30):
        values = rng.normal(size=len(SPEC.names))
        values[:2] += 3 * (n % 2)
        content = {"names": list(SPEC.names), "failures": {}}
        block = Block("features", {"features": values}, None, content, {"spec": SPEC.document})
        key = digest_of(n)
        entry = Entry(key, digest=blocks.publish(bucket, layout.object_folder(key), block), spec=SPEC.hash)
        info = {"patient": f"P{n}", "label": n % 2 if n else None, "site": "AB"[n % 4 > 1]}
        changes[f"c{n:02d}"] = Change(None, CaseRecord(info, {"features/some@organ": entry}))
    log.commit(bucket, changes, build={"view": "some@organ"})
    return nowhere / "store"


QUICK = ("--folds", 3, "--size", 2, "--jobs", 1)


def test_select(run: Any, store: Path) -> None:
    result = run("select", *QUICK, "--permutations", 3)
    assert result.code == exits.OK
    assert result.out.startswith(
        "some@organ of ./store, version 1: 29 cases (15 with label '1') of 29 patients"
    )
    for said in (
        "honest: nested cross-validation of the whole procedure",
        "optimistic: features chosen on all cases, model cross-validated",
        "most optimistic: the cases it was fitted on",
        "permutation null: 3 nested AUROCs",
        "written: selected.yaml",
        "optimistic: Selected on all labelled cases",
    ):
        assert said in result.out
    assert "note: 1 case (c00) without a label" in result.err
    assert run("build", "-f", "selected.yaml").err.startswith("radstore: no catalog.yaml")


def test_select_of_a_fold(run: Any, store: Path) -> None:
    assert run("split", "-k", 3).code == exits.OK
    result = run("select", *QUICK, "--fold", 1)
    assert result.code == exits.OK
    assert "held out: the cases of fold 1" in result.out
    assert "optimistic: Selected on all" not in result.out
    assert Path("selected.fold1.yaml").exists()
    again = run("select", *QUICK, "--fold", 1)
    assert again.code == exits.BAD_INPUT
    assert "selected.fold1.yaml is there already" in again.err


def test_json(run: Any, store: Path) -> None:
    record = run("select", *QUICK, "--json").json
    assert record["files"] == ["selected.yaml", "selected.json", "selected.csv", "selected.png"]
    assert record["scores"]["nested"]["auroc"] > 0.8


def test_select_harmonised_over_sites(run: Any, store: Path) -> None:
    result = run("select", *QUICK, "--harmonise", "site")
    assert result.code == exits.OK
    assert "note: harmonised over 2 sites" in result.err
    assert "# Selected on values that were harmonised over 'site'" in Path("selected.yaml").read_text()


def test_the_svm_is_as_regularised_as_asked(run: Any, store: Path) -> None:
    loose, tight = (
        run("select", *QUICK, "--C", value, "--json", "--force").json for value in ("1", "0.0001")
    )
    assert (loose["options"]["C"], tight["options"]["C"]) == (1.0, 0.0001)
    weights = [max(abs(one["weight"]) for one in said["features"].values()) for said in (loose, tight)]
    assert weights[0] > 2 * weights[1]
    assert "C is 0.0" in run("select", *QUICK, "--C", "0", "--force").err


def test_nothing_selected(run: Any, store: Path) -> None:
    result = run("select", *QUICK, "--alpha", "1e-30")
    assert result.code == exits.SOME_FAILED
    assert "nothing was selected: no feature passed the filter" in result.out
    assert not Path("selected.yaml").exists()


def test_bad_input(run: Any, store: Path) -> None:
    result = run("select", "--label", "lable")
    assert result.code == exits.BAD_INPUT
    assert "no column 'lable'" in result.err
    assert "Did you mean 'label'?" in result.err
