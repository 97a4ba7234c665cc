"""Bad input: one clear message for the case it concerns; the others go on; nothing committed is lost."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from radstore.build import cluster
from radstore.catalog import Catalog
from radstore.errors import BadInput, CatalogError, EngineError, SpecError, StoreError
from radstore.images.volume import Geometry
from radstore.store import layout
from radstore.store.bucket import open_bucket

BLOCKS = ("features/tiny@organ", "maps/tiny@organ")


def missing_image(site: Any) -> Catalog:
    catalog: Catalog = site.catalog
    catalog.cases()  # found, and then deleted before it is read
    site.image_path("bad").unlink()
    return catalog


def missing_labels(site: Any) -> None:
    site.labels_path("bad").unlink()


def empty_mask(site: Any) -> None:
    site.put(site.labels_path("bad"), np.zeros_like(site.labels()))


def absent_label(site: Any) -> None:
    labels = site.labels()
    labels[labels == 1] = 4
    site.put(site.labels_path("bad"), labels)


def single_voxel(site: Any) -> None:
    labels = np.zeros_like(site.labels())
    labels[4, 4, 4] = 1
    site.put(site.labels_path("bad"), labels)


def flat_image(site: Any) -> None:
    image = sitk.GetImageFromArray(np.zeros((11, 12), np.int16))
    sitk.WriteImage(image, str(site.image_path("bad")))


def with_value(value: float) -> Callable[[Any], None]:
    def spoil(site: Any) -> None:
        array = site.image().astype(np.float32)
        array[1, 2, 3] = value
        site.put(site.image_path("bad"), array)

    return spoil


def other_spacing(site: Any) -> None:
    site.put(
        site.labels_path("bad"), site.labels(), Geometry((12, 11, 10), (0.8, 0.8, 2.5), (-10.0, 20.0, 5.0))
    )


def other_size(site: Any) -> None:
    site.put(
        site.labels_path("bad"), site.labels()[1:], Geometry((12, 11, 9), (0.8, 0.8, 2.0), (-10.0, 20.0, 5.0))
    )


def truncated(site: Any) -> None:
    whole = site.image_path("bad").read_bytes()
    site.image_path("bad").write_bytes(whole[: len(whole) // 2])


def empty_file(site: Any) -> None:
    site.image_path("bad").write_bytes(b"")


def no_image(site: Any) -> None:
    site.image_path("bad").write_bytes(b"just some text, hardly an image " * 20)


def half_a_label(site: Any) -> None:
    labels = site.labels().astype(np.float32)
    labels[4, 4, 4] = 0.5
    site.put(site.labels_path("bad"), labels)


IMAGE, LABELS = r"bad_image\.nii\.gz", r"bad_labels\.nii\.gz"
# What is wrong → how, the step that finds it, and what the message must say.
BAD: dict[str, tuple[Callable[[Any], Catalog | None], str, str]] = {
    "a missing image": (missing_image, "read", IMAGE),
    "a missing label file": (missing_labels, "find", f"'bad' has no label file .*{LABELS}"),
    "an empty mask": (empty_mask, "region", f"'organ'.*{LABELS}.*label value of 1.*empty"),
    "a label value that is not there": (
        absent_label,
        "region",
        f"'organ'.*{LABELS}.*label value of 1.*it has 2, 4",
    ),
    "a region with one voxel": (single_voxel, "region", f"{LABELS}.*1 segmented voxel"),
    "a 2-D image": (flat_image, "read", f"{IMAGE}.*2-D image of 12 × 11"),
    "NaN voxels": (with_value(np.nan), "read", f"{IMAGE}.*(NaN|not finite)"),
    "infinite voxels": (with_value(np.inf), "read", f"{IMAGE}.*(infinite|not finite)"),
    "another spacing": (
        other_spacing,
        "region",
        rf"{LABELS}.*spacing \(.*, 2\) against \(.*, 2\.5\)",
    ),
    "another size": (other_size, "region", rf"{LABELS}.*size \(12, 11, 10\) against \(12, 11, 9\)"),
    "a truncated file": (truncated, "read", f"{IMAGE}.*"),
    "an empty file": (empty_file, "read", f"{IMAGE} is empty"),
    "a file that is no image": (no_image, "read", f"{IMAGE}.*"),
    "labels that are no integers": (half_a_label, "read", f"{LABELS}.*such as 0.5"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_case_among_good_ones(site: Any, what: str) -> None:
    spoil, step, message = BAD[what]
    site.add("good", "bad", "later")
    catalog = spoil(site) or site.catalog

    report = site.build(catalog=catalog)
    assert sorted(report.failed) == ["bad"]
    assert (report.tally.cases, len(report.tally.versions)) == (2, 1)
    record = site.records()["bad"]
    for name in BLOCKS:
        entry = record.blocks[name]
        assert (entry.status, entry.error["step"]) == ("failed", step), entry.error
        assert re.search(message, entry.error["message"]), entry.error["message"]
        assert "\n" not in entry.error["message"]
        assert entry.error["remedy"]
    assert all(entry.ok for case in ("good", "later") for entry in site.records()[case].blocks.values())

    # once more: not tried again, and still reported
    again = site.build(catalog=catalog)
    assert (again.tally.versions, again.prepared.plan.todo) == ([], ())
    assert again.failed == report.failed

    # tried again because it is asked for; it fails the same way, so there is nothing to say
    retried = site.build(catalog=catalog, retry_failed=True)
    assert [case.id for case in retried.prepared.plan.todo] == ["bad"]
    assert (retried.failed, retried.tally.versions) == (report.failed, [])

    # repaired: tried again by itself
    site.add("bad")
    site.settle(site.image_path("bad"), 77.0)
    mended = site.build()
    assert [case.id for case in mended.prepared.plan.todo] == ["bad"]
    assert (mended.failed, len(mended.tally.versions)) == ({}, 1)
    assert all(entry.ok for entry in site.records()["bad"].blocks.values())
    assert site.snapshot.views == {"tiny@organ": 3}


def test_a_good_case_that_turns_bad_and_good_again(built: Any) -> None:
    good = built.records()
    labels = built.labels_path("a").read_bytes()
    empty_mask_of_a = np.zeros_like(built.labels())
    built.put(built.labels_path("a"), empty_mask_of_a)
    report = built.build()
    assert sorted(report.failed) == ["a"]
    record = built.records()["a"]
    assert [record.blocks[name].status for name in BLOCKS] == ["failed", "failed"]
    assert built.records()["b"] == good["b"]
    assert built.snapshot.views == {"tiny@organ": 1}

    built.labels_path("a").write_bytes(labels)
    built.settle(built.labels_path("a"), 50.0)
    report = built.build()
    assert (report.failed, report.tally.computed) == ({}, 0)  # its blocks are still there
    assert built.records() == good


def test_a_failure_under_one_spec_is_none_under_another(site: Any) -> None:
    site.add("a", "bad")
    other_spacing(site)
    assert sorted(site.build().failed) == ["bad"]
    assert site.build(site.spec({"setting": {"correctMask": True, "geometryTolerance": 1.0}})).failed == {}


def test_a_case_can_fail_in_one_view_alone(site: Any) -> None:
    site.add("a", "bad")
    absent_label(site)
    site.build(region="both")
    report = site.build()
    assert sorted(report.failed) == ["bad"]
    blocks = site.records()["bad"].blocks
    assert blocks["features/tiny@both"].ok
    assert not blocks["features/tiny@organ"].ok


def test_a_region_that_only_maps_cannot_use(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one block could be made of stays, though the other failed."""
    from radstore.build import work
    from radstore.errors import RegionError

    def refuse(*_: object) -> None:
        raise RegionError("too thin for a window", "widen it")

    site.add("a")
    (case,) = site.catalog.cases()
    layout.create(site.bucket, {})
    job = dataclasses.replace(site.job(), store=str(site.root / "store"))
    monkeypatch.setattr(work, "assemble_maps", refuse)
    outcome = work.work(job, case, None)
    assert outcome.error == {"step": "region", "message": "too thin for a window", "remedy": "widen it"}
    assert outcome.computed == 4
    states = {name: entry.status for name, entry in outcome.record.blocks.items()}
    assert states == {"image": "ok", "region/organ": "ok", BLOCKS[0]: "ok", BLOCKS[1]: "failed"}


