"""The table of triangles is a mesh: every cut edge in it, inside and outside told apart."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from radstore.texture import mesh

CORNERS = list(product((0, 1), repeat=3))
EDGES = [  # the corners that an edge joins, in the table's order
    tuple(sorted((a, b)))
    for axis in (2, 1, 0)
    for a in CORNERS
    if a[axis] == 0
    for b in [tuple(1 if k == axis else a[k] for k in range(3))]
]


def inside(kind, corner):
    z, y, x = corner
    return kind >> (4 * z + 2 * y + x) & 1


def kinds():
    return enumerate([token.strip("-").split(",") for token in mesh._TRIANGLES.split()])


def test_there_are_128_kinds():
    assert len(mesh._TRIANGLES.split()) == 128


@pytest.mark.parametrize("kind", range(128))
def test_triangles_join_the_edges_that_the_mask_cuts(kind):
    triangles = dict(kinds())[kind]
    cut = {k for k, (a, b) in enumerate(EDGES) if inside(kind, a) != inside(kind, b)}
    assert {int(edge, 16) for triangle in triangles for edge in triangle} == cut


def test_edges_stand_in_the_order_of_the_docstring():
    for k, (a, b) in enumerate(EDGES):
        assert mesh._MIDDLES[k] == tuple(np.add(a, b))


@pytest.mark.parametrize("kind", range(1, 255))
def test_triangles_face_outwards(kind):
    """Their common normal points from the corners inside to those outside."""
    at, normal, _ = mesh._triangles()
    out = sum((np.subtract(b, a) * (inside(kind, a) - inside(kind, b)) for a, b in EDGES), np.zeros(3))
    total = normal[at == kind].sum(axis=0)
    assert total @ out > 0 or not total.any()


@pytest.mark.parametrize(
    ("mask", "length", "area"),
    [
        ([[1]], 2 * np.hypot(3, 2), 3),
        ([[1, 1]], 2 * np.hypot(3, 2) + 4, 9),
        ([[1, 0], [0, 1]], 4 * np.hypot(3, 2), 6),
    ],
)
def test_contours(mask, length, area):
    padded = np.pad(mask, 1)
    kind = sum(
        padded[y : padded.shape[0] - 1 + y, x : padded.shape[1] - 1 + x] << (2 * y + x)
        for y, x in product((0, 1), repeat=2)
    )
    found = mesh.contour(np.bincount(kind.ravel(), minlength=16), np.array([3.0, 2.0]))
    assert found == pytest.approx((length, area))
