from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from radstore.errors import ReadError
from radstore.images import Geometry, Volume
from radstore.images.itk import to_itk
from radstore.images.read import SUFFIXES, Header, read_header, read_image, read_labels
from radstore.images.write import write_volume

TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def itk_write(image: sitk.Image, path: Path, compress: bool = True) -> Path:
    sitk.WriteImage(image, str(path), useCompression=compress)
    return path


def edited(path: Path, *edits: tuple[int, str, tuple]) -> Path:
    """A copy of a plain NIfTI-1 file with header fields overwritten: (offset, struct format, values)."""
    raw = bytearray(path.read_bytes())
    for offset, form, values in edits:
        struct.pack_into(form, raw, offset, *values)
    other = path.with_name("edited.nii")
    other.write_bytes(raw)
    return other


@pytest.fixture
def nifti(ct: Volume, tmp_path: Path) -> Path:
    return write_volume(ct, tmp_path / "ct.nii")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", TYPES)
def test_every_format_keeps_type_and_values(suffix: str, dtype: str, ct: Volume, tmp_path: Path) -> None:
    array = ct.array.astype(dtype)
    path = itk_write(to_itk(Volume(array, ct.geometry)), tmp_path / f"a b.v1{suffix}")
    volume = read_image(path)
    assert volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array, array)
    assert volume.source == str(path)
    assert read_header(path) == Header(volume.geometry, np.dtype(dtype), 1)