def test_rehash_tries_failures_again(site: Any) -> None:
    """It distrusts sizes and times, and those are why a failure is not tried again."""
    site.add("a", "bad")
    good = site.image_path("bad").read_bytes()
    site.image_path("bad").write_bytes(good[:-8] + bytes(8))  # the checksum is wrong
    site.settle(site.image_path("bad"))
    assert sorted(site.build().failed) == ["bad"]
    site.image_path("bad").write_bytes(good)
    site.settle(site.image_path("bad"))
    stat = site.image_path("bad").stat()
    report = site.build(rehash=True)
    assert (report.failed, site.image_path("bad").stat().st_mtime_ns) == ({}, stat.st_mtime_ns)


def test_ids_that_two_sources_share(site: Any) -> None:
    site.add("a", "b")
    catalog = site.catalog
    catalog.sources["twin"] = dataclasses.replace(catalog.sources["files"], name="twin")
    report = site.build(catalog=catalog)
    assert sorted(report.failed) == ["a", "b"]
    assert report.failed["a"]["step"] == "find"
    assert re.search(r"'a' comes 2 times: .*source files.*source twin", report.failed["a"]["message"])
    assert site.build(catalog=catalog).tally.versions == []
    assert site.build(source="files").failed == {}


def test_a_failed_case_keeps_its_columns_up_to_date(site: Any) -> None:
    site.add("a", "bad")
    empty_mask(site)
    site.table("id,age\na,42\nbad,50\n")
    site.build()
    site.table("id,age\na,42\nbad,51\n")
    report = site.build()
    assert (report.prepared.plan.todo, len(report.tally.versions)) == ((), 1)
    assert site.records()["bad"].info["age"] == 51
    assert not site.records()["bad"].blocks[BLOCKS[0]].ok


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"region": "pancras"}, CatalogError, "no region 'pancras'"),
        ({"source": "file"}, CatalogError, "no source 'file'"),
        ({"cases": ["a", "z"]}, CatalogError, "no case 'z'"),
        ({"limit": 0}, CatalogError, "limit of 0"),
        ({"engine": "pyradomics"}, EngineError, "no engine 'pyradomics'"),
        ({"settings": ["setting.binWidth=9"]}, BadInput, "settings were given beside a Spec"),
        ({"scheduler": "tcp://127.0.0.1:1"}, BadInput, "no Dask scheduler answers at tcp://127.0.0.1:1"),
        ({"scheduler": "nonsense://x"}, BadInput, "no Dask scheduler answers at nonsense://x"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_is_refused_leaves_no_trace(
    site: Any,
    keywords: dict[str, Any],
    error: type[Exception],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "ANSWER", 0.5)
    site.add("a")
    with pytest.raises(error, match=re.escape(message)) as raised:
        site.build(**keywords)
    assert raised.value.remedy  # type: ignore[attr-defined]
    assert sorted(path.name for path in site.root.iterdir()) == ["cases"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("features: [original_firstorder_Men]", SpecError),
        ("features: [original_firstorder_Mean]\nsettings: {}", SpecError),
        ("features: [original_firstorder_Mean", SpecError),
    ],
)
def test_a_bad_spec_leaves_no_trace(offline: Any, text: str, error: type[Exception]) -> None:
    offline.add("a")
    file = offline.root / "cases" / "spec.yaml"
    file.write_text(text)
    with pytest.raises(error, match=r"spec\.yaml"):
        offline.build(file, scheduler=None)
    assert sorted(path.name for path in offline.root.iterdir()) == ["cases"]


