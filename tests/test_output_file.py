from __future__ import annotations

from pathlib import Path

import pytest

from radstore.errors import BadInput
from radstore.output_file import writing


def test_a_file_appears_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.csv"
    with writing(path) as aside:
        aside.write_text("whole")
        assert aside.suffix == ".csv"
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_what_was_there_stays_if_anything_goes_wrong(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), writing(path) as aside:
        aside.write_text("half") // 0
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with writing(str(path)) as aside:
        aside.write_text("new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("where", ["file/x.csv", "folder"])
def test_a_place_that_cannot_be_written(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with (
        pytest.raises(BadInput, match=f"{where} cannot be written: ") as caught,
        writing(tmp_path / where) as aside,
    ):
        aside.write_text("lost")
    assert caught.value.remedy
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder"]


def test_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No space left on device"), writing(tmp_path / "x"):
        raise OSError(28, "No space left on device")
