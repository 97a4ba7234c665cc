"""Where to look if nothing was found: fitted on cases, the same place however the image is laid out."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from fusion.regions import Fallback
from fusion.regions.fallback import body_box, patient_axes
from radstore.errors import BadInput
from radstore.images.box import bounding_box
from radstore.images.volume import Geometry, Volume

GRID = Geometry((40, 36, 30), (2.0, 2.0, 3.0), (-40.0, -30.0, 0.0))


def body() -> Volume:
    array = np.full(GRID.shape, -1000, np.int16)
    array[2:28, 4:32, 4:36] = 0
    return Volume(array, GRID)


def region(z: slice = slice(20, 24), y: slice = slice(8, 14), x: slice = slice(24, 32)) -> Volume:
    array = np.zeros(GRID.shape, np.uint8)
    array[z, y, x] = 1
    return Volume(array, GRID)


def laid_out(volume: Volume, axes: tuple[int, int, int], flips: tuple[int, int, int]) -> Volume:
    """The same patient, stored with its index axes permuted (x, y, z) and turned round."""
    old = volume.geometry
    array = volume.array.transpose(*(2 - axes[2 - at] for at in range(3)))
    direction = np.eye(3)[:, list(axes)] * np.asarray(flips)
    start = [0.0 if flip > 0 else old.size[axis] - 1 for axis, flip in zip(axes, flips, strict=True)]
    corner = [0.0] * 3
    for axis, at in zip(axes, start, strict=True):
        corner[axis] = at
    array = array[tuple(slice(None, None, flip) for flip in flips[::-1])]
    geometry = Geometry(
        tuple(old.size[axis] for axis in axes),
        tuple(old.spacing[axis] for axis in axes),
        old.point((corner[0], corner[1], corner[2])),
        tuple(direction.ravel().tolist()),
    )
    return Volume(np.ascontiguousarray(array), geometry)


def box_in_mm(mask: Volume) -> np.ndarray:
    """The region's extent in the patient: low and high corner, voxel centres, LPS."""
    points = [mask.geometry.point((x, y, z)) for z, y, x in np.argwhere(mask.array).astype(float)]
    return np.array([np.min(points, axis=0), np.max(points, axis=0)])


def test_it_lies_where_the_training_cases_regions_lie() -> None:
    fitted = Fallback.mean([Fallback.of(body(), region())])
    assert fitted.cases == 1
    np.testing.assert_allclose(fitted.size_mm, (16, 12, 12))
    assert bounding_box(fitted.mask(body()).array) == bounding_box(region().array)


def test_mean_of_several_cases_and_empty_ones_do_not_count() -> None:
    two = [region(x=slice(8, 12)), region(x=slice(20, 32)), Volume(np.zeros(GRID.shape, np.uint8), GRID)]
    fitted = Fallback.mean([one for mask in two if (one := Fallback.of(body(), mask))])
    assert fitted.cases == 2
    x = bounding_box(fitted.mask(body()).array)[2]
    assert (x.start, x.stop) == (14, 22)  # centre (10 + 26) / 2, size (4 + 12) / 2


def test_no_region_at_all() -> None:
    with pytest.raises(BadInput, match="no training case has a region"):
        Fallback.mean([])


@pytest.mark.parametrize("flips", list(itertools.product((1, -1), repeat=3)))
@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_any_layout_of_the_image_gives_the_same_place(
    axes: tuple[int, int, int], flips: tuple[int, int, int]
) -> None:
    turned = laid_out(body(), axes, flips)
    np.testing.assert_allclose(box_in_mm(laid_out(region(), axes, flips)), box_in_mm(region()))
    fitted = Fallback.mean([Fallback.of(body(), region())])
    again = Fallback.mean([Fallback.of(turned, laid_out(region(), axes, flips))])
    np.testing.assert_allclose(again.centre, fitted.centre, atol=0.05)
    np.testing.assert_allclose(box_in_mm(fitted.mask(turned)), box_in_mm(region()), atol=3.0)


def test_an_oblique_grid_uses_each_axis_once() -> None:
    for degrees in (10, 40, 44):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        oblique = Geometry((4, 4, 4), direction=(c, -s, 0, s, c, 0, 0, 0, 1))
        assert patient_axes(oblique) == ([0, 1, 2], [1, 1, 1])


def test_a_ct_without_a_body_and_one_of_five_slices_still_get_one() -> None:
    air = Volume(np.full((5, 8, 8), -1000, np.int16), Geometry((8, 8, 5), (0.7, 0.7, 5.0)))
    assert body_box(air) == (slice(0, 5), slice(0, 8), slice(0, 8))
    mask = Fallback().mask(air)
    assert mask.array.all()  # larger than the image
    tiny = Fallback((0.0, 1.0, 0.5), (0.1, 0.1, 0.1)).mask(air)
    assert tiny.array.sum() >= 1


def test_it_travels_as_json() -> None:
    fitted = Fallback.mean([Fallback.of(body(), region())])
    assert Fallback.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted
