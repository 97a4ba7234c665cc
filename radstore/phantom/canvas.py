"""A picture of HU and labels to paint bodies on, each given by the signed distance to its surface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline

from radstore.images.volume import Geometry, Index3, Vector3

REACH = 3.0  # mm outside a body up to which its distance is right: more than any edge


class Canvas:
    """HU and labels on a grid, painted from the back to the front.

    Parameters
    ----------
    axes
        Positions along x, y and z, mm from the body's middle.
    hu
        float64 [z, y, x].
    labels
        uint8 [z, y, x].
    """

    def __init__(self, axes: Sequence[np.ndarray], hu: np.ndarray, labels: np.ndarray) -> None:
        self.axes = tuple(axes)
        self.hu, self.labels = hu, labels
        x, y, z = self.axes
        self.x, self.y, self.z = x[None, None, :], y[None, :, None], z[:, None, None]

    @classmethod
    def blank(cls, geometry: Geometry, centre: Vector3, background: float) -> Canvas:
        """One value on a grid whose axes are the patient's; `centre`: the body's middle, mm, LPS."""
        axes = [geometry.coords()[axis] - middle for axis, middle in zip("xyz", centre, strict=True)]
        return cls(axes, np.full(geometry.shape, background), np.zeros(geometry.shape, np.uint8))

    @property
    def shape(self) -> Index3:
        """Array shape [z, y, x]."""
        nz, ny, nx = self.hu.shape
        return nz, ny, nx

    def part(self, low: Sequence[float], high: Sequence[float]) -> Canvas:
        """The part between two corners (x, y, z, mm); what is painted on it is painted here."""
        x, y, z = (
            slice(*np.searchsorted(axis, (a, b))) for axis, a, b in zip(self.axes, low, high, strict=True)
        )
        kept = [axis[s] for axis, s in zip(self.axes, (x, y, z), strict=True)]
        return Canvas(kept, self.hu[z, y, x], self.labels[z, y, x])

    def around(self, centre: Sequence[float], radii: Sequence[float]) -> Canvas:
        """The part round an ellipsoid."""
        return self.part(
            [c - r - REACH for c, r in zip(centre, radii, strict=True)],
            [c + r + REACH for c, r in zip(centre, radii, strict=True)],
        )

    def along(self, points: np.ndarray, radius: float) -> Canvas:
        """The part round a tube."""
        return self.part(points.min(axis=0) - radius - REACH, points.max(axis=0) + radius + REACH)

    def paint(
        self, distance: np.ndarray, hu: float | np.ndarray, label: int | None = None, edge: float = 1.2
    ) -> None:
        """Lay a body over what is there.

        Parameters
        ----------
        distance
            mm to its surface, negative inside, [z, y, x]; an axis of length 1 stands for all positions.
        hu
            Its attenuation: one value, or one a voxel.
        label
            Given to the voxels whose centre is inside; None leaves labels alone.
        edge
            Width of the transition in mm, which stands for the scanner's blur.
        """
        share = np.clip(0.5 - distance / edge, 0.0, 1.0)
        self.hu += share * (hu - self.hu)
        if label is not None:
            self.labels[np.broadcast_to(distance < 0, self.shape)] = label

    def column(
        self, half_width: float, half_depth: float, centre: tuple[float, float] = (0.0, 0.0)
    ) -> np.ndarray:
        """Distance to an elliptic cylinder along z through `centre` (x, y), [1, y, x]."""
        flat = np.zeros((1, 1, 1))
        return ellipsoid_distance(self.x, self.y, flat, (*centre, 0.0), (half_width, half_depth, np.inf))

    def ellipsoid(self, centre: Vector3, radii: Vector3) -> np.ndarray:
        """Distance to an ellipsoid (first order: exact on the surface)."""
        return ellipsoid_distance(self.x, self.y, self.z, centre, radii)

    def tube(self, points: np.ndarray, radii: np.ndarray, reach: float = REACH) -> np.ndarray:
        """Distance to a tube of changing radius along a polyline, right up to `reach` mm outside.

        Farther away it is too large, or +inf.

        Parameters
        ----------
        points
            [n, 3], x, y, z in mm from the body's middle.
        radii
            [n], mm.
        """
        distance = np.full(self.shape, np.inf)
        ends = zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True)
        for start, stop, first, last in ends:
            far = max(first, last) + reach
            box = tuple(
                slice(*np.searchsorted(axis, (min(a, b) - far, max(a, b) + far)))
                for axis, a, b in zip(self.axes, start, stop, strict=True)
            )[::-1]
            np.minimum(distance[box], self._capsule(box, start, stop, first, last), out=distance[box])
        return distance

    def _capsule(
        self, box: tuple[slice, ...], start: np.ndarray, stop: np.ndarray, first: float, last: float
    ) -> np.ndarray:
        """Distance to one piece of a tube, on a part of the grid."""
        z, y, x = box
        away = (self.x[:, :, x] - start[0], self.y[:, y] - start[1], self.z[z] - start[2])
        along = stop - start
        share = sum(a * b for a, b in zip(away, along, strict=True)) / float(along @ along)
        share = np.clip(share, 0.0, 1.0)
        off = np.sqrt(sum((a - share * b) ** 2 for a, b in zip(away, along, strict=True)))
        return off - (first + share * (last - first))


def ellipsoid_distance(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, centre: Vector3, radii: Vector3
) -> np.ndarray:
    """Signed distance (mm, first order) of positions to an ellipsoid: q(q − 1)/|∇q·q|, q = |p/r|."""
    away = [p - c for p, c in zip((x, y, z), centre, strict=True)]
    q = np.sqrt(sum((a / r) ** 2 for a, r in zip(away, radii, strict=True)))
    slope = np.sqrt(sum((a / r**2) ** 2 for a, r in zip(away, radii, strict=True)))
    inner = float(min(radii))  # at the very centre the quotient is 0/0
    return np.where(slope > 1e-9, q * (q - 1.0) / np.maximum(slope, 1e-9), -inner)


def smooth_curve(path: Sequence[Sequence[float]], samples: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """A smooth curve through points.

    Returns
    -------
    points
        [samples, 3], the columns of `path` interpolated.
    knots
        [samples], position along `path`, counted in its points (0 … len − 1).
    """
    given = np.asarray(path, dtype=float)
    steps = np.linalg.norm(np.diff(given, axis=0), axis=1)
    chord = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0.0, chord[-1], samples)
    return CubicSpline(chord, given)(at), np.interp(at, chord, np.arange(len(given)))
