"""One case, in a worker: its blocks, its record, its failures."""

from __future__ import annotations

import dataclasses
import os
import pickle
import shutil
from typing import Any

import numpy as np
import pytest

import radstore
from radstore.build.job import Inputs
from radstore.build.outcome import case_info
from radstore.build.work import failed, work
from radstore.catalog.model import Case
from radstore.errors import CaseError
from radstore.images.digest import volume_digest
from radstore.images.read import read_image
from radstore.images.volume import Geometry
from radstore.store import blocks, layout
from radstore.store.blocks import CODEC

FEATURES, MAPS = "features/tiny@organ", "maps/tiny@organ"


@pytest.fixture
def ready(offline: Any) -> Any:
    """A site with case a and an empty store."""
    offline.add("a")
    layout.create(offline.bucket, CODEC)
    return offline


def only(site: Any) -> Case:
    (case,) = site.catalog.cases()
    return case


def block(site: Any, record: Any, name: str) -> blocks.Block:
    return blocks.load(site.bucket, layout.object_folder(record.blocks[name].key))


def test_what_it_publishes_and_says(ready: Any) -> None:
    outcome = work(ready.job(), only(ready), None)
    assert (outcome.case, outcome.error, outcome.computed, outcome.copied) == ("a", None, 4 + 3, 0)
    assert outcome.seconds > 0
    record = outcome.record
    assert record.info == {"patient": "a", "source": "files"}

    image = block(ready, record, "image")
    np.testing.assert_array_equal(image.arrays["image"], read_image(ready.image_path("a")).array)
    assert image.arrays["image"].dtype == np.int16
    region = block(ready, record, "region/organ")
    np.testing.assert_array_equal(region.arrays["region"], ready.labels() == 1)
    assert region.geometry == image.geometry == read_image(ready.image_path("a")).geometry

    provenance = block(ready, record, FEATURES).provenance
    assert provenance["inputs"]["image"] == volume_digest(read_image(ready.image_path("a")))
    assert provenance["spec"] == ready.spec().document
    assert {key: provenance[key] for key in ("code", "spec_hash", "view", "region", "engine", "device")} == {
        "code": radstore.__version__,
        "spec_hash": ready.spec().hash,
        "view": "tiny@organ",
        "region": "organ",
        "engine": "pyradiomics/3.1.4",
        "device": "cpu",
    }
    for name, entry in record.blocks.items():
        assert entry.digest == block(ready, record, name).digest
    assert record.blocks[FEATURES].shape == (4,)
    assert record.blocks[MAPS].spacing == pytest.approx((0.8, 0.8, 2.0))
    assert record.blocks["image"].spec == ""
    assert record.blocks[FEATURES].spec == ready.spec().hash


def test_keys_are_of_what_was_read(ready: Any) -> None:
    outcome = work(ready.job(), only(ready), None)
    leaves = block(ready, outcome.record, "image").provenance["inputs"]
    keys = ready.job().keys(Inputs(leaves["image"], leaves["mask"]))
    assert {name: entry.key for name, entry in outcome.record.blocks.items()} == keys


def test_the_outcome_is_tiny_and_travels(ready: Any) -> None:
    outcome = work(ready.job(), only(ready), None)
    sent = pickle.dumps(outcome)
    assert len(sent) < 5000
    assert pickle.loads(sent) == outcome


def test_digests_are_learnt_of_files_that_rest(ready: Any) -> None:
    job, case = ready.job(), only(ready)
    outcome = work(job, case, None)
    assert set(outcome.digests) == {job.image_fingerprint(case), job.mask_fingerprint(case)}
    os.utime(ready.image_path("a"))
    assert work(job, case, None).digests == {}


def test_what_is_known_and_there_is_kept(ready: Any) -> None:
    first = work(ready.job(), only(ready), None)
    again = work(ready.job(), only(ready), first.record)
    assert (again.record, again.computed, again.copied) == (first.record, 0, 0)
    anew = work(ready.job(), only(ready), None)  # nobody knows of the blocks, but they are there
    assert (anew.record, anew.computed, anew.copied) == (first.record, 0, 0)


def test_what_is_known_but_gone_is_made_again(ready: Any) -> None:
    first = work(ready.job(), only(ready), None)
    shutil.rmtree(ready.root / "store" / layout.object_folder(first.record.blocks[FEATURES].key))
    again = work(ready.job(), only(ready), first.record)
    assert (again.record, again.computed) == (first.record, 4)


