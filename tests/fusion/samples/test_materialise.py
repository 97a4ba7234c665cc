"""A cohort's samples in the store: made once, found again, each case on its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fusion.inputs import Inputs
from fusion.recipe import LABELS, Channel, Recipe
from fusion.roi import Roi
from fusion.samples import Materialised, Sample, forget, make_sample, materialise
from radstore.canonical import digest_of
from radstore.catalog import Catalog
from radstore.catalog.model import Region, Source
from radstore.errors import BadInput
from radstore.images.digest import volume_digest
from radstore.images.read import read_image, read_labels
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume
from radstore.store import admin, blocks, layout, log
from radstore.store.blocks import CODEC, Block
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.query import open_store

SPEC = "5" * 64
STAGE1 = Recipe(stage=1, fold=0)
STAGE2 = Recipe(
    stage=2,
    fold=0,
    inputs=Inputs("ct+maps"),
    roi=Roi("margins", (3.0, 2.0, 2.5)),
    region="stage1-fold0",
    view="selected@stage1-fold0",
    spec_hash=SPEC,
    maps=(Channel("ramp", 0.0, 1.0), Channel("flat", 0.0, 1.0)),
)
SPACING = (2.5, 1.0, 1.0)


@dataclass(frozen=True)
class Site:
    """A folder of tiny cases with a store beside it."""

    root: Path
    tiny: SimpleNamespace

    def add(self, case: str, values: tuple[int, ...] = (0, 1, 2, 4)) -> None:
        """A case's CT, its own, and its labels."""
        ct = self.tiny.ct()
        ct.array[0, 0, 0] = int.from_bytes(case.encode(), "big") % 200
        self.put(f"{case}_ct.nii.gz", ct)
        self.put(f"{case}_labels.nii.gz", self.tiny.labels(ct, values))

    def put(self, name: str, volume: Volume) -> None:
        """Write a file, as if a while ago: one that just changed is not trusted to stay as it is."""
        then = time.time() - 1000
        os.utime(write_volume(volume, self.root / name), (then, then))

    def build(self, *cases: str, spec: str = SPEC) -> None:
        """What `radstore build` and Stage 1 leave behind: a region, and maps computed in it."""
        for case in cases:
            ct = read_image(self.root / f"{case}_ct.nii.gz")
            region = self.tiny.region(ct)
            maps = self.tiny.maps(ct)
            inputs = {"image": volume_digest(ct), "mask": volume_digest(region)}
            content = {"names": ["ramp", "flat"], "recipes": ["", ""], "failures": {}}
            said = {"inputs": inputs, "spec_hash": spec}
            grid = Geometry.from_json(maps.attrs["geometry"])
            made = {
                "region/stage1-fold0": Block("region", {"region": region.array}, region.geometry),
                "maps/selected@stage1-fold0": Block("maps", {"maps": maps.values}, grid, content, said),
            }
            self.keep(case, made, spec)

    def keep(self, case: str, made: Mapping[str, Block], spec: str) -> None:
        layout.create(self.bucket, CODEC)
        entries = {}
        for name, block in made.items():
            key = digest_of([block.digest, block.provenance])
            blocks.publish(self.bucket, layout.object_folder(key), block)
            entries[name] = Entry(key, digest=block.digest, spec=spec if name.startswith("maps") else "")
        record = CaseRecord({"patient": case, "source": "files"}, entries, {"fold": 1})
        before = open_store(self.bucket.location).manifest.get(case)
        log.commit(self.bucket, {case: Change(before, record)})

    @property
    def bucket(self) -> Bucket:
        return open_bucket(self.root / "store")

    @property
    def catalog(self) -> Catalog:
        args = {"image": f"{self.root}/{{case}}_ct.nii.gz", "labels": f"{self.root}/{{case}}_labels.nii.gz"}
        source = Source("files", "files", args, {"pancreas": Region((1, 4, 5))})
        return Catalog(self.root / "catalog.yaml", str(self.root / "store"), {"files": source})

    def materialise(self, recipe: Recipe = STAGE2, **keywords: Any) -> Materialised:
        layout.create(self.bucket, CODEC)
        plans = self.tiny.plans(SPACING, recipe=recipe)
        name = keywords.pop("name", f"stage{recipe.stage}")
        keywords = {"jobs": 1, **keywords}
        return materialise(
            self.root / "store", self.catalog, plans, {"labels": dict(recipe.labels)}, name, **keywords
        )

    def record(self, case: str) -> CaseRecord:
        return open_store(self.root / "store").case(case).record

    def block(self, case: str, name: str = "training/stage2") -> Block:
        return blocks.load(self.bucket, layout.object_folder(self.record(case).blocks[name].key))


