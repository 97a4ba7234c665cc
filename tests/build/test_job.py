"""What determines a block is in its key, and nothing else is."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.build.job import Inputs, Job, engine
from radstore.catalog.model import Case, Region
from radstore.errors import CaseError
from radstore.images.digest import volume_digest
from radstore.images.volume import Geometry, Volume
from radstore.spec import Spec
from radstore.store.manifest import CaseRecord, Entry

INPUTS = Inputs("1" * 64, "2" * 64)
FEATURES, MAPS = "features/tiny@organ", "maps/tiny@organ"


def golden_job(**changes: Any) -> Job:
    document = {
        "features": [
            "original_firstorder_Mean",
            "wavelet-LLH_glcm_Imc1",
            "log-sigma-4-0-mm-3D_glszm_ZoneEntropy",
            "original_shape_Sphericity",
        ],
        "setting": {
            "binWidth": 20,
            "resampledPixelSpacing": [1, 1, 2.5],
            "windowLevel": 40,
            "windowWidth": 400,
        },
        "voxelSetting": {"kernelRadius": 2},
        "maps": True,
        **changes,
    }
    return Job(Spec.from_dict(document, "tiny"), "organ", "pyradiomics", "/anywhere")


def golden_inputs() -> Inputs:
    geometry = Geometry(
        (4, 3, 2), (0.7, 0.7, 2.5), (-120.5, 30.25, 1000.0), (1.0, 0, 0, 0, -1.0, 0, 0, 0, -1.0)
    )
    image = np.arange(24, dtype=np.int16).reshape(2, 3, 4) - 12
    mask = (image > 0).astype(np.uint8)
    return Inputs(volume_digest(Volume(image, geometry)), volume_digest(Volume(mask, geometry)))


def test_keys_are_the_same_for_ever() -> None:
    """Every store that is out there is found by these keys.

    If this fails, a change would make all users compute everything again. Undo it. Only if it is meant,
    because numbers changed or the old keys were wrong: raise the version of the operations concerned, say so
    in the changelog, and put the new keys here.
    """
    inputs = golden_inputs()
    assert [inputs.image[:16], inputs.mask[:16]] == ["2070fb778584bb8d", "a77cbc2eb5d56a71"]
    assert {name: key[:16] for name, key in golden_job().keys(inputs).items()} == {
        "image": "461eb0e381ab5fe3",
        "region/organ": "143dde8d9179fb35",
        FEATURES: "e7cc8c1bce459ee8",
        MAPS: "f9268d386dbd2f73",
    }
    assert golden_job(precision="bitround12").keys(inputs)[MAPS][:16] == "403128a9adc0170d"


def test_an_image_and_a_mask_are_their_content_alone(offline: Any) -> None:
    one, other = (
        offline.job().keys(INPUTS),
        offline.job({"setting": {"binWidth": 1}}, region="other").keys(INPUTS),
    )
    assert one["image"] == other["image"]
    assert one["region/organ"] == other["region/other"]
    assert len(set(one.values())) == len(one)


@pytest.mark.parametrize("field", ["image", "mask"])
def test_inputs_are_in_the_keys(offline: Any, field: str) -> None:
    keys = offline.job().keys(INPUTS)
    changed = offline.job().keys(dataclasses.replace(INPUTS, **{field: "3" * 64}))
    own = "image" if field == "image" else "region/organ"
    assert {name for name in keys if keys[name] != changed[name]} == {own, FEATURES, MAPS}


def test_image_and_mask_are_not_interchangeable(offline: Any) -> None:
    keys, swapped = offline.job().keys(INPUTS), offline.job().keys(Inputs(INPUTS.mask, INPUTS.image))
    assert not set(keys.values()) & set(swapped.values())


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"setting": {"binWidth": 21}}, {FEATURES, MAPS}),
        ({"setting": {"distances": [1, 2]}}, {FEATURES, MAPS}),
        ({"setting": {"windowLevel": 40, "windowWidth": 300}}, {FEATURES, MAPS}),
        ({"setting": {"resampledPixelSpacing": [1, 1, 1]}}, {FEATURES, MAPS}),
        ({"voxelSetting": {"kernelRadius": 2}}, {MAPS}),
        ({"precision": "bitround12"}, {MAPS}),
        ({"features": ["original_firstorder_Mean"]}, {FEATURES, MAPS}),
        ({"setting": {"binWidth": 20.0}}, set()),
        ({"setting": {"voxelArrayShift": 5}}, set()),  # no feature here reads it
        ({"setting": {"sigma": [1.0]}}, set()),
        ({"setting": {"label": 3}}, set()),
        ({"setting": {"geometryTolerance": 0.1}}, set()),
        ({"voxelSetting": {"initValue": 7}}, set()),
    ],
    ids=str,
)
def test_a_setting_changes_the_keys_of_what_reads_it(
    offline: Any, change: dict[str, Any], changed: set[str]
) -> None:
    keys, other = offline.job().keys(INPUTS), offline.job(change).keys(INPUTS)
    assert {name for name in keys if keys[name] != other[name]} == changed


def test_the_order_of_features_is_in_the_block_but_not_in_theirs(offline: Any) -> None:
    one, other = offline.job(), offline.job({"features": list(reversed(offline.spec().names))})
    assert one.keys(INPUTS)[FEATURES] != other.keys(INPUTS)[FEATURES]
    assert one.recipes(FEATURES, INPUTS) == other.recipes(FEATURES, INPUTS)


def test_precision_is_in_the_recipes_of_maps_alone(offline: Any) -> None:
    exact, rounded = offline.job(), offline.job({"precision": "bitround12"})
    assert exact.recipes(FEATURES, INPUTS) == rounded.recipes(FEATURES, INPUTS)
    of_maps = exact.recipes(MAPS, INPUTS), rounded.recipes(MAPS, INPUTS)
    assert not set(of_maps[0].values()) & set(of_maps[1].values())
    assert [rounded.keep_bits(name) for name in (FEATURES, MAPS, "image")] == [None, 12, None]


def test_store_and_threads_are_not_in_the_keys(offline: Any) -> None:
    job = offline.job()
    assert dataclasses.replace(job, store="s3://x/y", threads=9).keys(INPUTS) == job.keys(INPUTS)


def test_another_version_of_the_engine_has_other_keys(offline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = offline.job().keys(INPUTS)
    monkeypatch.setattr(type(engine("pyradiomics")), "version", lambda self, op: "pyradiomics/9.9.9")
    other = offline.job().keys(INPUTS)
    assert {name for name in keys if keys[name] != other[name]} == {FEATURES, MAPS}


def test_blocks_follow_the_spec(offline: Any) -> None:
    assert list(offline.job().graphs) == [FEATURES, MAPS]
    assert list(offline.job({"maps": False}).graphs) == [FEATURES]
    assert list(offline.job({"features": ["original_shape_Sphericity"]}).graphs) == [FEATURES]  # has no map


def test_leftovers_are_of_this_view_only(offline: Any) -> None:
    names = ["image", FEATURES, MAPS, "maps/other@organ", "maps/tiny@other"]
    record = CaseRecord({}, {name: Entry("k") for name in names})
    assert offline.job().leftovers(record) == set()
    assert offline.job({"maps": False}).leftovers(record) == {MAPS}


def test_travels_to_workers(offline: Any) -> None:
    job = offline.job()
    keys = job.keys(INPUTS)
    assert pickle.loads(pickle.dumps(job)).keys(INPUTS) == keys


class TestFailureKey:
    """While it stays the same, another try would fail the same way."""

    @pytest.fixture
    def case(self, offline: Any) -> Case:
        offline.add("a")
        (case,) = offline.catalog.cases()
        return case

    def test_same_files_same_key(self, offline: Any, case: Case) -> None:
        assert offline.job().failure_key(case) == offline.job().failure_key(case)

    @pytest.mark.parametrize("which", ["image_path", "labels_path"])
    def test_a_changed_or_missing_file_changes_it(self, offline: Any, case: Case, which: str) -> None:
        path: Path = getattr(offline, which)("a")
        keys = [offline.job().failure_key(case)]
        offline.settle(path, 5.0)
        keys.append(offline.job().failure_key(case))
        path.unlink()
        keys.append(offline.job().failure_key(case))
        assert len(set(keys)) == 3

    @pytest.mark.parametrize(
        "change", [{"setting": {"binWidth": 3}}, {"setting": {"correctMask": True}}, {"maps": False}], ids=str
    )
    def test_other_settings_are_worth_another_try(
        self, offline: Any, case: Case, change: dict[str, Any]
    ) -> None:
        assert offline.job(change).failure_key(case) != offline.job().failure_key(case)

    def test_other_label_values_are_worth_another_try(self, offline: Any, case: Case) -> None:
        other = dataclasses.replace(case, regions={"organ": Region((3,))})
        assert offline.job().failure_key(other) != offline.job().failure_key(case)

    def test_a_problem_found_in_the_catalog(self, offline: Any, case: Case) -> None:
        job = offline.job()
        one, other = (dataclasses.replace(case, problem=CaseError(text)) for text in ("twice", "no label"))
        assert len({job.failure_key(c) for c in (case, one, other)}) == 3
        assert job.failure_key(one) == job.failure_key(dataclasses.replace(case, problem=CaseError("twice")))


class TestMargin:
    def job(self, offline, monkeypatch, margins):
        """A job whose engine reads so far for its vector and its maps."""
        job = offline.job()
        if margins is not None:
            found = iter(margins)
            monkeypatch.setattr(type(job.planner), "margin", lambda *_: next(found), raising=False)
        return job.margin(Geometry((9, 9, 9)))

    def test_an_engine_that_does_not_say_reads_all(self, offline, monkeypatch):
        assert self.job(offline, monkeypatch, None) is None

    def test_the_widest_of_vector_and_maps(self, offline, monkeypatch):
        assert self.job(offline, monkeypatch, [(1, 5, 2), (3, 4, 2)]) == (3, 5, 2)

    def test_one_that_reads_all_is_enough(self, offline, monkeypatch):
        assert self.job(offline, monkeypatch, [(1, 5, 2), None]) is None
