"""Meshes of masks: what each kind of cube adds to area and volume, and each kind of square to a contour.

Marching cubes (Lorensen & Cline 1987) on a mask: a cube of 2 × 2 × 2 voxel centres has 256 kinds, by which of
its corners are inside, and its triangles join the middles of edges that the mask cuts. So a mesh is known by
how many cubes of each kind there are, and where. The triangles are those of PyRadiomics, told from the areas
and volumes that it gives of single cubes.

Axes are z, y, x. Corner (z, y, x) of a cube is bit 4z + 2y + x of its kind. Edges 0-3 run along x, from
(z, y) = (0, 0), (0, 1), (1, 0), (1, 1); edges 4-7 along y, from (z, x); edges 8-b along z, from (y, x).
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np

# The triangles of the kinds 0 to 127, each by three edges, outward by the right hand. The kind 255 − k, in
# which inside and outside change places, has those of k turned round.
_TRIANGLES = """
- 084 059 458,598 14a 081,18a 059,14a 15a,59a,8a9 1b5 084,1b5 019,1b9 1b4,4b8,8b9 4a5,5ab 085,58b,8ab
049,4a9,9ab 8a9,9ab 268 024,264 059,268 269,456,596 14a,268 021,12a,26a 059,14a,268 15a,26a,2a9,59a
1b5,268 024,1b5,264 019,1b9,268 1b4,24b,264,2b9 268,4a5,5ab 025,26a,2a5,5ab 049,268,4a9,9ab 269,6a9,9ab
297 084,297 052,257 287,457,478 14a,297 081,18a,297 052,14a,257 15a,257,28a,2a5 1b5,297 084,1b5,297
012,1b2,2b7 1b4,28b,2b7,4b8 297,4a5,5ab 085,297,58b,8ab 042,24b,2b7,4ab 287,78b,8ab 687,789 094,476,497
058,568,576 456,576 14a,687,789 091,19a,697,6a9 058,14a,568,576 15a,56a,576 1b5,687,789 094,1b5,476,497
018,1b8,687,78b 1b4,476,4b7 4a5,5ab,687,789 06a,076,097,0ab,0b5 04a,068,076,0ab,0b7 6a7,7ab 3a6
034,083,386,3a4 059,3a6 345,359,386,398,3a4 143,346 031,083,386 049,159,193,396,469 153,358,386,598
1a5,3b6,56b,5a6 085,1a4,386,3b8,58b 016,069,1a6,3b6,6b9 1a4,3b6,6b8,8b9 3b6,465,56b 085,386,3b8,58b
049,346,394,3b9 3b6,6b8,8b9 238,3a8 023,034,3a4 058,235,259,3a5,5a8 239,3a9,459,49a 123,142,248 021,123
048,123,152,259 123,152,259 1a5,235,258,3b5,5a8 023,035,1a4,3b5 018,1a8,239,3b9 1a4,239,3b9
238,3b8,485,58b 023,035,3b5 048,239,3b9 239,3b9 296,397,3a9,69a 094,286,397,3a9,49a 05a,0a2,2a6,3a7,57a
286,3a7,457,47a 149,193,296,397,469 031,093,286,397 042,153,246,357 153,286,357 1a5,29a,2a6,3b7,5a9
095,1a4,286,3b7 012,1a2,2a6,3b7 1a4,286,3b7 296,3b7,465,569 095,286,3b7 042,246,3b7 286,3b7 3a7,7a9,89a
094,397,3a9,49a 058,357,385,3a8 3a7,457,47a 143,349,397,489 031,093,397 048,153,357 153,357
1a5,3b7,5a9,89a 095,1a4,3b7 018,1a8,3b7 1a4,3b7 3b7,485,589 095,3b7 048,3b7 3b7
"""

_HALF = 48  # a parallelepiped of half voxels is 1/8 of a voxel, a tetrahedron 1/6 of that


def area(cubes: np.ndarray, spacing: np.ndarray) -> float:
    """The mesh's area in mm².

    Parameters
    ----------
    cubes
        Whole numbers [256, 4]: of each kind of cube how many there are, and the sums of their z, y, x.
    spacing
        Voxel size along z, y, x in mm.
    """
    kind, normal, _ = _triangles()
    across = np.prod(spacing) / np.asarray(spacing)  # a normal along z is an area in y and x
    sizes = np.sqrt(((normal * across) ** 2).sum(axis=1)) / 8
    return float(cubes[kind, 0] @ sizes)


def volume(cubes: np.ndarray, spacing: np.ndarray) -> float:
    """The volume in mm³ that the mesh encloses: the tetrahedra between its triangles and the origin, signed.

    Where two voxels touch along an edge only, the mesh has a hole (two cubes see their common face in two
    ways); the sum then depends on the origin of the cubes' places.

    Parameters
    ----------
    cubes, spacing
        As for `area`.
    """
    kind, normal, determinant = _triangles()
    at_origin = int(cubes[kind, 0] @ determinant)
    moved = int((2 * cubes[kind, 1:] * normal).sum())
    return (at_origin + moved) * float(np.prod(spacing)) / _HALF


def contour(squares: np.ndarray, spacing: np.ndarray) -> tuple[float, float]:
    """Length (mm) and enclosed area (mm²) of a single slice's contour, by marching squares.

    Parameters
    ----------
    squares
        Whole numbers [16]: how many squares there are of each kind; corner (y, x) is bit 2y + x. Two corners
        inside that touch diagonally are apart.
    spacing
        Pixel size along y, x in mm.
    """
    y, x = spacing
    lengths = np.zeros(16)
    lengths[[1, 2, 4, 7, 8, 11, 13, 14]] = np.hypot(y, x) / 2
    lengths[[6, 9]] = np.hypot(y, x)
    lengths[[3, 12]], lengths[[5, 10]] = x, y
    eighths = np.array([0, 1, 1, 4, 1, 4, 2, 7, 1, 2, 4, 7, 4, 7, 7, 8])
    return float(squares @ lengths), int(squares @ eighths) * float(y * x) / 8


@cache
def _triangles() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of all kinds' triangles, in half voxels: kind [t], normal (b − a) × (c − a) [t, 3], determinant [t]."""
    rows = [
        (kind, *(_middle(edge) for edge in triangle))
        for kind, triangles in enumerate(_TRIANGLES.split())
        for triangle in triangles.strip("-").split(",")
        if triangle
    ]
    kind = np.array([row[0] for row in rows])
    a, b, c = (np.array([row[k] for row in rows]) for k in (1, 2, 3))
    normal = np.cross(b - a, c - a)
    determinant = (np.cross(a, b) * c).sum(axis=1)
    return (
        np.concatenate([kind, 255 - kind]),
        np.concatenate([normal, -normal]),
        np.concatenate([determinant, -determinant]),
    )


def _middle(edge: str) -> tuple[int, ...]:
    """An edge's middle (z, y, x) in half voxels."""
    return _MIDDLES[int(edge, 16)]


# 2 where an edge starts on the far side of the cube; 1 along its own axis.
_MIDDLES = [
    tuple(1 if axis == along else 2 * start.pop(0) for axis in range(3))
    for along in (2, 1, 0)
    for start in map(list, product((0, 1), repeat=2))
]
