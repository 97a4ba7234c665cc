"""One DICOM series as one volume: which files belong to it, and whether they stack up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radstore.errors import ReadError
from radstore.images.itk import grid_of
from radstore.images.volume import Geometry

# Slices may lie off their even places by this share of the slice distance: enough for rounded positions
# and table jitter, far from the 100 % that one missing slice makes.
_UNEVEN = 0.1
# The stack may lean by this much (mm aside per mm along): 0.6°, far from a gantry tilt.
_LEAN = 0.01

_POSITION, _MODALITY, _DESCRIPTION = "0020|0032", "0008|0060", "0008|103e"


def is_dicom(path: Path) -> bool:
    """Whether `path` is to be read as DICOM: any folder, or a file with DICOM's mark or suffix."""
    return path.is_dir() or path.suffix.lower() == ".dcm" or has_mark(path)


def series_files(path: Path) -> tuple[str, ...]:
    """The files of one series, sorted along the slice normal.

    Parameters
    ----------
    path
        A folder that holds one image series, or a file of the series that is wanted.

    Raises
    ------
    ReadError
        If there is no series, or several in a folder (with what each is), or files that cannot be parsed.
    """
    folder = path if path.is_dir() else path.parent
    entries = [file for file in folder.iterdir() if file.name != "DICOMDIR"]
    if not any(file.is_file() for file in entries):
        raise ReadError(
            f"{folder} holds no file ({len(entries):,} folders)",
            "Name the folder that holds the slices themselves.",
        )
    series = {
        uid: sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
        for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    }
    parsed = {Path(file).name for files in series.values() for file in files}
    lost = sorted(file.name for file in entries if file.name not in parsed and has_mark(file))
    if lost:  # GDCM leaves a truncated slice out without a word
        raise ReadError(
            f"{folder / lost[0]} cannot be parsed as DICOM ({len(lost)} such of {len(entries)} there)",
            "Export or copy the series again.",
        )
    if not series:
        raise ReadError(
            f"{folder} holds no DICOM series ({len(entries):,} other entries)",
            "Name the folder that holds the slices themselves, or an image file.",
        )
    return _choose(path, series)


def read_series(path: Path) -> sitk.Image:
    """The volume of one series, in the modality's units (HU for CT: rescaled as the files say)."""
    files = series_files(path)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    reader.MetaDataDictionaryArrayUpdateOn()
    image = reader.Execute()
    if len(files) > 1:
        positions = np.array([_position(reader, i, file) for i, file in enumerate(files)])
        _check_stack(path, files, positions, grid_of(image).axes[:, 2])
    return image


def series_header(path: Path) -> tuple[Geometry, sitk.ImageFileReader]:
    """Geometry of one series from its first and last slice, and a reader that knows the pixel type."""
    files = series_files(path)
    first = _information(files[0])
    grid = grid_of(first)
    if len(files) > 1:
        span = np.subtract(_information(files[-1]).GetOrigin(), first.GetOrigin())
        apart = float(np.linalg.norm(span)) / (len(files) - 1)
        grid = replace(grid, size=(*grid.size[:2], len(files)), spacing=(*grid.spacing[:2], apart))
    return grid, first


def _choose(path: Path, series: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    if path.is_file():
        for files in series.values():
            if path.name in {Path(file).name for file in files}:
                return files
        raise ReadError(f"{path} cannot be parsed as DICOM", "Export or copy it again.")
    images = {uid: files for uid, files in series.items() if _is_image(files[0])}
    if len(images) == 1:
        return next(iter(images.values()))
    listed = "; ".join(f"{uid} ({_describe(files)})" for uid, files in sorted((images or series).items()))
    if not images:
        raise ReadError(f"{path} holds no DICOM image: {listed}", "Name the folder of the image series.")
    raise ReadError(
        f"{path} holds {len(images)} DICOM series: {listed}",
        "Put each series in a folder of its own, or name one of its files instead of the folder.",
    )


def has_mark(path: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _information(file: str) -> sitk.ImageFileReader:
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(file)
    reader.ReadImageInformation()
    return reader


def _is_image(file: str) -> bool:
    """Structure sets, plans and reports share folders with the images they belong to."""
    try:
        _information(file)
    except RuntimeError:
        return False
    return True


def _describe(files: Sequence[str]) -> str:
    try:
        reader = _information(files[0])
    except RuntimeError:
        return f"{len(files)} files, no image"
    tags = [
        reader.GetMetaData(tag).strip() for tag in (_MODALITY, _DESCRIPTION) if reader.HasMetaDataKey(tag)
    ]
    return ", ".join([f"{len(files)} slices", *filter(None, tags)])


def _position(reader: sitk.ImageSeriesReader, index: int, file: str) -> list[float]:
    if not reader.HasMetaDataKey(index, _POSITION):
        raise ReadError(
            f"{file} does not say where its slice lies (tag {_POSITION})",
            "Convert the series to NIfTI first.",
        )
    return [float(part) for part in reader.GetMetaData(index, _POSITION).split("\\")]


def _check_stack(path: Path, files: Sequence[str], positions: np.ndarray, normal: np.ndarray) -> None:
    """Refuse a stack with a missing or repeated slice, or one that leans: ITK would place it wrongly."""
    along = positions @ normal
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    worst = int(np.argmax(np.abs(gaps - usual)))
    if abs(gaps[worst] - usual) > _UNEVEN * abs(usual) or usual == 0:
        raise ReadError(
            f"{path}: slices are {usual:.6g} mm apart, but {Path(files[worst]).name} and "
            f"{Path(files[worst + 1]).name} {gaps[worst]:.6g} mm",
            "A slice is missing or stands there twice: export the series again.",
        )
    span = positions[-1] - positions[0]
    aside = float(np.linalg.norm(span - normal * (along[-1] - along[0])))
    if aside > _LEAN * np.ptp(along):
        raise ReadError(
            f"{path}: the slices lean by {aside:.4g} mm over {np.ptp(along):.4g} mm (gantry tilt)",
            "Resample the series onto an upright grid first (dcm2niix does).",
        )
