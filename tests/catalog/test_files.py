from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from radstore.catalog import Catalog
from radstore.errors import CatalogError

Load = Callable[[str], Catalog]
Touch = Callable[[list[str]], None]


def source(args: str, regions: str = "{}") -> str:
    return f"sources:\n  s:\n    driver: files\n    args: {{{args}}}\n    regions: {regions}\n"


IMAGES = 'image: "images/{case}_0000.nii.gz"'
BOTH = IMAGES + ', labels: "labels/{case}.nii.gz"'
TABLE = BOTH + ", table: t.csv, case_column: id"


@pytest.fixture
def cohort(touch: Touch) -> None:
    for id_ in ("a", "b", "c"):
        touch([f"images/{id_}_0000.nii.gz", f"labels/{id_}.nii.gz"])


@pytest.mark.usefixtures("cohort")
def test_cases(catalog: Load, tmp_path: Path) -> None:
    loaded = catalog(source(BOTH, "{pancreas: [1, 4, 5]}"))
    cases = loaded.cases()
    assert [case.id for case in cases] == ["a", "b", "c"]
    first = cases[0]
    assert (first.patient, first.source, first.problem) == ("a", "s", None)
    assert first.image == tmp_path / "images" / "a_0000.nii.gz"
    assert first.labels == (("labels", tmp_path / "labels" / "a.nii.gz"),)
    assert first.region("pancreas").values == (1, 4, 5)
    assert first.columns == {}
    assert loaded.notes() == []


@pytest.mark.usefixtures("cohort")
def test_a_case_without_its_labels_has_a_problem(catalog: Load, tmp_path: Path) -> None:
    (tmp_path / "labels" / "b.nii.gz").rename(tmp_path / "labels" / "b_.nii.gz")
    good, bad, other = catalog(source(BOTH)).cases()
    assert good.problem is None
    assert other.problem is None
    assert bad.problem is not None
    assert bad.problem.step == "find"
    assert f"'b' has no label file {tmp_path / 'labels' / 'b.nii.gz'}" in bad.problem.message
    assert "Did you mean 'b_.nii.gz'?" in bad.problem.remedy


@pytest.mark.usefixtures("cohort")
def test_two_label_files(catalog: Load, touch: Touch) -> None:
    touch(["labels/a_v2.nii.gz"])
    first, second, _ = catalog(source(IMAGES + ', labels: "labels/{case}*.nii.gz"')).cases()
    assert "has 2 label files" in str(first.problem)
    assert "a_v2.nii.gz" in str(first.problem)
    assert second.problem is None


def test_two_images(catalog: Load, touch: Touch) -> None:
    touch(["batch_1/a_0000.nii.gz", "batch_2/a_0000.nii.gz", "batch_2/b_0000.nii.gz"])
    first, second = catalog(source('image: "batch_*/{case}_0000.nii.gz"')).cases()
    assert "the case 'a' has 2 images" in str(first.problem)
    assert "batch_1/a_0000.nii.gz" in str(first.problem)
    assert "batch_2/a_0000.nii.gz" in str(first.problem)
    assert second.problem is None


@pytest.mark.usefixtures("cohort")
def test_several_label_images(catalog: Load, touch: Touch, tmp_path: Path) -> None:
    touch(["lesions/a.nii.gz", "lesions/b.nii.gz", "lesions/c.nii.gz"])
    text = source(
        IMAGES + ', labels: {organs: "labels/{case}.nii.gz", lesions: "lesions/{case}.nii.gz"}',
        "{pancreas: [4], lesion: {labels: lesions, values: [1]}}",
    )
    first = catalog(text).cases()[0]
    assert first.label_path(first.region("pancreas")) == tmp_path / "labels" / "a.nii.gz"
    assert first.label_path(first.region("lesion")) == tmp_path / "lesions" / "a.nii.gz"
    assert first.label_path(first.region("label-3")) == tmp_path / "labels" / "a.nii.gz"


@pytest.mark.usefixtures("cohort")
def test_a_table(catalog: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,patient,age,label\na,p1,042Y,1\nb,p1,043Y,0\nz,p9,001Y,0\ny,p8,,\n")
    loaded = catalog(source(TABLE + ", patient_column: patient"))
    first, second, third = loaded.cases()
    assert (first.patient, second.patient, third.patient) == ("p1", "p1", "c")
    assert first.columns == {"age": 42.0, "label": 1}
    assert third.columns == {"age": None, "label": None}
    assert loaded.notes() == ["s: 1 images have no row in t.csv: c", "s: 2 rows of t.csv have no image: z, y"]


@pytest.mark.usefixtures("cohort")
def test_a_table_of_something_else(catalog: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,label\nx1,1\nx2,0\n")
    with pytest.raises(CatalogError, match=r"a, b, c among the images, x1, x2 in the table\n.*case_column"):
        catalog(source(TABLE)).cases()


def test_patient_from_the_path(catalog: Load, touch: Touch, tmp_path: Path) -> None:
    touch(["p1/s1/ct.nii", "p1/s2/ct.nii", "m/p1_s1.nii", "m/p1_s2.nii"])
    args = 'image: "{patient}/{case}/ct.nii", labels: "m/{patient}_{case}.nii"'
    first, second = catalog(source(args)).cases()
    assert (first.patient, second.patient) == ("p1", "p1")
    assert first.labels[0][1] == tmp_path / "m" / "p1_s1.nii"
    (tmp_path / "t.csv").write_text("id,who\ns1,p1\ns2,p7\n")
    first, second = catalog(source(args + ", table: t.csv, case_column: id, patient_column: who")).cases()
    assert first.problem is None
    assert "of patient 'p1' by" in str(second.problem)
    assert "'p7' by the table" in str(second.problem)


def test_nothing_matches(catalog: Load, touch: Touch, tmp_path: Path) -> None:
    touch([f"images/{n}.nii.gz" for n in range(7)])
    with pytest.raises(CatalogError) as caught:
        catalog(source(IMAGES)).cases()
    assert f"no file matches {tmp_path}/images/{{case}}_0000.nii.gz" in caught.value.message
    assert f"{tmp_path / 'images'} exists and has 7 entries, such as 0.nii.gz" in caught.value.remedy
    with pytest.raises(CatalogError, match=f"The folder {tmp_path} exists"):
        catalog(source('image: "imgs/deep/{case}.nii.gz"')).cases()


@pytest.mark.parametrize(
    ("args", "regions", "said"),
    [
        ("", "{}", "has no image pattern"),
        ("image: 3", "{}", "image is 3"),
        ("image: images/a.nii.gz", "{}", "has no {case}"),
        (IMAGES + ", labels: labels/x.nii.gz", "{}", "has no {case}"),
        (IMAGES + ", labels: [a]", "{}", r"labels is \['a'\]"),
        (IMAGES + ", case_column: id", "{}", "has case_column, but no table"),
        (BOTH + ", table: t.csv", "{}", "has a table, but no case_column"),
        (BOTH + ", table: u.csv, case_column: id", "{}", "does not exist"),
        (IMAGES, "{lesion: [1]}", "needs a label image 'labels'"),
        (BOTH, "{lesion: {labels: lesion, values: [1]}}", "needs a label image 'lesion'"),
        (IMAGES + ', labels: "labels/{cas}.nii.gz"', "{}", "unknown field {cas}"),
    ],
)
@pytest.mark.usefixtures("cohort")
def test_refused(args: str, regions: str, said: str, catalog: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id\na\n")
    with pytest.raises(CatalogError, match=said.replace("{", r"\{")) as caught:
        catalog(source(args, regions)).cases()
    assert caught.value.remedy


def test_a_large_cohort_is_quick(catalog: Load, touch: Touch) -> None:
    touch([f"images/{n:05}_0000.nii.gz" for n in range(2000)])
    touch([f"labels/{n:05}_seg.nii.gz" for n in range(2000)])
    cases = catalog(source(IMAGES + ', labels: "labels/{case}_*.nii.gz"')).cases()
    assert len(cases) == 2000
    assert all(case.problem is None for case in cases)


@pytest.mark.usefixtures("cohort")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have only UTF-8 file names")
def test_a_file_name_that_is_not_utf8_is_refused(catalog: Load, tmp_path: Path) -> None:
    latin = os.fsencode(tmp_path / "images") + b"/M\xfcller_0000.nii.gz"
    with open(latin, "wb"):  # noqa: PTH123  (a path of bytes)
        pass
    with pytest.raises(CatalogError, match="not UTF-8"):
        catalog(source(IMAGES)).cases()
