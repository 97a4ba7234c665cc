from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from radstore.canonical import digest_of_array
from radstore.catalog import Case, Region, load_catalog
from radstore.catalog.drivers import find
from radstore.errors import CatalogError
from radstore.phantom import cases, home, scan
from radstore.phantom.people import study
from radstore.phantom.sizes import SMALL


def build(catalog: Path, /, **args: object) -> list[Case]:
    return cases("demo", args, {}, catalog)


def pixels(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return build(tmp_path_factory.mktemp("catalog"))


@pytest.fixture(scope="module")
def images(cohort: list[Case]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(pixels(case.image), pixels(case.labels[0][1])) for case in cohort]


def test_cases_look_like_panorama(cohort: list[Case]) -> None:
    assert [case.id for case in cohort[:2]] == ["100000_00001", "100001_00002"]
    assert len({case.id for case in cohort}) == 12
    assert len({case.patient for case in cohort}) == 10
    for case in cohort:
        assert case.id.startswith(f"{case.patient}_")
        assert case.image.name == f"{case.id}_0000.nii.gz"
        assert case.labels[0][1].name == f"{case.id}.nii.gz"
        assert case.source == "demo"
        assert case.problem is None


def test_the_catalog_drives_it(tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text(
        "sources:\n  demo:\n    driver: phantom\n    args: {cases: 1}\n    regions: {duct: 5}\n"
    )
    source = load_catalog(tmp_path / "catalog.yaml").sources["demo"]
    (case,) = find(source, tmp_path).cases
    assert case.image.is_relative_to(tmp_path / "demo")
    assert dict(case.regions) == {"duct": Region((5,))}


def test_without_regions_panoramas(cohort: list[Case]) -> None:
    assert dict(cohort[0].regions) == {"pancreas": Region((1, 4, 5)), "lesion": Region((1,))}


def test_columns_belong_to_the_patient(cohort: list[Case]) -> None:
    assert sum(case.columns["label"] for case in cohort) == 6
    first, second = (case for case in cohort if case.patient == cohort[4].patient)
    for name in ("label", "patient_age", "patient_sex"):
        assert first.columns[name] == second.columns[name]
    assert all(35 <= case.columns["patient_age"] <= 90 for case in cohort)
    assert len({case.columns["scanner"] for case in cohort}) > 1


def test_label_values(cohort: list[Case], images: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for case, (ct, labels) in zip(cohort, images, strict=True):
        assert ct.dtype == np.int16
        assert labels.dtype == np.uint8
        expected = {0, 2, 3, 4, 5, 6} | ({1} if case.columns["label"] else set())
        assert set(np.unique(labels).tolist()) == expected, case.id


def test_grid_survives_the_nifti_header(cohort: list[Case]) -> None:
    drawn = scan.draw_scan(0, study(0), SMALL).geometry
    for path in (cohort[0].image, cohort[0].labels[0][1]):
        header = sitk.ReadImage(str(path))
        assert header.GetSize() == drawn.size
        assert header.GetSpacing() == drawn.spacing
        assert header.GetOrigin() == drawn.origin
        assert header.GetDirection() == drawn.direction


def test_voxels_are_those_of_this_version(images: list[tuple[np.ndarray, np.ndarray]]) -> None:
    # when this changes on purpose, so must cohort.VERSION: else old folders pass for new ones
    assert [digest_of_array(a)[:16] for a in images[0]] == ["9759225f4d7ecffc", "8d8249d6c44195cf"]


def test_bytes_do_not_depend_on_how_many(cohort: list[Case], tmp_path: Path) -> None:
    for case, again in zip(cohort, build(tmp_path, cases=2, folder="few"), strict=False):
        assert again.image.parent == tmp_path / "few" / "images"
        assert again.columns == case.columns
        assert again.image.read_bytes() == case.image.read_bytes()
        assert again.labels[0][1].read_bytes() == case.labels[0][1].read_bytes()


def test_another_seed_is_another_cohort(cohort: list[Case], tmp_path: Path) -> None:
    (other,) = build(tmp_path, cases=1, seed=1)
    assert other.image.read_bytes() != cohort[0].image.read_bytes()


def test_existing_files_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (case,) = build(tmp_path, cases=1)
    before = case.image.stat()
    monkeypatch.setattr(scan, "take", None)  # nothing is drawn again
    assert build(tmp_path, cases=1) == [case]
    assert (case.image.stat().st_mtime_ns, case.image.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_only_the_missing_file_is_written(tmp_path: Path) -> None:
    (case,) = build(tmp_path, cases=1)
    label, content, before = case.labels[0][1], case.labels[0][1].read_bytes(), case.image.stat().st_mtime_ns
    label.unlink()
    build(tmp_path, cases=1)
    assert label.read_bytes() == content
    assert case.image.stat().st_mtime_ns == before


def test_an_interrupted_write_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(image: object, path: str, **_: object) -> None:
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sitk, "WriteImage", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path, cases=1)
    assert [p.name for p in (tmp_path / "demo").rglob("*") if p.is_file()] == [home.MARKER]
    (case,) = build(tmp_path, cases=1)
    assert pixels(case.image).ndim == 3


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"case": 3}, "'cases'"),
        ({"sede": 3}, "'seed'"),
        ({"cases": 0}, "cases is 0"),
        ({"cases": "12"}, "cases is '12'"),
        ({"cases": True}, "cases is True"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"folder": 3}, "folder is 3"),
        ({"size": "medium"}, "size is 'medium'"),
        ({"size": True}, "size is True"),
        ({"size": 1}, "size is 1"),
        ({"signal": "of"}, "signal is 'of'"),
        ({"signal": 0}, "signal is 0"),
    ],
)
def test_bad_arguments(tmp_path: Path, args: dict[str, object], words: str) -> None:
    with pytest.raises(CatalogError, match="demo") as caught:
        build(tmp_path, **args)
    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_another_seed_is_refused(tmp_path: Path) -> None:
    build(tmp_path, cases=1)
    with pytest.raises(CatalogError, match='"seed": 1'):
        build(tmp_path, cases=1, seed=1)


def test_without_the_signal_is_another_cohort(tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text(
        "sources:\n  demo:\n    driver: phantom\n    args: {cases: 1, signal: off, folder: off}\n"
    )
    (off,) = load_catalog(tmp_path / "catalog.yaml").cases()
    (on,) = build(tmp_path, cases=1)
    image = (pixels(on.image) != pixels(off.image)).sum()
    assert image > (pixels(on.labels[0][1]) == 1).sum() / 2
    np.testing.assert_array_equal(pixels(on.labels[0][1]), pixels(off.labels[0][1]))
    with pytest.raises(CatalogError, match='"signal": true'):
        build(tmp_path, cases=1, folder="off")


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine.nii.gz").write_bytes(b"")
    with pytest.raises(CatalogError, match="no phantom cohort"):
        build(tmp_path, cases=1)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="cannot write"):
        build(tmp_path, cases=1, folder="file/demo")
