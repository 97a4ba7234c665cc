from __future__ import annotations

import json
from pathlib import Path

import pytest

from radstore.errors import BadInput
from radstore.split.files import read_folds


def test_a_table(tmp_path: Path) -> None:
    file = tmp_path / "folds.csv"
    file.write_text("case;fold;note\n007;0;x\nb;2;\nc;;\n")
    assert read_folds(file) == {"007": 0, "b": 2}


def test_nnunets_splits(tmp_path: Path) -> None:
    file = tmp_path / "splits_final.json"
    file.write_text(json.dumps([{"train": ["b", "c"], "val": ["a"]}, {"train": ["a", "c"], "val": ["b"]}]))
    assert read_folds(file) == {"a": 0, "b": 1}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("f.csv", "case,fold\na,x\n", "line 2: the fold of 'a' is 'x'\n"),
        ("f.csv", "case,fold\na,-1\n", "line 2: the fold of 'a' is '-1'\n"),
        ("f.csv", "case,fold\na,1\na,2\n", "line 3: the case 'a' is in fold 1 and in fold 2\n"),
        ("f.csv", "id,fold\na,1\n", "no column 'case'"),
        ("f.json", "{", "cannot be read as JSON"),
        ("f.json", "{}", "is not a list of folds"),
        ("f.json", '[{"train": [], "val": [1]}]', "is not a list of folds"),
        ("f.json", '[{"train": ["a"], "val": ["a"]}]', "in fold 0 the case 'a' is in train and in val"),
        (
            "f.json",
            '[{"train": [], "val": ["a"]}, {"train": [], "val": ["a"]}]',
            "'a' is in the val of folds 0 and 1",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, text: str, says: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(BadInput, match=says):
        read_folds(file)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        read_folds(tmp_path / "f.json")
