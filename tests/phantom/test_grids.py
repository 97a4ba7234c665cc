from __future__ import annotations

import numpy as np
import pytest

from radstore.phantom.grids import draw_geometry, half_width, real_grids
from radstore.phantom.people import study
from radstore.phantom.sizes import FULL, SIZES, SMALL, Size


def spacings(size: Size) -> np.ndarray:
    return np.array([draw_geometry(0, i, study(i).patient, size).spacing for i in range(1500)])


def test_the_table_is_panoramas() -> None:
    grids = np.array(real_grids())
    assert len(grids) == 224
    np.testing.assert_allclose(np.percentile(grids[:, 0], [5, 50, 95]), [0.7, 1.5, 4.0], atol=0.01)
    np.testing.assert_allclose(np.percentile(grids[:, 2], [5, 50, 95]), [0.613, 0.747, 0.923], atol=0.01)
    np.testing.assert_allclose(grids[:, :3].std(axis=0)[[0, 2]], [1.047, 0.101], rtol=0.05)
    assert set(grids[:, 3]) == {512, 1024}


@pytest.mark.parametrize("name", SIZES)
def test_slices_are_as_far_apart_as_panoramas(name: str) -> None:
    drawn = spacings(SIZES[name])[:, 2]
    np.testing.assert_allclose(np.percentile(drawn, [5, 50, 95]), [0.7, 1.5, 4.0], atol=0.3)


def test_full_size_has_panoramas_pixels_and_field_of_view() -> None:
    assert np.median(spacings(FULL)[:, 0]) == pytest.approx(0.747, abs=0.02)
    geometries = [draw_geometry(0, i, study(i).patient, FULL) for i in range(300)]
    assert {g.size[0] for g in geometries} == {512, 1024}
    field = [g.size[0] * g.spacing[0] for g in geometries]
    assert np.median(field) == pytest.approx(387, abs=10)
    assert min(g.size[2] * g.spacing[2] for g in geometries) > 165
    assert np.median([g.size[2] * g.spacing[2] for g in geometries]) == pytest.approx(432, rel=0.15)


def test_a_miniature_is_small() -> None:
    geometries = [draw_geometry(0, i, study(i).patient, SMALL) for i in range(300)]
    assert np.median([np.prod(g.size) for g in geometries]) < 7e5
    assert np.median(spacings(SMALL)[:, 0]) == pytest.approx(1.6 * 0.747, abs=0.03)


@pytest.mark.parametrize("name", SIZES)
def test_a_patient_fits_in_the_image_and_has_one_width(name: str) -> None:
    size = SIZES[name]
    for index in range(100):
        who = study(index)
        grid = draw_geometry(5, index, who.patient, size)
        assert grid.spacing[0] * grid.size[0] >= 2 * half_width(5, who.patient, size)
        assert all(np.float32(v) == v for v in (*grid.spacing, *grid.origin))