def test_what_an_engine_cannot_compute_leaves_no_trace(offline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from radstore.build.job import engine

    offline.add("a")
    refusals = {"original_glcm_Contrast": "not on this machine"}
    monkeypatch.setattr(type(engine("pyradiomics")), "refusals", lambda *_: refusals)
    with pytest.raises(EngineError, match="original_glcm_Contrast: not on this machine"):
        offline.build(scheduler=None)
    assert sorted(path.name for path in offline.root.iterdir()) == ["cases"]


class TestStores:
    """A store directory that cannot be used is left as it is."""

    def refused(self, site: Any, match: str) -> None:
        store = site.root / "store"
        before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
        site.add("a")
        with pytest.raises(StoreError, match=match) as error:
            site.build(scheduler=None, workers=1)
        assert str(store) in error.value.message
        assert error.value.remedy
        assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before

    def test_foreign(self, offline: Any) -> None:
        (offline.root / "store").mkdir()
        (offline.root / "store" / "thesis.docx").write_bytes(b"years of work")
        self.refused(offline, r"not a radstore .*thesis\.docx")

    def test_foreign_marker(self, offline: Any) -> None:
        (offline.root / "store").mkdir()
        (offline.root / "store" / layout.MARKER).write_text("[1, 2]")
        self.refused(offline, "not a radstore marker")

    def test_newer(self, offline: Any) -> None:
        (offline.root / "store").mkdir()
        (offline.root / "store" / layout.MARKER).write_bytes(layout.to_json({"format": layout.FORMAT + 1}))
        self.refused(offline, f"store format {layout.FORMAT + 1}")

    def test_a_file(self, offline: Any) -> None:
        (offline.root / "store").write_bytes(b"not a folder")
        self.refused(offline, "a file, not a folder")

    def test_unwritable(self, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """As root no mode bits hold us back, so the system call is made to fail."""
        site.add("a")
        make = Path.mkdir

        def deny(path: Path, *args: Any, **keywords: Any) -> None:
            if str(path).startswith(str(site.root / "store")):
                raise PermissionError(13, "Permission denied", str(path))
            make(path, *args, **keywords)

        monkeypatch.setattr(Path, "mkdir", deny)
        with pytest.raises(StoreError, match=r"cannot write here \(Permission denied") as error:
            site.build()
        assert "--store" in error.value.remedy
        assert sorted(path.name for path in site.root.iterdir()) == ["cases"]


def test_a_full_disk_stops_the_build_and_loses_nothing(built: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from radstore.store import local

    built.add("c")

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(local, "_write_synced", full)
    with pytest.raises(StoreError, match="No space left on device"):
        built.build()
    monkeypatch.undo()
    assert (built.version, sorted(built.records())) == (1, ["a", "b"])
    assert built.verify() == 7
    assert built.build().failed == {}
    assert open_bucket(built.root / "store").exists(layout.log_entry(2))
