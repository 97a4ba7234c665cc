"""Points spread evenly on a sphere: an icosahedron whose faces are divided into four, again and again."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np


@cache
def icosphere(subdivisions: int, radius: float) -> np.ndarray:
    """Vertices, float64 [vertex, 3]: 12, 42, 162, 642 … of them.

    The icosahedron is trimesh's (twelve cyclic permutations of (0, ±1, ±golden ratio)), and so is the order of
    operations: after every division all points are put on the sphere. Undivided, its vertices lie on the unit sphere
    whatever the radius, as there.
    """
    golden = (1 + 5**0.5) / 2
    corners = [(0.0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    points = np.array([np.roll(corner, turn) for turn in range(3) for corner in corners])
    points /= np.sqrt(2 + golden)
    faces = _faces(points)
    for _ in range(subdivisions):
        points, faces = _divide(points, faces)
        length = np.sqrt((points**2).sum(axis=1))
        points = points + points / length[:, None] * (radius - length)[:, None]
    points.flags.writeable = False  # it is cached
    return points


def _faces(points: np.ndarray) -> np.ndarray:
    """Triples of vertices next to each other, int [face, 3]."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = np.isclose(distance, distance[distance > 0].min())
    return np.array(
        [t for t in combinations(range(len(points)), 3) if all(near[p] for p in combinations(t, 2))]
    )


def _divide(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A new vertex in the middle of each edge, and four faces for each."""
    sides = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, place = np.unique(sides, axis=0, return_inverse=True)
    a, b, c = faces.T
    ab, bc, ca = (place.reshape(-1, 3) + len(points)).T
    divided = np.concatenate([np.stack(f, 1) for f in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return np.concatenate([points, points[edges].mean(axis=1)]), divided
