"""Volumes become files."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import SimpleITK as sitk

from radstore.errors import BadInput
from radstore.images.itk import to_itk
from radstore.images.volume import Volume

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")


def write_volume(volume: Volume, path: str | Path) -> Path:
    """Write a volume, compressed where the format can, with its type and its geometry.

    NRRD and MHA keep the geometry in double precision; NIfTI has only float32 for it. The file appears whole
    or not at all.

    Parameters
    ----------
    volume
        What to write.
    path
        Where; its suffix, one of `SUFFIXES`, chooses the format. The folder is made if need be.

    Raises
    ------
    BadInput
        If the suffix is unknown or the file cannot be written there.
    """
    path = Path(path)
    suffix = next((s for s in reversed(SUFFIXES) if path.name.lower().endswith(s)), None)
    if suffix is None:
        raise BadInput(
            f"{path}: no image format is known by that suffix", f"Use one of {', '.join(SUFFIXES)}."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, suffix, to_itk(volume))
    except (OSError, RuntimeError) as e:
        raise BadInput(
            f"{path} cannot be written: {e}", "Check the folder's permissions and free space."
        ) from e
    return path


def _replace(path: Path, suffix: str, image: sitk.Image) -> None:
    aside = path.with_name(f".{uuid4().hex}{suffix}")  # the same folder, so that the rename is atomic
    try:
        sitk.WriteImage(image, str(aside), useCompression=True)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
