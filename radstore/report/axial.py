"""Volumes turned to the patient's axes, and the choice of a slice: what a figure must know of geometry."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from radstore.errors import RegionError
from radstore.images.volume import Geometry, Volume

SAME_AXES = 1e-2  # how far two grids' axes may differ and still be laid over each other
ZOOM_MARGIN = 6.0  # mm around the region

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Plane:
    """One axial slice, ready to draw: rows to the back, columns to the patient's left.

    Parameters
    ----------
    array
        [row, column].
    x, y
        Centres of columns and rows in mm, LPS, ascending.
    step
        Distance of columns and of rows in mm.
    """

    array: np.ndarray
    x: np.ndarray
    y: np.ndarray
    step: tuple[float, float]

    @property
    def extent(self) -> Box:
        """Outer edges in mm, as ``imshow`` takes them: left, right, bottom (posterior), top (anterior)."""
        dx, dy = self.step[0] / 2, self.step[1] / 2
        return self.x[0] - dx, self.x[-1] + dx, self.y[-1] + dy, self.y[0] - dy


@dataclass(frozen=True, eq=False)
class Axial:
    """A volume with its axes ordered and turned to head, back and left, whatever way it is stored.

    For an oblique grid these are the axes nearest to the patient's, with the positions along them that
    `Geometry.coords` gives: distances are right, the plane is the scanner's and not exactly axial.

    Parameters
    ----------
    array
        [z, y, x], every axis ascending in LPS.
    coords
        Positions along z, y, x in mm.
    steps
        Spacing along z, y, x in mm.
    axes
        (3, 3), columns: the directions of x, y, z in LPS; the identity for a grid along the patient's axes.
    """

    array: np.ndarray
    coords: tuple[np.ndarray, np.ndarray, np.ndarray]
    steps: tuple[float, float, float]
    axes: np.ndarray

    @classmethod
    def of(cls, volume: Volume) -> Axial:
        """Turn a volume (a view of its array, no copy) so that every axis ascends in LPS."""
        geometry = volume.geometry
        order = _index_axes(geometry)
        coords = geometry.coords()
        array = np.transpose(volume.array, [2 - order[k] for k in (2, 1, 0)])
        signs = np.sign(geometry.axes[(0, 1, 2), order])
        array = array[tuple(slice(None, None, int(signs[k])) for k in (2, 1, 0))]
        z, y, x = (_ascending(coords["xyz"[order[k]]][:: int(signs[k])]) for k in (2, 1, 0))
        dz, dy, dx = (geometry.spacing[order[k]] for k in (2, 1, 0))
        return cls(array, (z, y, x), (dz, dy, dx), geometry.axes[:, order] * signs)

    def covers(self, z: np.ndarray) -> np.ndarray:
        """Which of the positions `z` (mm) lie within a slice of this volume."""
        slices, half = self.coords[0], self.steps[0] / 2 * (1 + 1e-6)
        return (z >= slices[0] - half) & (z <= slices[-1] + half)

    def plane(self, z: float) -> Plane:
        """The slice nearest to `z` mm."""
        heights, y, x = self.coords
        return Plane(self.array[int(np.argmin(np.abs(heights - z)))], x, y, (self.steps[2], self.steps[1]))


def _index_axes(geometry: Geometry) -> tuple[int, ...]:
    """Which index axis runs (most nearly) along the patient's left, back and head; each one once."""
    along = np.abs(geometry.axes)
    orders = list(permutations(range(3)))
    return orders[int(np.argmax([along[(0, 1, 2), order].sum() for order in orders]))]


def _ascending(coords: np.ndarray) -> np.ndarray:
    """Positions along an axis that was turned; one tilted beyond 45° may still count the other way."""
    return coords if coords[-1] >= coords[0] else -coords


def require_same_axes(ct: Axial, *others: tuple[Axial, Volume]) -> None:
    """Refuse grids that are tilted against the CT's: they cannot be laid over it by position alone.

    Raises
    ------
    RegionError
        If the directions, turned to the patient's axes, differ by more than `SAME_AXES`.
    """
    for turned, volume in others:
        if not np.allclose(turned.axes, ct.axes, rtol=0, atol=SAME_AXES):
            raise RegionError(
                f"{volume.source or 'an overlay'} lies along other axes than the image: direction "
                f"{np.round(turned.axes, 3).tolist()} against {np.round(ct.axes, 3).tolist()}",
                "Resample it to the image's direction first.",
            )


def best_height(mask: Axial, others: tuple[Axial, ...], source: str) -> float:
    """Position (mm) of the slice with the largest area of the region, among those that all others cover.

    Raises
    ------
    RegionError
        If there is none; `source` names the case.
    """
    area = np.count_nonzero(mask.array, axis=(1, 2))
    if not area.any():
        raise RegionError(f"{source}: the region to draw is empty", "Draw a case whose region has voxels.")
    for other in others:
        area = np.where(other.covers(mask.coords[0]), area, 0)
    if not area.any():
        raise RegionError(
            f"{source}: no slice of the region (z {_span(mask)} mm) lies in the image and the map "
            f"(z {' and '.join(_span(o) for o in others)} mm)",
            "Give an image, a map and a region of the same study.",
        )
    return float(mask.coords[0][int(np.argmax(area))])


def _span(axial: Axial) -> str:
    return f"{axial.coords[0][0]:.1f} to {axial.coords[0][-1]:.1f}"


def zoom(mask: Plane, view: Box) -> Box:
    """The region with a margin, widened to the shape of `view` and kept inside it."""
    rows, columns = np.nonzero(mask.array)
    x, y = mask.x[columns], mask.y[rows]
    whole_width, whole_height = view[1] - view[0], view[2] - view[3]
    share = max(
        (np.ptp(x) + mask.step[0] + 2 * ZOOM_MARGIN) / whole_width,
        (np.ptp(y) + mask.step[1] + 2 * ZOOM_MARGIN) / whole_height,
    )
    half_width, half_height = (min(share, 1.0) * side / 2 for side in (whole_width, whole_height))
    cx = np.clip((x.min() + x.max()) / 2, view[0] + half_width, view[1] - half_width)
    cy = np.clip((y.min() + y.max()) / 2, view[3] + half_height, view[2] - half_height)
    return cx - half_width, cx + half_width, cy + half_height, cy - half_height