@pytest.fixture
def site(tmp_path: Path, tiny: SimpleNamespace) -> Site:
    return Site(tmp_path, tiny)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many samples were made since it was last asked."""
    from fusion.samples import work

    calls: list[int] = []

    def counting(*args: Any, **keywords: Any) -> Sample:
        calls.append(1)
        return make_sample(*args, **keywords)

    monkeypatch.setattr(work, "make_sample", counting)

    def since() -> int:
        count = len(calls)
        calls.clear()
        return count

    return since


def test_what_is_in_the_store_is_what_prediction_makes(site: Site, tiny: SimpleNamespace) -> None:
    site.add("a")
    site.build("a")
    report = site.materialise(message="why")
    assert (report.made, report.reused, dict(report.failed)) == (("a",), (), {})
    assert report.version.message == "why"
    block = site.block("a")
    entry = site.record("a").blocks["training/stage2"]
    assert entry.shape == block.arrays["data"].shape
    assert (entry.spec, entry.digest) == (SPEC, block.digest)
    assert entry.engine.startswith("nnunetv2/2")
    assert block.content["names"] == ["CT", "ramp", "flat"]
    assert set(block.provenance["inputs"]) == {"image", "labels", "region", "maps"}
    stored = Sample.from_block(block)
    ct = read_image(site.root / "a_ct.nii.gz")
    region = tiny.region(ct)
    made = make_sample(ct, tiny.plans(SPACING, recipe=STAGE2), region=region, maps=tiny.maps(ct))
    np.testing.assert_array_equal(stored.data, made.data)
    np.testing.assert_array_equal(stored.region, made.region)
    assert stored.geometry == made.geometry
    box = np.argwhere(made.region)
    assert block.content["region_box"] == np.stack([box.min(0), box.max(0) + 1], 1).tolist()
    assert admin.verify(site.root / "store").damaged == {}


def test_the_rest_of_the_record_stays(site: Site) -> None:
    site.add("a")
    site.build("a")
    before = site.record("a")
    site.materialise()
    site.materialise(STAGE1)
    after = site.record("a")
    assert (after.info, after.marks) == (before.info, before.marks)
    assert set(after.blocks) - set(before.blocks) == {"training/stage2", "training/stage1"}


def test_samples_of_other_cases_are_taken_out(site: Site) -> None:
    for case in "abc":
        site.add(case)
    site.materialise(STAGE1)
    before = site.record("a")
    assert forget(site.root / "store", "stage1", keep=["a"]) == ("b", "c")
    assert site.record("a") == before
    assert "training/stage1" not in site.record("b").blocks
    version = log.head(site.bucket).number
    assert forget(site.root / "store", "stage1", keep=["a"]) == ()
    assert log.head(site.bucket).number == version


def test_a_second_run_makes_nothing(site: Site, counted: Callable[[], int]) -> None:
    for case in "ab":
        site.add(case)
    first = site.materialise(STAGE1)
    assert counted() == 2
    seen: list[tuple[int, int]] = []
    second = site.materialise(STAGE1, progress=lambda done, total: seen.append((done, total)))
    assert counted() == 0
    assert (second.made, second.reused) == ((), ("a", "b"))
    assert second.version == first.version
    site.add("c")
    third = site.materialise(STAGE1, progress=lambda done, total: seen.append((done, total)))
    assert (third.made, third.reused, counted()) == (("c",), ("a", "b"), 1)
    assert seen == [(3, 3)]


def test_a_killed_run_is_gone_on_with(
    site: Site, counted: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for case in "abc":
        site.add(case)

    def killed(_: Bucket, changes: Mapping[str, Change], **__: Any) -> None:
        assert set(changes) == {"a", "b"}
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(log, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            site.materialise(STAGE1, cases=["a", "b"])
    assert log.head(site.bucket).number == 0
    counted()
    report = site.materialise(STAGE1)
    assert (report.made, report.reused, counted()) == (("c",), ("a", "b"), 1)


def test_two_runs_give_the_same_bits(site: Site, tmp_path: Path, tiny: SimpleNamespace) -> None:
    digests = []
    for name in ("one", "other"):
        there = Site(tmp_path / name, tiny)
        there.root.mkdir()
        there.add("a")
        there.build("a")
        there.materialise()
        entry = there.record("a").blocks["training/stage2"]
        digests.append((entry.key, entry.digest))
    assert digests[0] == digests[1]


def test_whatever_changes_makes_another_sample(site: Site) -> None:
    site.add("a")
    site.build("a")

    def key(recipe: Recipe) -> str:
        assert not site.materialise(recipe).failed
        return site.record("a").blocks["training/stage2"].key

    box = replace(STAGE2, roi=Roi("box", (9.0, 9.0, 9.0)))
    keys = [
        key(STAGE2),
        key(box),
        key(replace(STAGE2, maps=())),
        key(replace(STAGE2, labels=LABELS | {"liver": 7})),
    ]
    labels = read_labels(site.root / "a_labels.nii.gz")
    labels.array[5, 5, 5] = 5
    site.put("a_labels.nii.gz", labels)
    os.utime(site.root / "a_labels.nii.gz", (1.0, 1.0))
    keys.append(key(STAGE2))
    assert len(set(keys)) == 5
    site.build("a", spec="6" * 64)
    assert key(replace(STAGE2, spec_hash="6" * 64)) == keys[-1]  # nor is which spec gave these maps …
    assert site.record("a").blocks["training/stage2"].spec == "6" * 64  # … which the entry says
    site.build("a")
    others = replace(STAGE2, fold=1, maps=tuple(replace(channel, mean=9.0) for channel in STAGE2.maps))
    assert key(others) == keys[-1]  # statistics are no part of a sample


def test_one_bad_case_does_not_stop_the_others(site: Site) -> None:
    for case in ("good", "label", "maps", "region", "spec", "stale"):
        site.add(case, (0, 1, 2, 9 if case == "label" else 4))
    site.build("good", "label", "maps", "stale")
    site.build("spec", spec="6" * 64)
    record = site.record("maps")
    without = {name: entry for name, entry in record.blocks.items() if not name.startswith("maps")}
    log.commit(site.bucket, {"maps": Change(record, replace(record, blocks=without))})
    ct = read_image(site.root / "stale_ct.nii.gz")
    site.put("stale_ct.nii.gz", Volume(ct.array + np.int16(1), ct.geometry))
    (site.root / "torn_ct.nii.gz").write_bytes(b"\x1f\x8b")
    site.put("torn_labels.nii.gz", ct)
    report = site.materialise()
    assert report.made == ("good",)
    told = {case: (error["step"], error["message"]) for case, error in report.failed.items()}
    assert set(told) == {"label", "maps", "region", "spec", "stale", "torn"}
    assert told["label"][0] == "labels"
    assert "label_labels.nii.gz: label value 9" in told["label"][1]
    assert "case maps has no maps/selected@stage1-fold0" in told["maps"][1]
    assert "no case 'region'" in told["region"][1]
    assert told["spec"] == (
        "maps",
        f"case spec: its maps (selected@stage1-fold0) are of spec {'6' * 12}, the plan's are of {'5' * 12}",
    )
    assert "the CT has changed" in told["stale"][1]
    assert told["torn"][0] == "read"
    for case, error in report.failed.items():
        assert site.record(case).blocks["training/stage2"].error == error
        assert error["remedy"]
    site.build("spec", "maps", "region", "stale")  # repaired
    again = site.materialise()
    assert (set(again.failed), again.reused) == ({"label", "torn"}, ("good",))


def test_labels_are_told_of(site: Site) -> None:
    site.add("a", (0, 1, 2, 7))
    site.add("b", (0, 1, 2, 8))
    site.add("c", (0, 1, 2, 7))
    labels = read_labels(site.root / "c_labels.nii.gz")
    labels.array[labels.array == 1] = 0
    labels.array[0, 20, 20] = 5
    site.put("c_labels.nii.gz", labels)
    seven, eight, five = site.materialise(STAGE1).notes
    assert seven.startswith("label 7 is not in the plan and counts as background: ")
    assert seven.endswith("voxels in 2 cases (a, c)")
    assert eight.endswith("voxels in 1 case (b)")
    assert five == "label 5 is too small for the network's grid in 1 case (c)"


def test_cases_without_labels_are_listed(site: Site) -> None:
    site.add("a")
    site.add("b")
    (site.root / "b_labels.nii.gz").unlink()
    catalog = site.catalog
    cases = [replace(case, labels=()) if case.id == "b" else case for case in catalog.cases()]
    from radstore.catalog.model import Found

    catalog._found["files"] = Found(cases)
    plans = site.tiny.plans(SPACING)
    layout.create(site.bucket, CODEC)
    report = materialise(site.root / "store", catalog, plans, {"labels": dict(LABELS)}, "stage1", jobs=1)
    assert (report.made, report.unlabelled) == (("a",), ("b",))


def test_labels_of_another_plan_are_refused(site: Site) -> None:
    site.add("a")
    layout.create(site.bucket, CODEC)
    plans = site.tiny.plans(SPACING)
    with pytest.raises(BadInput, match=r"dataset.json has labels \{'background': 0\}"):
        materialise(site.root / "store", site.catalog, plans, {"labels": {"background": 0}}, "stage1")


def test_what_gc_took_is_made_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample that was there and vanished before it was committed."""
    site.add("a")
    commit, times = log.commit, []

    def late(bucket: Bucket, changes: Mapping[str, Change], **keywords: Any) -> log.Commit:
        if not times:
            times.append(1)
            for stat in list(bucket.list(layout.OBJECTS)):
                bucket.delete(stat.path)
        return commit(bucket, changes, **keywords)

    monkeypatch.setattr(log, "commit", late)
    report = site.materialise(STAGE1)
    assert report.made == ("a",)
    assert admin.verify(site.root / "store").damaged == {}


@pytest.mark.slow  # two processes import nnunetv2
def test_in_processes(site: Site) -> None:
    """The same bits in other processes, from which no array comes back."""
    site.add("a")
    site.materialise(STAGE1, name="here")
    site.bucket.delete(layout.DIGESTS)
    site.add("b")
    report = site.materialise(STAGE1, name="there", jobs=2)
    assert (report.made, report.reused) == (("b",), ("a",))
    assert site.record("a").blocks["training/here"] == site.record("a").blocks["training/there"]
