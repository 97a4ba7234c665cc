"""Truncated and damaged files: what ITK reads without a word."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from radstore.errors import ReadError
from radstore.images import Geometry, Volume, intact
from radstore.images.itk import to_itk
from radstore.images.read import read_image
from radstore.images.write import write_volume

COMPRESSED = (".nii.gz", ".nrrd", ".mha")


@pytest.fixture(scope="module")
def noisy() -> Volume:
    """Large enough for several blocks of deflate."""
    shape = (30, 40, 50)
    array = np.random.default_rng(1).normal(0, 100, shape).astype(np.int16)
    return Volume(array, Geometry(shape[::-1], (0.7, 0.7, 2.5)))


@pytest.mark.parametrize("suffix", [*COMPRESSED, ".nii"])
@pytest.mark.parametrize("keep", [0.3, 0.5, 0.9, 0.999])
def test_truncated(suffix: str, keep: float, noisy: Volume, tmp_path: Path) -> None:
    path = write_volume(noisy, tmp_path / f"v{suffix}")
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * keep)])
    with pytest.raises(ReadError, match="v" + suffix) as caught:
        read_image(path)
    assert "again" in caught.value.remedy


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_any_flipped_byte_of_the_data_is_found(
    suffix: str, noisy: Volume, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_volume(noisy, tmp_path_factory.mktemp("flip") / f"v{suffix}")
    raw = path.read_bytes()

    @given(st.integers(len(raw) // 10, len(raw) - 9), st.integers(1, 255))
    def check(at: int, flip: int) -> None:
        broken = bytearray(raw)
        broken[at] ^= flip
        path.write_bytes(broken)
        try:
            read = read_image(path)
        except ReadError:
            return
        np.testing.assert_array_equal(read.array, noisy.array)  # a bit that changes nothing

    check()


def test_header_alone(noisy: Volume, tmp_path: Path) -> None:
    path = write_volume(noisy, tmp_path / "v.nii")
    path.write_bytes(path.read_bytes()[:352])
    with pytest.raises(ReadError, match=r"is truncated: 352 bytes of 120,352"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_detached_data(suffix: str, noisy: Volume, tmp_path: Path) -> None:
    path = tmp_path / f"v{suffix}"
    sitk.WriteImage(to_itk(noisy), str(path), useCompression=True)
    data = next(file for file in tmp_path.iterdir() if file != path)
    np.testing.assert_array_equal(read_image(path).array, noisy.array)
    broken = bytearray(data.read_bytes())
    broken[len(broken) // 2] ^= 0x55
    data.write_bytes(broken)
    with pytest.raises(ReadError, match=f"v{suffix}"):
        read_image(path)


def test_several_gzip_members_and_padding_are_whole(noisy: Volume, tmp_path: Path) -> None:
    plain = write_volume(noisy, tmp_path / "p.nii").read_bytes()
    path = tmp_path / "v.nii.gz"
    half = len(plain) // 2
    path.write_bytes(gzip.compress(plain[:half]) + gzip.compress(plain[half:]) + bytes(512))
    np.testing.assert_array_equal(read_image(path).array, noisy.array)
    path.write_bytes(gzip.compress(plain[:half]))
    with pytest.raises(ReadError, match="59,824 bytes of voxels of 120,000"):
        read_image(path)


def test_byte_swapped_voxels_are_whole(noisy: Volume, tmp_path: Path) -> None:
    header = b"NRRD0004\ntype: int16\ndimension: 3\nsizes: 50 40 30\nendian: big\nencoding: gzip\n\n"
    path = tmp_path / "v.nrrd"
    path.write_bytes(header + gzip.compress(noisy.array.astype(">i2").tobytes()))
    np.testing.assert_array_equal(read_image(path).array, noisy.array)


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_a_whole_file_is_not_decompressed_twice(
    suffix: str, noisy: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("decompressed a second time")

    monkeypatch.setattr(intact, "_decompress", never)
    read_image(write_volume(noisy, tmp_path / f"v{suffix}"))
