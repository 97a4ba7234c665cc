"""Folds that somebody else made: a table with ``case`` and ``fold``, or nnU-Net's ``splits_final.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radstore.catalog.tables import read_table
from radstore.errors import BadInput
from radstore.suggest import missing_path

CASE, FOLD = "case", "fold"


def read_folds(path: str | Path) -> dict[str, int]:
    """Case → fold.

    Parameters
    ----------
    path
        A CSV, TSV or XLSX with the columns ``case`` and ``fold`` (whole numbers; blank: no fold), or a JSON
        file as nnU-Net writes it: a list of ``{"train": [...], "val": [...]}``, where a case's fold is that
        in whose ``val`` it stands.

    Raises
    ------
    BadInput
        If it cannot be read, a fold is no whole number from 0 on, or a case has two.
    """
    path = Path(path)
    return _from_json(path) if path.suffix.lower() == ".json" else _from_table(path)


def _from_table(path: Path) -> dict[str, int]:
    table = read_table(path)
    at_case, at_fold = table.column(CASE), table.column(FOLD)
    folds: dict[str, int] = {}
    for line, cells in table.rows:
        case, fold = cells[at_case], cells[at_fold]
        if not case or not fold:
            continue
        if not fold.isascii() or not fold.isdecimal():
            raise BadInput(
                f"{path}, line {line}: the fold of {case!r} is {fold!r}",
                "Write whole numbers from 0 on, or leave it blank for none.",
            )
        if folds.setdefault(case, int(fold)) != int(fold):
            raise BadInput(
                f"{path}, line {line}: the case {case!r} is in fold {folds[case]} and in fold {fold}",
                "Keep one row a case.",
            )
    return folds


def _from_json(path: Path) -> dict[str, int]:
    if not path.exists():
        raise BadInput(*missing_path(path))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as JSON: {error}", "Check the file.") from error
    if not isinstance(content, list) or not all(_is_fold(fold) for fold in content):
        raise BadInput(
            f"{path} is not a list of folds",
            'nnU-Net\'s splits_final.json is [{"train": [case, …], "val": [case, …]}, …].',
        )
    folds: dict[str, int] = {}
    for number, fold in enumerate(content):
        _require_apart(path, number, fold)
        for case in fold["val"]:
            if folds.setdefault(case, number) != number:
                raise BadInput(
                    f"{path}: the case {case!r} is in the val of folds {folds[case]} and {number}",
                    "Folds must not overlap: a case is validated once.",
                )
    return folds


def _is_fold(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and {"train", "val"} <= set(value)
        and all(isinstance(value[key], list) for key in ("train", "val"))
        and all(isinstance(case, str) for key in ("train", "val") for case in value[key])
    )


def _require_apart(path: Path, number: int, fold: Mapping[str, Any]) -> None:
    both = sorted(set(fold["train"]) & set(fold["val"]))
    if both:
        raise BadInput(
            f"{path}: in fold {number} the case {both[0]!r} is in train and in val",
            "A case that is trained on cannot validate.",
        )
