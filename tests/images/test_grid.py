from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from radiomics import imageoperations

from radstore.images import Geometry, Volume
from radstore.images.grid import centred_grid, covering, offset_in, resampled_grid
from radstore.images.itk import grid_of, to_itk
from radstore.images.region import crop_box


@st.composite
def masks(draw: st.DrawFn, geometry: Geometry) -> np.ndarray:
    """A filled box somewhere in the grid."""
    array = np.zeros(geometry.shape, np.uint8)
    box = []
    for n in geometry.shape:
        start = draw(st.integers(0, n - 1))
        box.append(slice(start, draw(st.integers(start + 1, n))))
    array[tuple(box)] = 1
    return array


def test_pyradiomics_crops_are_parts_of_the_grid(geometries: st.SearchStrategy[Geometry]) -> None:
    spacing = st.one_of(st.just(0.0), st.floats(0.3, 5))

    @settings(max_examples=200)
    @given(st.data(), geometries, st.tuples(spacing, spacing, spacing), st.integers(0, 6))
    def check(data: st.DataObject, geometry: Geometry, spacing: tuple, pad: int) -> None:
        mask = Volume(data.draw(masks(geometry)), geometry)
        image = to_itk(Volume(np.zeros(geometry.shape, np.float32), geometry))
        resampled, _ = imageoperations.resampleImage(
            image,
            sitk.Cast(to_itk(mask), sitk.sitkUInt32),
            resampledPixelSpacing=list(spacing),
            interpolator=sitk.sitkNearestNeighbor,
            padDistance=pad,
        )
        start, size = crop_box(mask)
        grid = resampled_grid(geometry, spacing, size)
        crop = grid_of(resampled)
        offset = offset_in(grid, crop)
        assert grid.crop(offset, crop.size).mismatch(crop, 1e-6) is None
        if pad == 6 and start == (0, 0, 0) and size == geometry.size:
            assert crop.size == grid.size  # nothing is left to crop

    check()


def test_axis_by_axis() -> None:
    geometry = Geometry((10, 10, 7), (0.8, 0.8, 5.0), (1.0, 2.0, 3.0))
    grid = resampled_grid(geometry, (1, 0, 2.5), (3, 3, 3))
    assert grid.size == (8, 10, 14)
    assert grid.spacing == (1, 0.8, 2.5)
    np.testing.assert_allclose(grid.origin, (1.1, 2.0, 1.75))  # the first voxel's corner stays
    assert resampled_grid(geometry, (1, 0, 2.5), (1, 3, 1)) is geometry
    assert resampled_grid(geometry, (0, 0, 0), (3, 3, 3)) is geometry
    assert resampled_grid(geometry, (0.8, 0.800001, 5), (3, 3, 3)) is geometry


def test_centred_grids_have_one_centre_and_cover_the_image(
    geometries: st.SearchStrategy[Geometry],
) -> None:
    spacing = st.one_of(st.just(0.0), st.floats(0.3, 5))

    @given(geometries, st.tuples(spacing, spacing, spacing))
    def check(geometry: Geometry, spacing: tuple) -> None:
        grid = centred_grid(geometry, spacing)
        assert grid.direction == geometry.direction
        middles = [g.point(tuple((n - 1) / 2 for n in g.size)) for g in (geometry, grid)]
        np.testing.assert_allclose(*middles, atol=1e-9)
        old, new = (np.asarray(g.size) * g.spacing for g in (geometry, grid))
        assert np.all(new >= old - 1e-6)
        assert np.all(new - old < np.asarray(grid.spacing))

    check()


def test_a_length_that_is_a_multiple_of_the_spacing_gains_no_voxel() -> None:
    geometry = Geometry((30, 7, 10), (0.1, 0.3, 0.7))
    assert centred_grid(geometry, (0.3, 0.1, 7.0)).size == (10, 21, 1)
    assert centred_grid(geometry, (0, 0, 0)) == geometry


def test_what_covers_a_box_holds_its_corners(geometries: st.SearchStrategy[Geometry]) -> None:
    @given(st.data(), geometries, st.floats(0.3, 5))
    def check(data: st.DataObject, geometry: Geometry, spacing: float) -> None:
        first, size = crop_box(Volume(data.draw(masks(geometry)), geometry))
        grid = centred_grid(geometry, (spacing,) * 3)
        start, count = covering(grid, geometry, first, size)
        assert offset_in(grid, grid.crop(start, count)) == start
        low, high = np.asarray(first) - 0.5, np.asarray(first) + size - 0.5
        corners = (grid.index(geometry.point(tuple(corner))) for corner in (low, high))
        wanted = np.clip([*corners], 0, np.asarray(grid.size) - 1)
        assert np.all(np.asarray(start) <= wanted[0] + 1e-6)
        assert np.all(np.asarray(start) + count - 1 >= wanted[1] - 1e-6)

    check()


def test_offset_of_a_crop(geometries: st.SearchStrategy[Geometry]) -> None:
    @given(st.data(), geometries)
    def check(data: st.DataObject, grid: Geometry) -> None:
        start = tuple(data.draw(st.integers(0, n - 1)) for n in grid.size)
        size = tuple(data.draw(st.integers(1, n - s)) for s, n in zip(start, grid.size, strict=True))
        assert offset_in(grid, grid.crop(start, size)) == start

    check()


def test_what_is_no_part(oblique: Geometry) -> None:
    inside = oblique.crop((1, 1, 1), (3, 3, 3))
    shifted = Geometry(inside.size, inside.spacing, oblique.point((1.01, 1, 1)), inside.direction)
    wider = Geometry(inside.size, (0.71, 0.8, 2.5), inside.origin, inside.direction)
    for crop in (shifted, wider):
        with pytest.raises(ValueError, match="not on its voxels"):
            offset_in(oblique, crop)
    for start in ((-1, 0, 0), (5, 0, 0)):
        with pytest.raises(ValueError, match="reaches out"):
            offset_in(oblique, oblique.crop(start, (3, 3, 3)))


def test_mirrored_grid_is_no_part(geometries: st.SearchStrategy[Geometry]) -> None:
    @given(geometries)
    def check(grid: Geometry) -> None:
        assume(grid.size[0] > 1)
        axes = grid.axes.copy()
        axes[:, 0] *= -1
        mirrored = Geometry(
            grid.size, grid.spacing, grid.point((grid.size[0] - 1, 0, 0)), tuple(axes.ravel())
        )
        with pytest.raises(ValueError, match="not on its voxels"):
            offset_in(grid, mirrored)

    check()
