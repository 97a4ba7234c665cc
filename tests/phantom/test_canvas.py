from __future__ import annotations

import numpy as np

from radstore.images.volume import Geometry
from radstore.phantom.canvas import REACH, Canvas, smooth_curve


def blank() -> Canvas:
    geometry = Geometry((20, 22, 12), (1.0, 1.0, 2.0), (-10.0, -11.0, -12.0))
    return Canvas.blank(geometry, (0.0, 0.0, 0.0), 0.0)


def test_tube_is_the_distance_to_its_centre_line() -> None:
    canvas = blank()
    points, _ = smooth_curve([(-5, -6, -7), (0, 3, 1), (6, 2, 5)], samples=200)
    distance = canvas.tube(points, np.full(200, 3.0), reach=4.0)
    z, y, x = np.broadcast_arrays(canvas.z, canvas.y, canvas.x)
    grid = np.stack([x, y, z], axis=-1)[..., None, :]
    brute = np.linalg.norm(grid - points, axis=-1).min(axis=-1) - 3.0
    near = brute < 4.0
    np.testing.assert_allclose(distance[near], brute[near], atol=0.01)
    assert (distance[~near] > 3.99).all()


def test_painting_a_part_is_painting_the_whole() -> None:
    centre, radii = (2.0, -3.0, 1.0), (4.0, 3.0, 5.0)
    whole, canvas = blank(), blank()
    part = canvas.around(centre, radii)
    assert part.hu.size < canvas.hu.size / 2
    for one in (whole, part):
        one.paint(one.ellipsoid(centre, radii), 50.0, 3, edge=2 * REACH)
    np.testing.assert_array_equal(canvas.hu, whole.hu)
    np.testing.assert_array_equal(canvas.labels, whole.labels)
    assert set(np.unique(canvas.labels)) == {0, 3}


def test_a_column_runs_through_every_slice() -> None:
    canvas = blank()
    distance = canvas.column(4.0, 3.0, (1.0, 2.0))
    assert distance.shape == (1, 22, 20)
    canvas.paint(distance, 10.0, 2)
    assert (canvas.labels == canvas.labels[0]).all()
    inside = ((canvas.x[0] - 1) / 4) ** 2 + ((canvas.y[0] - 2) / 3) ** 2 < 1
    np.testing.assert_array_equal(canvas.labels[0] == 2, inside)
