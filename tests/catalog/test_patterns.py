from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from radstore.catalog.patterns import Folders, Pattern
from radstore.errors import CatalogError

Touch = Callable[[list[str]], None]


def find(text: str, folder: Path, **fields: str) -> dict[str, str]:
    """Path below the folder → the case it belongs to."""
    found = Pattern(text, folder, Folders()).find(fields)
    return {match.path.relative_to(folder).as_posix(): match.fields.get("case", "") for match in found}


def test_suffix(touch: Touch, tmp_path: Path) -> None:
    touch(["images/100_00001_0000.nii.gz", "images/101_00002_0000.nii.gz", "images/readme.txt"])
    assert find("images/{case}_0000.nii.gz", tmp_path) == {
        "images/100_00001_0000.nii.gz": "100_00001",
        "images/101_00002_0000.nii.gz": "101_00002",
    }


def test_the_same_field_twice(touch: Touch, tmp_path: Path) -> None:
    touch(["a/a_ct.nii", "b/b_ct.nii", "b/c_ct.nii", "d/d.nii"])
    assert find("{case}/{case}_ct.nii", tmp_path) == {"a/a_ct.nii": "a", "b/b_ct.nii": "b"}


def test_over_folders(touch: Touch, tmp_path: Path) -> None:
    touch(["batch_1/a_0000.nii.gz", "batch_2/b_0000.nii.gz", "batch_2/deep/c_0000.nii.gz", "x/d_0000.nii.gz"])
    assert set(find("batch_*/{case}_0000.nii.gz", tmp_path).values()) == {"a", "b"}
    assert set(find("*/{case}_0000.nii.gz", tmp_path).values()) == {"a", "b", "d"}
    assert set(find("**/{case}_0000.nii.gz", tmp_path).values()) == {"a", "b", "c", "d"}
    assert set(find("batch_2/**/{case}_0000.nii.gz", tmp_path).values()) == {"b", "c"}


def test_patient_and_case(touch: Touch, tmp_path: Path) -> None:
    touch(["p1/s1.nii", "p1/s2.nii", "p2/s1.nii"])
    found = Pattern("{patient}/{case}.nii", tmp_path, Folders()).find()
    assert [dict(match.fields) for match in found] == [
        {"patient": "p1", "case": "s1"},
        {"patient": "p1", "case": "s2"},
        {"patient": "p2", "case": "s1"},
    ]


def test_wildcards_take_as_little_as_they_can(touch: Touch, tmp_path: Path) -> None:
    touch(["x_a_b.nii"])
    assert find("*_{case}.nii", tmp_path) == {"x_a_b.nii": "a_b"}
    assert find("{case}_*.nii", tmp_path) == {"x_a_b.nii": "x"}


def test_given_fields_are_taken_as_they_are(touch: Touch, tmp_path: Path) -> None:
    touch(["l/100_1_seg.nii", "l/100_1_v2.nii", "l/100_12_seg.nii", "l/100.nii"])
    assert set(find("l/{case}_*.nii", tmp_path, case="100_1")) == {"l/100_1_seg.nii", "l/100_1_v2.nii"}
    assert set(find("l/{case}.nii", tmp_path, case="100")) == {"l/100.nii"}
    assert find("l/{case}.nii", tmp_path, case="200") == {}


def test_folders_are_found_too(touch: Touch, tmp_path: Path) -> None:
    touch(["dicom/a/1.dcm", "dicom/b/1.dcm", "dicom/notes.txt"])
    assert find("dicom/{case}", tmp_path) == {"dicom/a": "a", "dicom/b": "b", "dicom/notes.txt": "notes.txt"}
    assert find("dicom/{case}/", tmp_path) == {"dicom/a": "a", "dicom/b": "b"}


def test_hidden_files_are_not_there(touch: Touch, tmp_path: Path) -> None:
    touch(["i/a.nii", "i/._a.nii", ".trash/b.nii", "i/.nii"])
    assert find("i/{case}.nii", tmp_path) == {"i/a.nii": "a"}
    assert find("**/{case}.nii", tmp_path) == {"i/a.nii": "a"}
    assert find("i/._{case}.nii", tmp_path) == {"i/._a.nii": "a"}


def test_special_characters_are_literal(touch: Touch, tmp_path: Path) -> None:
    touch(["a+b (1)[x]/q?.c$/s1.nii.gz", "a+b (1)[x]/q?.c$/s1xnii.gz"])
    assert find("a+b (1)[x]/q?.c$/{case}.nii.gz", tmp_path) == {"a+b (1)[x]/q?.c$/s1.nii.gz": "s1"}


def test_special_characters_of_the_catalogs_folder(tmp_path: Path) -> None:
    folder = tmp_path / "[old] {case} *"
    folder.mkdir()
    (folder / "a.nii").write_text("x")
    (tmp_path / "[old] {case} 2").mkdir()
    (tmp_path / "[old] {case} 2" / "b.nii").write_text("x")
    assert find("{case}.nii", folder) == {"a.nii": "a"}


def test_home_and_absolute_paths(touch: Touch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(["d/a.nii"])
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find("~/d/{case}.nii", tmp_path) == {"d/a.nii": "a"}
    assert find(f"{tmp_path}/d/{{case}}.nii", tmp_path) == {"d/a.nii": "a"}
    assert find("e/../d/{case}.nii", tmp_path) == {}
    touch(["e/"])
    assert [m.fields["case"] for m in Pattern("e/../d/{case}.nii", tmp_path, Folders()).find()] == ["a"]


def test_links_are_followed_but_not_in_circles(touch: Touch, tmp_path: Path) -> None:
    touch(["real/a.nii"])
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "round").symlink_to(tmp_path)
    assert find("linked/{case}.nii", tmp_path) == {"linked/a.nii": "a"}
    assert find("**/{case}.nii", tmp_path) == {"real/a.nii": "a"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("i/{cases}.nii", "Did you mean 'case'?"),
        ("i/{}/{case}", "unknown field {}"),
        ("a**/{case}", r"\*\* within"),
    ],
)
def test_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=said.replace("?", r"\?").replace("{}", r"\{\}")):
        Pattern(text, tmp_path, Folders())


def test_folder_that_may_not_be_read(touch: Touch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(["shut/a.nii"])

    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(CatalogError, match="shut cannot be read: Permission denied"):
        find("shut/{case}.nii", tmp_path)


NAMES = st.text("ab01_-.+[({ ", min_size=1, max_size=6).filter(
    lambda n: not n.startswith(".") and n.strip(".") == n
)


@settings(max_examples=60)
@given(
    ids=st.sets(NAMES, min_size=1, max_size=5),
    layout=st.sampled_from(["i/{}_0000.nii", "{}/{}_ct.nii", "b_1/{}/x/m.nii"]),
)
@example(ids={"a", "a_0000"}, layout="i/{}_0000.nii")
def test_every_id_is_found_and_its_label_too(
    ids: set[str], layout: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cohort")
    for id_ in ids:
        path = folder / layout.replace("{}", id_)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    text = layout.replace("{}", "{case}").replace("b_1", "b_*")
    assert sorted(find(text, folder).values()) == sorted(ids)
    for id_ in ids:
        assert list(find(text, folder, case=id_).values()) == [id_]