def test_other_views_of_the_case_stay(ready: Any) -> None:
    first = work(ready.job(), only(ready), None)
    other = dataclasses.replace(ready.job(), region="both")
    outcome = work(other, only(ready), first.record)
    assert first.record.blocks.items() < outcome.record.blocks.items()
    assert outcome.record.blocks.keys() - first.record.blocks.keys() == {
        "region/both",
        "features/tiny@both",
        "maps/tiny@both",
    }


def test_a_failure_keeps_other_views_and_replaces_its_own(ready: Any) -> None:
    good = work(ready.job(), only(ready), None).record
    known = dataclasses.replace(good, blocks={**good.blocks, "features/x@organ": good.blocks[FEATURES]})
    ready.image_path("a").write_bytes(b"")
    outcome = work(ready.job(), only(ready), known)
    assert outcome.error["step"] == "read"
    assert outcome.record.blocks["features/x@organ"] == good.blocks[FEATURES]
    for name in (FEATURES, MAPS):
        entry = outcome.record.blocks[name]
        assert (entry.status, entry.error) == ("failed", outcome.error)
        assert entry.key == ready.job().failure_key(only(ready))


def test_features_that_fail_are_counted_and_named(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from radstore.engines.pyradiomics.library import FEATURE_CLASSES

    def broken(self: Any) -> float:
        raise IndexError("off by one")

    monkeypatch.setattr(FEATURE_CLASSES["glcm"], "getContrastFeatureValue", broken)
    outcome = work(ready.job(), only(ready), None)
    assert outcome.error is None
    assert outcome.record.blocks[FEATURES].undefined == 1
    content = block(ready, outcome.record, FEATURES).content
    assert content["failures"] == {"original_glcm_Contrast": "IndexError: off by one"}
    assert np.isnan(block(ready, outcome.record, FEATURES).arrays["features"][2])


def test_a_problem_of_the_catalog_is_a_failure(ready: Any) -> None:
    problem = CaseError("the case 'a' comes twice", "once is enough")
    problem.step = "find"
    case = pickle.loads(pickle.dumps(dataclasses.replace(only(ready), problem=problem)))
    outcome = work(ready.job(), case, None)
    assert outcome.error == {"step": "find", "message": problem.message, "remedy": problem.remedy}


def test_a_case_that_was_never_tried(ready: Any) -> None:
    good = work(ready.job(), only(ready), None).record
    error = {"step": "worker", "message": "it died", "remedy": "be kind to it"}
    outcome = failed(ready.job(), only(ready), good, error)
    assert outcome.record.blocks["image"] == good.blocks["image"]
    assert [outcome.record.blocks[name].error for name in (FEATURES, MAPS)] == [error, error]


def test_a_column_never_hides_the_patient_or_the_source(ready: Any) -> None:
    case = dataclasses.replace(only(ready), columns={"patient": "P7", "source": "GE", "age": 42.0})
    assert case_info(case) == {
        "patient": "a",
        "source": "files",
        "table_patient": "P7",
        "table_source": "GE",
        "age": 42.0,
    }


def test_lossy_maps(ready: Any) -> None:
    exact = work(ready.job(), only(ready), None).record
    outcome = work(ready.job({"precision": "bitround12"}), only(ready), exact)
    assert outcome.computed == 3
    assert outcome.record.blocks[FEATURES].identity == exact.blocks[FEATURES].identity  # of the new spec
    assert outcome.record.blocks[MAPS].key != exact.blocks[MAPS].key
    one, other = (block(ready, record, MAPS) for record in (exact, outcome.record))
    np.testing.assert_array_equal(np.isnan(one.arrays["maps"]), np.isnan(other.arrays["maps"]))
    np.testing.assert_allclose(other.arrays["maps"], one.arrays["maps"], rtol=2.0**-13, atol=0)
    assert (other.arrays["maps"] != one.arrays["maps"]).any()
    assert other.provenance["spec"]["precision"] == "bitround12"


def test_the_mask_may_lie_a_little_off(ready: Any) -> None:
    geometry = Geometry((12, 11, 10), (0.8, 0.8, 2.0), (-10.0, 20.0, 5.01))
    ready.put(ready.labels_path("a"), ready.labels(), geometry)
    assert work(ready.job(), only(ready), None).error["step"] == "region"
    assert work(ready.job({"setting": {"geometryTolerance": 0.1}}), only(ready), None).error is None
