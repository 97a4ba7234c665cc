from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radstore.errors import BadInput
from radstore.images import Geometry, Volume
from radstore.images.read import read_image
from radstore.images.write import SUFFIXES, write_volume


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_geometry_comes_back(
    suffix: str, geometries: st.SearchStrategy[Geometry], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("written")

    @settings(max_examples=30)
    @given(geometries)
    def check(geometry: Geometry) -> None:
        array = np.arange(np.prod(geometry.shape), dtype=np.float32).reshape(geometry.shape)
        back = read_image(write_volume(Volume(array, geometry), folder / f"v{suffix}"))
        np.testing.assert_array_equal(back.array, array)
        # NIfTI's header is float32
        loss = 5e-6 if ".nii" in suffix else 1e-15
        assert back.geometry.size == geometry.size
        for name in ("spacing", "origin", "direction"):
            np.testing.assert_allclose(
                getattr(back.geometry, name), getattr(geometry, name), rtol=loss, atol=loss, err_msg=name
            )

    check()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_simpleitk_reads_the_same(suffix: str, ct: Volume, tmp_path: Path) -> None:
    image = sitk.ReadImage(str(write_volume(ct, tmp_path / "new" / f"case.one{suffix}")))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), ct.array)
    np.testing.assert_allclose(image.GetSpacing(), ct.geometry.spacing, rtol=1e-6)
    np.testing.assert_allclose(image.GetDirection(), ct.geometry.direction, atol=1e-6)


def test_nothing_else_is_left(ct: Volume, tmp_path: Path) -> None:
    path = tmp_path / "v.nrrd"
    write_volume(ct, path)
    write_volume(ct, path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["v.tiff", "v", "v.gz"])
def test_unknown_suffix(name: str, ct: Volume, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no image format.*\n.*\.nii\.gz, \.nrrd"):
        write_volume(ct, tmp_path / name)


def test_a_file_where_the_folder_should_be(ct: Volume, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        write_volume(ct, tmp_path / "f" / "v.nrrd")


def test_a_failed_write_keeps_the_old_file(
    ct: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_volume(ct, tmp_path / "v.mha")
    before = path.read_bytes()

    def full(image: object, name: str, **options: object) -> None:
        Path(name).write_bytes(b"half")
        raise RuntimeError("no space left")

    monkeypatch.setattr(sitk, "WriteImage", full)
    with pytest.raises(BadInput, match="no space left"):
        write_volume(ct, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
