"""The small files of a model folder, and which model it is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from radstore.errors import BadInput
from radstore.suggest import missing_path


def read_json(file: Path) -> dict[str, Any]:
    """A JSON file of a model folder.

    Raises
    ------
    BadInput
        If it is missing or damaged.
    """
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"{file} is not there", "Name a model folder that `fusion train` wrote.") from error
    except ValueError as error:
        raise BadInput(f"{file} is damaged: {error}", "Copy the model folder again.") from error
    return found


def file_digest(file: Path) -> str:
    """sha256 of a file; of a checkpoint it says which model predicted.

    Raises
    ------
    BadInput
        If it is missing.
    """
    if not file.is_file():
        raise BadInput(*missing_path(file))
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
