"""The cohort's folder: whose it is, so that no two cohorts mix in one."""

from __future__ import annotations

import json
from pathlib import Path
from secrets import token_hex

from radstore.errors import CatalogError

MARKER = "cohort.json"


def claim(folder: Path, identity: dict[str, object]) -> None:
    """Make `folder` the home of one cohort, or check that it is.

    Raises
    ------
    CatalogError
        If it holds another cohort (another seed, another version of the phantom), or images of something
        else, or cannot be written.
    """
    marker = folder / MARKER
    try:
        if marker.exists():
            _check(marker, identity)
        elif folder.is_dir() and any(not p.name.startswith(".") for p in folder.iterdir()):
            raise CatalogError(
                f"{folder} holds files that are no phantom cohort (there is no {MARKER} in it)",
                "Give the phantom a folder of its own: `args: {folder: …}`.",
            )
        else:
            folder.mkdir(parents=True, exist_ok=True)
            _publish(marker, json.dumps(identity, indent=1) + "\n")
    except OSError as e:
        raise CatalogError(
            f"cannot write the phantom cohort to {folder}: {e.strerror}",
            "Give it a folder that can be written: `args: {folder: …}`.",
        ) from e


def _check(marker: Path, identity: dict[str, object]) -> None:
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
    except ValueError as e:
        raise CatalogError(f"{marker} is not JSON: {e}", f"Delete {marker.parent}.") from e
    if found != identity:
        raise CatalogError(
            f"{marker.parent} holds the phantom cohort {json.dumps(found)}, "
            f"but the catalog asks for {json.dumps(identity)}",
            "Delete that folder, or give this cohort another: `args: {folder: …}`.",
        )


def _publish(path: Path, text: str) -> None:
    """Write a small file whole or not at all."""
    part = path.with_name(f".{token_hex(4)}.{path.name}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
