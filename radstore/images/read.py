"""Files become volumes: NIfTI, NRRD, MetaImage, and a DICOM series.

To add a format: its suffix in `SUFFIXES` if ITK reads it, else a sibling of `dicom`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radstore.errors import ReadError
from radstore.images import dicom
from radstore.images.finite import check_finite
from radstore.images.intact import check_whole
from radstore.images.itk import from_itk, grid_of
from radstore.images.nifti import read_nifti_header
from radstore.images.volume import Geometry, Volume
from radstore.suggest import missing_path

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")

# How far direction cosines may be from orthonormal: rounded to three decimals they still pass.
_ORTHONORMAL = 1e-3

_DTYPES = {
    getattr(sitk, f"sitk{vector}{name}"): np.dtype(name.lower())
    for vector in ("", "Vector")
    for name in (
        "UInt8",
        "Int8",
        "UInt16",
        "Int16",
        "UInt32",
        "Int32",
        "UInt64",
        "Int64",
        "Float32",
        "Float64",
    )
} | {sitk.sitkComplexFloat32: np.dtype("complex64"), sitk.sitkComplexFloat64: np.dtype("complex128")}


@dataclass(frozen=True)
class Header:
    """What is known of an image before its voxels are read.

    Parameters
    ----------
    geometry
        The grid.
    dtype
        Type of one value as `read_image` gives it (after the file's own rescaling).
    components
        Values a voxel: 1 for an image, more for a vector mask.
    """

    geometry: Geometry
    dtype: np.dtype
    components: int


def read_header(path: str | Path) -> Header:
    """Geometry and type of an image, without its voxels.

    Raises
    ------
    ReadError
        As `read_image`, as far as the header tells.
    """
    path = _existing(path)
    return _dicom_header(path) if dicom.is_dicom(path) else _file_header(path, _open(path))


def read_image(path: str | Path) -> Volume:
    """Read a 3-D scalar image with exactly the type its file has.

    Parameters
    ----------
    path
        A file with one of `SUFFIXES`, a folder with one DICOM series, or one file of a DICOM series. A
        4-D file with a single volume is read as that volume.

    Raises
    ------
    ReadError
        If it is missing, empty, truncated, damaged, not an image, not 3-D, complex or a vector image, has
        NaN or infinite voxels, or a geometry that cannot be one.
    """
    path = _existing(path)
    volume = _scalar(path, _pixels(path), None)
    if volume.array.dtype.kind == "f":
        check_finite(path, [volume.array])
    return volume


def read_labels(path: str | Path, channel: int = 0) -> Volume:
    """Read a label image: the integers it stores, whatever type it stores them in.

    Parameters
    ----------
    path
        As for `read_image`.
    channel
        Which component of a vector mask (PyRadiomics' ``label_channel``); a scalar image has only 0.

    Returns
    -------
    Volume
        Of the file's integer type; int32 where the file stores floats.

    Raises
    ------
    ReadError
        As `read_image`, or if there are values that are no integers, or no such channel.
    """
    path = _existing(path)
    volume = _scalar(path, _pixels(path), channel)
    if volume.array.dtype.kind in "iu":
        return volume
    return Volume(whole_numbers(path, volume.array), volume.geometry, volume.source)


def _existing(path: str | Path) -> Path:
    path = Path(path)
    try:
        if not path.exists():
            raise ReadError(*missing_path(path))
        if path.is_file():
            path.open("rb").close()
    except OSError as e:
        raise ReadError(f"{path} cannot be opened: {e.strerror}", "Check its permissions.") from e
    return path


def _open(path: Path) -> sitk.ImageFileReader:
    """A reader that has read the header, of a file that may be an image."""
    if not path.name.lower().endswith(SUFFIXES):
        raise ReadError(
            f"{path}: {path.suffix or 'a file without suffix'} is no image format that is read here",
            f"Convert it to one of {', '.join(SUFFIXES)}, or name a DICOM folder.",
        )
    if path.stat().st_size == 0:
        raise ReadError(f"{path} is empty (0 bytes)", "Copy or download the file again.")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as e:
        raise _not_an_image(path, e) from e
    return reader


def _file_header(path: Path, reader: sitk.ImageFileReader) -> Header:
    size, axes = reader.GetSize(), reader.GetDimension()
    if axes < 3 or any(n != 1 for n in size[3:]):
        raise ReadError(
            f"{path} is a {axes}-D image of {' × '.join(str(n) for n in size)} voxels",
            "Save one 3-D volume a file (a single slice as a volume one voxel thick).",
        )
    nifti = read_nifti_header(path)
    if nifti is not None and not _usable(nifti.spacing[:3]):
        raise _bad_spacing(path, nifti.spacing[:3])
    return _header(path, grid_of(reader), reader)


def _dicom_header(path: Path) -> Header:
    try:
        return _header(path, *dicom.series_header(path))
    except RuntimeError as e:
        raise _not_an_image(path, e) from e


def _header(path: Path, geometry: Geometry, reader: sitk.ImageFileReader) -> Header:
    _check_geometry(path, geometry)
    dtype = _DTYPES[reader.GetPixelID()]
    return Header(geometry, dtype, 1 if dtype.kind == "c" else reader.GetNumberOfComponents())


def _pixels(path: Path) -> sitk.Image:
    """The checked 3-D image behind a path, whatever its components."""
    try:
        if dicom.is_dicom(path):
            image = dicom.read_series(path)
            _check_geometry(path, grid_of(image))
            return image
        reader = _open(path)
        _file_header(path, reader)
        image = reader.Execute()
    except RuntimeError as e:
        raise _not_an_image(path, e) from e
    check_whole(path, sitk.GetArrayViewFromImage(image))
    while image.GetDimension() > 3:
        image = image[..., 0]
    return image


def _scalar(path: Path, image: sitk.Image, channel: int | None) -> Volume:
    """`image` if it is scalar, else the component `channel` (None: a scalar is needed)."""
    components = image.GetNumberOfComponentsPerPixel()
    kind = image.GetPixelIDTypeAsString()
    if "complex" in kind or (channel is None and components > 1):
        raise ReadError(f"{path} has voxels of type {kind}", "Save the one component that is meant.")
    if channel is not None and not 0 <= channel < components:
        raise ReadError(
            f"{path} has no channel {channel}: it has {components}", f"Choose one of 0 … {components - 1}."
        )
    if "vector" in kind:
        image = sitk.VectorIndexSelectionCast(image, channel or 0)
    return from_itk(image, str(path), copy=False)


def whole_numbers(path: str | Path, array: np.ndarray) -> np.ndarray:
    """A label image's floats as int32; raises `ReadError`, which names `path`, if they are no integers."""
    labels = np.empty(array.shape, np.int32)
    for here, plane in zip(labels, array, strict=True):  # a slice at a time: float64 labels are large
        with np.errstate(invalid="ignore"):  # NaN and what int32 cannot hold are found below
            here[...] = plane
        wrong = here != plane
        if wrong.any():
            some = ", ".join(f"{value:g}" for value in np.unique(plane[wrong])[:5])
            raise ReadError(
                f"{path} is no label image: it has values that are no integers, such as {some}",
                "Threshold it, or save it again without interpolation or rescaling.",
            )
    return labels


def _usable(spacing: tuple[float, ...]) -> bool:
    return bool(np.all(np.isfinite(spacing)) and np.all(np.not_equal(spacing, 0)))


def _bad_spacing(path: Path, spacing: tuple[float, ...]) -> ReadError:
    shown = ", ".join(f"{value:g}" for value in spacing)
    return ReadError(f"{path} has a voxel spacing of ({shown}) mm", "Save it with the true spacing.")


def _check_geometry(path: Path, geometry: Geometry) -> None:
    if not _usable(geometry.spacing):
        raise _bad_spacing(path, geometry.spacing)
    if not np.all(np.isfinite(geometry.origin)):
        raise ReadError(f"{path} has its origin at {geometry.origin}", "Save it with the true origin.")
    off = np.abs(geometry.axes.T @ geometry.axes - np.eye(3)).max()
    if not off <= _ORTHONORMAL:
        rows = "; ".join(" ".join(f"{v:.4g}" for v in row) for row in geometry.axes)
        raise ReadError(
            f"{path} has axes that are not perpendicular unit vectors: [{rows}]",
            "Resample it onto an upright grid, or repair the header.",
        )


def _not_an_image(path: Path, error: RuntimeError) -> ReadError:
    """ITK's own words, without its addresses and source lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = " ".join(lines[1:]) or lines[0]
    said = said.split("ERROR: ", 1)[-1]
    return ReadError(
        f"{path} ({path.stat().st_size:,} bytes) cannot be read as an image: {said}",
        "Check that it is one, and copy or download it again.",
    )
