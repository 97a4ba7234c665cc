from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from radstore.catalog import load_catalog
from radstore.catalog.guess import guess_catalog
from radstore.errors import CatalogError
from radstore.images import Geometry, Volume
from radstore.images.write import write_volume

GRID = Geometry((3, 3, 3), (1.0, 1.0, 2.5))


def mask(path: Path, *values: int, dtype: str = "uint8") -> None:
    array = np.zeros(GRID.shape, dtype)
    array[0, 0, : len(values)] = values
    write_volume(Volume(array, GRID), path)


def cohort(folder: Path, ids: tuple[str, ...] = ("100_1", "100_2", "101_3")) -> None:
    for id_ in ids:
        write_volume(Volume(np.zeros(GRID.shape, np.int16), GRID), folder / f"imagesTr/{id_}_0000.nii.gz")
        mask(folder / f"labelsTr/{id_}.nii.gz", 1, 4, dtype="float64")


def test_a_catalog_that_works(tmp_path: Path) -> None:
    cohort(tmp_path / "my data")
    (tmp_path / "my data" / "clinical.csv").write_text(
        "patient_id,study,age\n100,100_1,042Y\n100,100_2,043Y\n9,9_9,001Y\n"
    )
    text = guess_catalog(tmp_path / "my data", tmp_path)
    assert '"{{ CATALOG_DIR }}/my data/imagesTr/{case}_0000.nii.gz"' in text
    assert "# 3 cases with one image and its masks" in text
    assert "# values in 3 of the labels: 1, 4" in text
    assert "# 2 of the 3 cases stand in it" in text
    (tmp_path / "catalog.yaml").write_text(text)
    loaded = load_catalog(tmp_path / "catalog.yaml")
    cases = loaded.cases("my_data")
    assert [(case.id, case.patient, case.problem) for case in cases] == [
        ("100_1", "100", None),
        ("100_2", "100", None),
        ("101_3", "101_3", None),
    ]
    assert cases[0].columns == {"age": 42.0}
    assert cases[0].region("roi").values == (1, 4)


def test_paths_elsewhere_are_written_in_full(tmp_path: Path) -> None:
    cohort(tmp_path / "data")
    for text in (guess_catalog(tmp_path / "data"), guess_catalog(tmp_path / "data", tmp_path / "other")):
        assert f'"{tmp_path}/data/labelsTr/{{case}}.nii.gz"' in text
    assert 'image: "{{ CATALOG_DIR }}/imagesTr/' in guess_catalog(tmp_path / "data", tmp_path / "data")


def test_several_masks_become_regions(tmp_path: Path) -> None:
    for id_ in ("a1", "b2"):
        write_volume(Volume(np.zeros(GRID.shape, np.int16), GRID), tmp_path / id_ / "ct.nii.gz")
        mask(tmp_path / id_ / "seg" / "liver.nii.gz", 1)
        mask(tmp_path / id_ / "seg" / "pancreas.nii.gz", 2, 3)
        mask(tmp_path / id_ / "seg" / "spleen.nii.gz")
    (tmp_path / "catalog.yaml").write_text(guess_catalog(tmp_path, tmp_path))
    case = load_catalog(tmp_path / "catalog.yaml").cases()[0]
    assert case.problem is None
    assert case.region("pancreas").values == (2, 3)
    assert case.label_path(case.region("pancreas")).name == "pancreas.nii.gz"
    assert set(case.regions) == {"liver", "pancreas"}


def test_dicom_folders(tmp_path: Path) -> None:
    for id_ in ("a1", "b2"):
        (tmp_path / id_ / "CT").mkdir(parents=True)
        (tmp_path / id_ / "CT" / "IM0001").write_bytes(bytes(128) + b"DICM")
        (tmp_path / id_ / "reports").mkdir()
        (tmp_path / id_ / "reports" / "README").write_text("no image")
        mask(tmp_path / id_ / "mask.nii.gz", 1)
    text = guess_catalog(tmp_path, tmp_path)
    assert 'image: "{{ CATALOG_DIR }}/{case}/CT/"' in text
    (tmp_path / "catalog.yaml").write_text(text)
    cases = load_catalog(tmp_path / "catalog.yaml").cases()
    assert [case.image for case in cases] == [tmp_path / "a1" / "CT", tmp_path / "b2" / "CT"]


def test_what_could_not_be_used_is_said(tmp_path: Path) -> None:
    cohort(tmp_path)
    mask(tmp_path / "labelsTr/100_1.nii.gz", 1)
    (tmp_path / "labelsTr/100_2.nii.gz").write_bytes(b"junk")
    (tmp_path / "broken.xlsx").write_text("no zip")
    (tmp_path / "imagesTr/104_0000.nii.gz").write_text("x")
    text = guess_catalog(tmp_path)
    assert "# not used: " in text
    assert "labelsTr/100_2.nii.gz (4 bytes) cannot be read" in text
    assert "1 images have no mask of their own" in text
    (tmp_path / "catalog.yaml").write_text(text)
    load_catalog(tmp_path / "catalog.yaml")


def test_nothing_to_go_by(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.nii.gz").write_text("x")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(CatalogError) as caught:
        guess_catalog(tmp_path)
    assert "1 image files, 0 DICOM folders, 0 tables, 1 other files (such as scans/a.nii.gz)" in str(
        caught.value
    )
    assert "imagesTr/" in caught.value.remedy
    with pytest.raises(CatalogError, match="is no folder"):
        guess_catalog(tmp_path / "nowhere")


def test_real_folder(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text(guess_catalog(shared_data / "sts_ct"))
    cases = load_catalog(tmp_path / "catalog.yaml").cases()
    assert [case.id for case in cases] == ["STS_008", "STS_019"]
    (tmp_path / "catalog.yaml").write_text(guess_catalog(shared_data / "pyradiomics_cases"))
    assert [case.id for case in load_catalog(tmp_path / "catalog.yaml").cases()] == [
        "brain1",
        "breast1",
        "lung1_crop",
    ]
