from __future__ import annotations

import subprocess
import sys
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from radstore.errors import RegionError
from radstore.images.volume import Geometry, Volume
from radstore.report.axial import Axial
from radstore.report.slices import case_figure

STORED = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]


def stored(volume: Volume, order: tuple[int, ...], signs: tuple[int, ...]) -> Volume:
    """The same volume with its x, y, z index axes permuted and turned, and the geometry that says so."""
    g = volume.geometry
    first = [0 if sign > 0 else n - 1 for sign, n in zip(signs, g.size, strict=True)]
    axes = (g.axes * np.array(signs))[:, order]
    array = volume.array[tuple(slice(None, None, sign) for sign in signs[::-1])]
    array = np.transpose(array, [2 - order[2 - k] for k in range(3)])
    geometry = Geometry(
        tuple(g.size[k] for k in order),
        tuple(g.spacing[k] for k in order),
        g.point(tuple(first)),
        tuple(axes.ravel().tolist()),
    )
    return Volume(np.ascontiguousarray(array), geometry, volume.source)


@pytest.fixture
def ct() -> Volume:
    """64 × 60 × 10 mm-ish soft tissue in air, one voxel brighter than the other."""
    geometry = Geometry((32, 40, 5), (2.0, 1.5, 4.0), (-31.0, -20.0, 100.0))
    rng = np.random.default_rng(0)
    return Volume(rng.normal(40, 60, geometry.shape).astype(np.int16), geometry, "case-1")


@pytest.fixture
def mask(ct: Volume) -> Volume:
    """A disc of 8 mm radius, on slices 2 and 3, larger on 3, to the patient's left and front."""
    coords = ct.geometry.coords()
    off = np.hypot(coords["x"][None, :] - 11.0, coords["y"][:, None] - (-3.0))
    array = np.zeros(ct.geometry.shape, np.uint8)
    array[2], array[3] = off < 5, off < 8
    return Volume(array, ct.geometry, "case-1")


@pytest.fixture
def values(mask: Volume) -> Volume:
    """A map on a grid of its own: half the pixels, cropped around the mask; NaN outside."""
    lines = np.arange(-14.0, 8.0, 0.75), np.arange(0.0, 22.0, 0.5)
    geometry = Geometry((len(lines[1]), len(lines[0]), 4), (0.5, 0.75, 2.0), (0.0, -14.0, 107.0))
    inside = np.hypot(lines[1][None, :] - 11.0, lines[0][:, None] + 3.0) < 8
    array = np.where(inside, lines[1][None, :], np.nan)
    return Volume(np.repeat(array[None], 4, axis=0).astype(np.float32), geometry, "case-1")


def draw(ct: Volume, values: Volume, mask: Volume | None, path: Path) -> np.ndarray:
    made = case_figure(ct, values, mask, path, feature="wavelet-LLH_glcm_Imc1", title="case-1")
    assert made == path
    return imread(path)[..., :3]


