"""Grids of every kind, and a writer of DICOM series."""

from __future__ import annotations

import locale
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from radstore.images import Geometry, Volume
from radstore.images.itk import to_itk


def _turned(angles: list[int], flips: list[int]) -> tuple[float, ...]:
    matrix = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.diag(flips)
    return tuple((matrix + 0.0).ravel().tolist())


@pytest.fixture(scope="session")
def geometries() -> st.SearchStrategy[Geometry]:
    """Anisotropic, oblique and mirrored grids of a few voxels."""
    spacing, origin, angle = st.floats(0.2, 6), st.floats(-500, 500), st.integers(-180, 180)
    return st.builds(
        Geometry,
        size=st.tuples(*[st.integers(1, 9)] * 3),
        spacing=st.tuples(*[spacing] * 3),
        origin=st.tuples(*[origin] * 3),
        direction=st.builds(
            _turned,
            st.lists(angle, min_size=3, max_size=3),
            st.lists(st.sampled_from([1, -1]), min_size=3, max_size=3),
        ),
    )


@pytest.fixture(scope="session")
def oblique() -> Geometry:
    return Geometry((7, 6, 5), (0.7, 0.8, 2.5), (-120.5, 33.25, 907.0), _turned([10, -20, 30], [1, 1, 1]))


@pytest.fixture
def ct(oblique: Geometry) -> Volume:
    array = np.random.default_rng(0).integers(-1000, 1000, oblique.shape).astype(np.int16)
    return Volume(array, oblique, "ct")


@pytest.fixture
def write_series() -> Callable[..., list[Path]]:
    """Write a volume as DICOM slices; `move` shifts single slices (mm), `tags` adds to each."""

    def write(
        folder: Path,
        volume: Volume,
        uid: str = "1.2.3.4",
        tags: dict[str, str] | None = None,
        move: dict | None = None,
    ) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        image, axes = to_itk(volume), volume.geometry.axes
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        paths = []
        before = locale.setlocale(locale.LC_ALL)
        for z in range(image.GetSize()[2]):
            slice_ = image[:, :, z]
            position = np.asarray(volume.geometry.point((0, 0, z))) + (move or {}).get(z, 0)
            for tag, value in {
                "0008|0060": "CT",
                "0008|0018": f"{uid}.{z + 1}",
                "0020|000d": "1.2.3",
                "0020|000e": uid,
                "0020|0013": str(z),
                "0020|0032": "\\".join(f"{v:.10g}" for v in position),
                "0020|0037": "\\".join(f"{v:.12g}" for v in (*axes[:, 0], *axes[:, 1])),
                "0028|1052": "-1024",
                "0028|1053": "1",
                **(tags or {}),
            }.items():
                slice_.SetMetaData(tag, value)
            paths.append(folder / f"{uid}_{99 - z:02d}.dcm")  # names against the order of positions
            writer.SetFileName(str(paths[-1]))
            writer.Execute(slice_)
        locale.setlocale(locale.LC_ALL, before)  # GDCM's writer leaves "C" behind
        return paths

    return write