def test_rescaled_nifti_reads_as_simpleitk_does(nifti: Path, ct: Volume) -> None:
    path = edited(nifti, (112, "<2f", (2.0, -1024.0)))
    assert read_header(path).dtype == np.float32
    np.testing.assert_array_equal(read_image(path).array, ct.array * np.float32(2) - 1024)
    packed = path.with_suffix(".nii.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read_image(packed).array, read_image(path).array)


def test_one_slice_is_a_volume(tmp_path: Path) -> None:
    geometry = Geometry((4, 3, 1), (1, 1, 5))
    path = write_volume(Volume(np.ones(geometry.shape, np.int16), geometry), tmp_path / "s.nii.gz")
    assert read_image(path).geometry.size == (4, 3, 1)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii.gz"])
def test_4d_with_one_volume_is_that_volume(suffix: str, oblique: Geometry, tmp_path: Path) -> None:
    array = np.arange(np.prod(oblique.shape), dtype=np.int16).reshape(oblique.shape)
    one = sitk.JoinSeries([to_itk(Volume(array, oblique))])
    assert one.GetDimension() == 4
    volume = read_image(itk_write(one, tmp_path / f"v{suffix}"))
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_allclose(volume.geometry.direction, oblique.direction, atol=1e-6)
    assert read_header(tmp_path / f"v{suffix}").geometry == volume.geometry


@pytest.mark.parametrize("dtype", [*TYPES, "int64", "uint64"])
def test_labels_of_any_type(dtype: str, ct: Volume, tmp_path: Path) -> None:
    array = (np.abs(ct.array) % 7).astype(dtype)
    labels = read_labels(write_volume(Volume(array, ct.geometry), tmp_path / "l.nii.gz"))
    assert labels.array.dtype == (np.int32 if dtype.startswith("float") else dtype)
    np.testing.assert_array_equal(labels.array, array)


def test_vector_mask_by_channel(ct: Volume, tmp_path: Path) -> None:
    parts = [(ct.array > 0).astype(np.uint8), (ct.array < -500).astype(np.uint8) * 3]
    image = sitk.Compose([to_itk(Volume(part, ct.geometry)) for part in parts])
    path = itk_write(image, tmp_path / "v.seg.nrrd")
    assert read_header(path).components == 2
    for channel, part in enumerate(parts):
        labels = read_labels(path, channel)
        np.testing.assert_array_equal(labels.array, part)
        assert ct.geometry.mismatch(labels.geometry, 1e-12) is None
    with pytest.raises(ReadError, match=r"no channel 2: it has 2\n.*0 … 1"):
        read_labels(path, 2)
    with pytest.raises(ReadError, match="vector of 8-bit"):
        read_image(path)


def test_labels_that_are_no_integers(ct: Volume, tmp_path: Path) -> None:
    array = np.zeros(ct.array.shape, np.float32)
    array[0, 0, :2] = 0.25, 1.5
    path = write_volume(Volume(array, ct.geometry), tmp_path / "soft.nrrd")
    with pytest.raises(ReadError, match=r"soft.nrrd is no label image.*such as 0\.25, 1\.5"):
        read_labels(path)
    array[0, 0, :2] = np.nan, 0
    with pytest.raises(ReadError, match="such as nan"):
        read_labels(write_volume(Volume(array, ct.geometry), path))
    array[0, 0, :2] = 3e9, 0
    with pytest.raises(ReadError, match=r"such as 3e\+09"):
        read_labels(write_volume(Volume(array, ct.geometry), path))


# Bad input, one by one: the message names the file and the value, the second line the remedy.


def refused_image(path: Path) -> str:
    with pytest.raises(ReadError) as caught:
        read_image(path)
    assert path.name in caught.value.message
    assert caught.value.remedy
    assert caught.value.step == "read"
    return str(caught.value)


def refused(path: Path) -> str:
    """The message of `read_image`, which `read_labels` shares."""
    with pytest.raises(ReadError):
        read_labels(path)
    return refused_image(path)


def test_missing_file_with_a_near_miss(nifti: Path) -> None:
    said = refused(nifti.with_name("CT.nii.gz"))
    assert f"the folder {nifti.parent} does" in said
    assert "Did you mean 'ct.nii'?" in said
    with pytest.raises(ReadError, match="does not exist"):
        read_header(nifti.with_name("CT.nii.gz"))


def test_missing_folder(tmp_path: Path) -> None:
    said = refused(tmp_path / "imagess" / "deep" / "ct.nii.gz")
    assert "no 'imagess'" in said


def test_broken_link(tmp_path: Path) -> None:
    (tmp_path / "l.nii.gz").symlink_to(tmp_path / "gone.nii.gz")
    assert "a link to" in refused(tmp_path / "l.nii.gz")


def test_file_that_may_not_be_read(nifti: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    assert "cannot be opened: Permission denied" in refused(nifti)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_empty_file(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"e{suffix}").write_bytes(b"")
    assert "is empty (0 bytes)" in refused(tmp_path / f"e{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_not_an_image(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"n{suffix}").write_text("<html>404 not found</html>" * 30)
    said = refused(tmp_path / f"n{suffix}")
    assert "cannot be read as an image" in said
    assert "0x" not in said  # no addresses of ITK objects


@pytest.mark.parametrize("name", ["scan.png", "notes.txt", "scan"])
def test_unknown_suffix(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("x")
    assert "no image format that is read here" in refused(tmp_path / name)


def test_2d_image(tmp_path: Path) -> None:
    path = itk_write(sitk.Image(8, 9, sitk.sitkInt16), tmp_path / "flat.nii.gz")
    assert "is a 2-D image of 8 × 9 voxels" in refused(path)
    with pytest.raises(ReadError, match="2-D"):
        read_header(path)


def test_4d_image(tmp_path: Path) -> None:
    path = itk_write(sitk.Image([4, 5, 6, 2], sitk.sitkInt16), tmp_path / "series.nii.gz")
    assert "is a 4-D image of 4 × 5 × 6 × 2 voxels" in refused(path)


def test_complex_image(tmp_path: Path) -> None:
    path = itk_write(sitk.Image([4, 5, 6], sitk.sitkComplexFloat32), tmp_path / "k.nii")
    assert "complex" in refused(path)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_nan_and_infinity(suffix: str, dtype: str, ct: Volume, tmp_path: Path) -> None:
    array = ct.array.astype(dtype)
    array[0, 0, :3], array[1, 1, 1] = np.nan, -np.inf
    path = write_volume(Volume(array, ct.geometry), tmp_path / f"holes{suffix}")
    assert f"holes{suffix} has 3 NaN and 1 infinite voxels of 210" in refused_image(path)
    with pytest.raises(ReadError, match=r"nan|NaN"):
        read_labels(path)


@pytest.mark.parametrize(
    ("value", "said"), [(0.0, "(0, "), (float("nan"), "(nan, "), (float("inf"), "(inf, ")]
)
def test_nifti_spacing_that_is_none(value: float, said: str, nifti: Path) -> None:
    path = edited(nifti, (80, "<f", (value,)))
    assert f"voxel spacing of {said}" in refused(path)
    with pytest.raises(ReadError, match="voxel spacing"):
        read_header(path)


def test_nifti_that_leans(nifti: Path) -> None:
    path = edited(nifti, (252, "<2h", (0, 1)), (280, "<12f", (1, 0.3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)))
    assert "orthonormal" in refused(path)


NRRD = """NRRD0004
type: uint8
dimension: 3
space: left-posterior-superior
sizes: 2 2 2
space directions: {}
kinds: domain domain domain
encoding: raw
space origin: (0,0,0)

"""


@pytest.mark.parametrize(
    ("directions", "said"),
    [
        ("(1,0,0) (0.3,1,0) (0,0,1)", "not perpendicular"),
        ("(1,0,0) (1,0,0) (0,0,1)", ""),
        ("(0,0,0) (0,1,0) (0,0,1)", ""),
        ("(nan,0,0) (0,1,0) (0,0,1)", ""),
    ],
)
def test_nrrd_whose_axes_are_none(directions: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "v.nrrd"
    path.write_bytes(NRRD.format(directions).encode() + bytes(8))
    assert said in refused(path)


def test_directions_rounded_to_three_decimals_pass(tmp_path: Path) -> None:
    path = tmp_path / "v.nrrd"
    path.write_bytes(NRRD.format("(0.866,0.5,0) (-0.5,0.866,0) (0,0,1)").encode() + bytes(8))
    assert read_image(path).geometry.size == (2, 2, 2)


def test_folder_that_is_no_series(tmp_path: Path) -> None:
    (tmp_path / "ct.nii.gz").mkdir()
    assert "holds no" in refused(tmp_path / "ct.nii.gz")


@pytest.mark.parametrize(
    "name",
    [
        "totalsegmentator/example_ct.nii.gz",
        "pyradiomics_cases/brain1_image.nrrd",
        "ibsi1_digital_phantom/image.nii.gz",
    ],
)
def test_real_images_as_simpleitk_reads_them(name: str, shared_data: Path) -> None:
    volume, image = read_image(shared_data / name), sitk.ReadImage(str(shared_data / name))
    np.testing.assert_array_equal(volume.array, sitk.GetArrayFromImage(image))
    assert volume.array.dtype == sitk.GetArrayFromImage(image).dtype
    for mine, theirs in (("spacing", "GetSpacing"), ("origin", "GetOrigin"), ("direction", "GetDirection")):
        assert getattr(volume.geometry, mine) == getattr(image, theirs)()
    assert read_header(shared_data / name).geometry == volume.geometry


def test_real_labels(shared_data: Path) -> None:
    labels = read_labels(shared_data / "amos_label" / "amos_0013_label.nii.gz")
    assert int((labels.array == 10).sum()) == 13921