def coloured(picture: np.ndarray) -> np.ndarray:
    """Pixels of the map: neither grey nor the outline's orange."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    return (np.ptp(picture, axis=-1) > 0.12) & ~((red > green + 0.05) & (red > blue + 0.3) & (green < 0.5))


@pytest.mark.parametrize(("order", "signs"), STORED)
def test_every_way_of_storing_is_turned_back(
    ct: Volume, order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    turned = Axial.of(stored(ct, order, signs))
    np.testing.assert_array_equal(turned.array, ct.array)
    for found, name in zip(turned.coords, "zyx", strict=True):
        np.testing.assert_allclose(found, ct.geometry.coords()[name])
    np.testing.assert_allclose(turned.steps, ct.geometry.spacing[::-1])
    np.testing.assert_allclose(turned.axes, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("angle", [20.0, -35.0, 60.0])
@pytest.mark.parametrize(("order", "signs"), STORED[::7])
def test_oblique_grids_keep_distances_and_sides(
    ct: Volume, angle: float, order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    tilted = Geometry(ct.geometry.size, ct.geometry.spacing, (5.0, 6.0, 7.0), (c, -s, 0, s, c, 0, 0, 0, 1))
    turned = Axial.of(stored(Volume(ct.array, tilted), order, signs))
    for coords, step in zip(turned.coords, turned.steps, strict=True):
        np.testing.assert_allclose(np.diff(coords), step)
    assert (np.diag(turned.axes) > 0).all()


def test_storage_order_does_not_change_the_picture(
    ct: Volume, values: Volume, mask: Volume, tmp_path: Path
) -> None:
    plain = draw(ct, values, mask, tmp_path / "a.png")
    signs = (-1, -1, -1)
    turned = draw(stored(ct, (0, 1, 2), signs), values, stored(mask, (2, 0, 1), signs), tmp_path / "b.png")
    np.testing.assert_array_equal(plain, turned)


def test_left_is_right_and_front_is_up(ct: Volume, values: Volume, mask: Volume, tmp_path: Path) -> None:
    picture = draw(ct, values, mask, tmp_path / "a.png")
    third = picture.shape[1] / 3.2
    rows, columns = np.nonzero(coloured(picture)[:, int(1.05 * third) : int(1.95 * third)])
    assert columns.mean() > 0.5 * third  # x = 11 mm is left of the middle: right in the picture
    assert rows.mean() < 0.5 * picture.shape[0]  # y = −3 mm lies in front of the middle (9 mm)


def test_a_disc_in_mm_is_a_disc_in_the_picture(
    ct: Volume, values: Volume, mask: Volume, tmp_path: Path
) -> None:
    picture = draw(ct, values, mask, tmp_path / "a.png")
    zoomed = coloured(picture)[:, int(0.64 * picture.shape[1]) : int(0.87 * picture.shape[1])]
    rows, columns = np.nonzero(zoomed)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), rel=0.05)
    assert zoomed.sum() == pytest.approx(np.pi / 4 * np.ptp(rows) * np.ptp(columns), rel=0.1)


def test_undefined_voxels_are_transparent(ct: Volume, values: Volume, mask: Volume, tmp_path: Path) -> None:
    empty = Volume(np.full_like(values.array, np.nan), values.geometry)
    half = values.array.copy()
    half[:, :, : half.shape[2] // 2] = np.nan
    whole, part, none = (
        draw(ct, shown, mask, tmp_path / "a.png")[40:-60, :1350]  # without captions and colour bar
        for shown in (values, Volume(half, values.geometry), empty)
    )
    bare = np.abs(part - none).max(axis=-1) == 0  # the CT shows as if there were no map
    covered = np.abs(whole - none).max(axis=-1) > 0
    assert coloured(none).sum() < 0.05 * coloured(whole).sum()  # the outline's soft edge
    assert (bare & covered).sum() == pytest.approx(covered.sum() / 2, rel=0.2)


@pytest.mark.parametrize("value", [0.0, 3.5, -2e7])
def test_a_constant_map_can_be_drawn(
    ct: Volume, values: Volume, mask: Volume, tmp_path: Path, value: float
) -> None:
    array = np.where(np.isnan(values.array), np.nan, value).astype(np.float32)
    assert coloured(draw(ct, Volume(array, values.geometry), mask, tmp_path / "a.png")).any()


def test_without_a_region_the_map_gives_it(ct: Volume, values: Volume, tmp_path: Path) -> None:
    assert coloured(draw(ct, values, None, tmp_path / "deep" / "folder" / "a.png")).any()


def test_a_region_at_the_edge_and_of_one_voxel(ct: Volume, tmp_path: Path) -> None:
    array = np.zeros(ct.geometry.shape, np.uint8)
    array[0, 0, 0] = 1
    shown = Volume(np.where(array, 1.0, np.nan).astype(np.float32), ct.geometry)
    assert draw(ct, shown, Volume(array, ct.geometry), tmp_path / "a.png").shape[0] > 300


def test_an_empty_region(ct: Volume, values: Volume, mask: Volume, tmp_path: Path) -> None:
    with pytest.raises(RegionError, match=r"case-1.*empty"):
        draw(ct, values, Volume(mask.array * 0, mask.geometry, "case-1"), tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_a_map_of_another_place(ct: Volume, values: Volume, mask: Volume, tmp_path: Path) -> None:
    g = values.geometry
    away = Volume(values.array, Geometry(g.size, g.spacing, (0.0, -14.0, 900.0)))
    with pytest.raises(RegionError, match="no slice of the region"):
        draw(ct, away, mask, tmp_path / "a.png")


def test_a_tilted_map(ct: Volume, values: Volume, mask: Volume, tmp_path: Path) -> None:
    c, s = np.cos(0.2), np.sin(0.2)
    g = values.geometry
    tilted = Geometry(g.size, g.spacing, g.origin, (c, -s, 0, s, c, 0, 0, 0, 1))
    with pytest.raises(RegionError, match="other axes"):
        draw(ct, Volume(values.array, tilted, "case-1"), mask, tmp_path / "a.png")


def test_pyplot_stays_out(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np, radstore.report.slices as s\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from radstore.images.volume import Geometry, Volume\n"
        "v = Volume(np.ones((3, 8, 8), np.float32), Geometry((8, 8, 3)))\n"
        f"s.case_figure(v, v, None, {str(tmp_path / 'a.png')!r}, feature='original_glcm_Imc1', title='t')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
