"""Nothing that is undefined bleeds in, and nothing comes out that was not between its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fusion.samples.interpolate import Linear
from radstore.errors import BadInput
from radstore.images.volume import Geometry

OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)

sizes = st.tuples(*[st.integers(1, 5)] * 3)
numbers = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
spacings = st.tuples(*[st.sampled_from([0.4, 1.0, 1.7])] * 3)
origins = st.tuples(*[st.floats(-2, 2)] * 3)


@given(st.data())
def test_values_stay_between_the_defined_neighbours(data: st.DataObject) -> None:
    z, y, x = data.draw(sizes)
    values = data.draw(hnp.arrays(np.float32, (z, y, x), elements=numbers))
    defined = data.draw(hnp.arrays(bool, (z, y, x)))
    bad = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    source = Geometry((x, y, z), data.draw(spacings), (0.0, 0.0, 0.0), OBLIQUE)
    target = Geometry(data.draw(sizes), data.draw(spacings), data.draw(origins), OBLIQUE)
    linear = Linear(source, target)
    found = linear.mean(np.where(defined, values, bad))
    assert found.dtype == np.float32
    for place in np.ndindex(found.shape):
        whole = [span.start + at for span, at in zip(linear.box, place, strict=True)]
        around, weight = neighbours(source, target, whole, values, defined)
        if weight < 0.499:
            assert np.isnan(found[place])
        elif weight > 0.501:
            assert around.min() <= found[place] <= around.max()
    outside = np.ones(target.shape, bool)
    outside[linear.box] = False
    for place in np.argwhere(outside):
        assert neighbours(source, target, place.tolist(), values, np.ones_like(defined))[1] < 1e-6


def neighbours(
    source: Geometry, target: Geometry, place: list[int], values: np.ndarray, defined: np.ndarray
) -> tuple[np.ndarray, float]:
    """The defined values around a target voxel, and the sum of their weights: the slow way."""
    z, y, x = place
    at = np.array(source.index(target.point((x, y, z)))[::-1])
    distance = np.abs(np.stack(np.indices(values.shape), -1) - at)
    weight = np.prod((1 - distance).clip(0, None), -1)
    near = defined & np.all(distance < 1 + 1e-9, -1)
    return values[near], float(weight[defined].sum())


@given(st.data())
def test_agrees_with_scipy_where_all_is_defined(data: st.DataObject) -> None:
    from scipy.ndimage import map_coordinates

    values = np.random.default_rng(data.draw(st.integers(0, 9))).normal(size=(4, 5, 6)).astype(np.float32)
    source = Geometry((6, 5, 4), (1.0, 1.5, 2.0), (0.3, -0.2, 0.1), OBLIQUE)
    target = Geometry((7, 6, 5), (0.7, 0.9, 1.1), source.point(data.draw(origins)), OBLIQUE)
    linear = Linear(source, target)
    found = linear.mean(values)
    z, y, x = (np.arange(span.start, span.stop) for span in linear.box)
    where = np.stack(np.meshgrid(z, y, x, indexing="ij"), -1).reshape(-1, 3)
    at = np.array([source.index(target.point((k, j, i)))[::-1] for i, j, k in where]).reshape(-1, 3)
    inside = np.all((at >= 0) & (at <= np.array(values.shape) - 1), axis=1)
    expected = map_coordinates(values.astype(float), at.T, order=1, mode="nearest")
    np.testing.assert_allclose(found.ravel()[inside], expected[inside], rtol=1e-5, atol=1e-6)


@given(hnp.arrays(bool, (4, 3, 5)))
def test_the_same_grid_changes_nothing(defined: np.ndarray) -> None:
    values = np.where(defined, np.arange(60, dtype=np.float32).reshape(4, 3, 5), np.nan)
    grid = Geometry((5, 3, 4), (0.7, 0.9, 2.5), (-3.0, 2.0, 1.0), OBLIQUE)
    linear = Linear(grid, grid)
    np.testing.assert_array_equal(linear.mean(values), values)
    np.testing.assert_array_equal(linear.mask(defined), defined)


def test_grids_apart_give_nothing() -> None:
    linear = Linear(Geometry((3, 3, 3)), Geometry((3, 3, 3), origin=(50.0, 0.0, 0.0)))
    assert linear.mean(np.ones((3, 3, 3), np.float32)).size == 0


def test_other_axes_are_refused() -> None:
    with pytest.raises(BadInput, match="axes of two grids differ"):
        Linear(Geometry((3, 3, 3)), Geometry((3, 3, 3), direction=OBLIQUE))
