from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from radstore.errors import ReadError
from radstore.images import Geometry, Volume
from radstore.images.read import read_header, read_image, read_labels

Writer = Callable[..., list[Path]]


def test_a_series_is_its_volume(write_series: Writer, ct: Volume, tmp_path: Path) -> None:
    write_series(tmp_path / "s", ct)
    volume = read_image(tmp_path / "s")
    np.testing.assert_array_equal(volume.array, ct.array)
    for name in ("spacing", "origin", "direction"):
        np.testing.assert_allclose(getattr(volume.geometry, name), getattr(ct.geometry, name), atol=1e-6)
    header = read_header(tmp_path / "s")
    assert header.geometry.size == volume.geometry.size
    assert header.dtype == volume.array.dtype
    np.testing.assert_allclose(header.geometry.spacing, volume.geometry.spacing, rtol=1e-9)
    assert header.geometry.origin == volume.geometry.origin


def test_a_stack_that_runs_downwards_is_turned(write_series: Writer, ct: Volume, tmp_path: Path) -> None:
    down = Geometry(ct.geometry.size, ct.geometry.spacing, direction=(1, 0, 0, 0, 1, 0, 0, 0, -1))
    write_series(tmp_path / "s", Volume(ct.array, down))
    volume = read_image(tmp_path / "s")
    np.testing.assert_array_equal(volume.array, ct.array[::-1])
    assert volume.geometry.direction == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    np.testing.assert_allclose(volume.geometry.origin, down.point((0, 0, ct.geometry.size[2] - 1)))


def test_several_series_are_listed_and_one_file_chooses(
    write_series: Writer, ct: Volume, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    write_series(folder, ct, "1.2.3.4", {"0008|103e": "venous"})
    other = Volume(ct.array[:2] + np.int16(5), ct.geometry.crop((0, 0, 0), (7, 6, 2)))
    files = write_series(folder, other, "1.2.3.5", {"0008|103e": "arterial"})
    with pytest.raises(ReadError) as caught:
        read_image(folder)
    said = str(caught.value)
    assert "2 DICOM series: 1.2.3.4 (5 slices, CT, venous); 1.2.3.5 (2 slices, CT, arterial)" in said
    np.testing.assert_array_equal(read_image(files[0]).array, other.array)


def test_one_slice_file(write_series: Writer, ct: Volume, tmp_path: Path) -> None:
    one = Volume(ct.array[:1], ct.geometry.crop((0, 0, 0), (7, 6, 1)))
    (file,) = write_series(tmp_path / "s", one)
    assert read_image(file).geometry.size == (7, 6, 1)
    np.testing.assert_array_equal(read_image(tmp_path / "s").array, one.array)


def test_relative_path(
    write_series: Writer, ct: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_series(tmp_path, ct)
    monkeypatch.chdir(tmp_path)
    assert read_image(files[0].name).array.shape == read_image(".").array.shape == ct.array.shape


def test_labels_may_be_dicom(write_series: Writer, ct: Volume, tmp_path: Path) -> None:
    write_series(tmp_path / "s", Volume(np.abs(ct.array) % 3, ct.geometry), tags={"0028|1052": "0"})
    np.testing.assert_array_equal(read_labels(tmp_path / "s").array, np.abs(ct.array) % 3)


def test_missing_slice(write_series: Writer, ct: Volume, tmp_path: Path) -> None:
    files = write_series(tmp_path, ct)
    files[2].unlink()
    with pytest.raises(ReadError, match=r"slices are 2\.5 mm apart.* 5 mm\n.*missing") as caught:
        read_image(tmp_path)
    assert files[1].name in str(caught.value)


def test_repeated_slice(write_series: Writer, ct: Volume, tmp_path: Path) -> None:
    normal = ct.geometry.axes[:, 2]
    write_series(tmp_path, ct, move={2: -2.5 * normal})
    with pytest.raises(ReadError, match="stands there twice"):
        read_image(tmp_path)


def test_gantry_tilt(write_series: Writer, ct: Volume, tmp_path: Path) -> None:
    write_series(tmp_path, ct, move={z: 0.4 * z * ct.geometry.axes[:, 1] for z in range(5)})
    with pytest.raises(ReadError, match=r"lean by 1\.6 mm over 10 mm"):
        read_image(tmp_path)


def test_rounded_positions_are_no_missing_slice(write_series: Writer, ct: Volume, tmp_path: Path) -> None:
    write_series(tmp_path, ct, move={1: 0.03 * ct.geometry.axes[:, 2]})
    np.testing.assert_array_equal(read_image(tmp_path).array, ct.array)


def test_truncated_slice(write_series: Writer, ct: Volume, tmp_path: Path) -> None:
    files = write_series(tmp_path, ct)
    files[4].write_bytes(files[4].read_bytes()[:-20])  # the last one: the rest is evenly spaced
    with pytest.raises(ReadError, match=re.escape(files[4].name)):
        read_image(tmp_path)


def test_folder_without_dicom(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ReadError, match=r"holds no DICOM series \(1 other"):
        read_image(tmp_path)
    (tmp_path / "deeper" / "slices").mkdir(parents=True)
    with pytest.raises(ReadError, match=r"holds no file \(1 folders\)"):
        read_header(tmp_path / "deeper")


def test_dcm_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_text("hello")
    with pytest.raises(ReadError, match="holds no DICOM series"):
        read_image(tmp_path / "x.dcm")


def test_slices_without_position(write_series: Writer, ct: Volume, tmp_path: Path) -> None:
    for file in write_series(tmp_path, ct):
        file.write_bytes(file.read_bytes().replace(b"\x20\x00\x32\x00", b"\x20\x00\x33\x00", 1))
    with pytest.raises(ReadError, match="does not say where its slice lies"):
        read_image(tmp_path)
