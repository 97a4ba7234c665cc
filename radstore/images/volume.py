"""`Volume`: an array and where it lies in the patient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Vector3 = tuple[float, float, float]
Index3 = tuple[int, int, int]

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Geometry:
    """A grid of voxels in patient space, in ITK's convention.

    Parameters
    ----------
    size
        Number of voxels along x, y, z (an array of this grid has shape ``size[::-1]``).
    spacing
        Distance between voxel centres along x, y, z, in mm.
    origin
        Centre of voxel (0, 0, 0) in mm, LPS (x to the patient's left, y posterior, z superior).
    direction
        Row-major 3 × 3 matrix whose columns are the unit vectors of the x, y and z index axes, in LPS.
    """

    size: Index3
    spacing: Vector3 = (1.0, 1.0, 1.0)
    origin: Vector3 = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = IDENTITY

    @property
    def shape(self) -> Index3:
        """Array shape of this grid: (z, y, x)."""
        return self.size[2], self.size[1], self.size[0]

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in mm³."""
        return float(np.prod(self.spacing))

    @property
    def axes(self) -> np.ndarray:
        """The direction as a (3, 3) matrix; its columns are the index axes in LPS."""
        return np.asarray(self.direction, dtype=float).reshape(3, 3)

    def point(self, index: tuple[float, float, float]) -> Vector3:
        """Patient position (mm, LPS) of a continuous index (x, y, z), rounded as ITK rounds it."""
        ix, iy, iz = index
        steps = self.axes * np.asarray(self.spacing)
        x, y, z = (steps[:, 0] * ix + steps[:, 1] * iy + steps[:, 2] * iz + np.asarray(self.origin)).tolist()
        return x, y, z

    def index(self, point: Vector3) -> Vector3:
        """Continuous index (x, y, z) of a patient position (mm, LPS)."""
        along = np.linalg.solve(self.axes, np.asarray(point, dtype=float) - np.asarray(self.origin))
        x, y, z = (along / np.asarray(self.spacing)).tolist()
        return x, y, z

    def crop(self, start: Index3, size: Index3) -> Geometry:
        """The sub-grid of `size` voxels that begins at index `start` (both x, y, z)."""
        return replace(self, size=size, origin=self.point(start))

    def coords(self) -> dict[str, np.ndarray]:
        """Position along each array axis in mm, keyed ``z``, ``y``, ``x``.

        For a grid along the patient's axes these are LPS coordinates. For an oblique one they are the
        positions projected on the (signed) axis, so that differences are distances in mm either way.
        """
        coords = {}
        for axis, name in enumerate("xyz"):
            unit = self.axes[:, axis]
            sign = 1.0 if unit[np.argmax(np.abs(unit))] >= 0 else -1.0
            start = float(unit @ np.asarray(self.origin))
            coords[name] = sign * (start + np.arange(self.size[axis]) * self.spacing[axis])
        return {name: coords[name] for name in "zyx"}

    def mismatch(self, other: Geometry, tolerance: float) -> str | None:
        """What differs from `other` beyond `tolerance`, or None: ITK's rule for one physical space.

        Origins and spacings may differ by `tolerance` × the first spacing, directions by `tolerance`
        (absolute), as ``itk::ImageToImageFilter::VerifyInputInformation`` has it.
        """
        if self.size != other.size:
            return f"size {self.size} against {other.size}"
        allowed = abs(tolerance * self.spacing[0])
        for name, bound in (("origin", allowed), ("spacing", allowed), ("direction", tolerance)):
            mine, theirs = getattr(self, name), getattr(other, name)
            if not np.allclose(mine, theirs, rtol=0, atol=bound):
                return f"{name} {_short(mine)} against {_short(theirs)}"
        return None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, floats exact."""
        return {
            "size": list(self.size),
            "spacing": list(self.spacing),
            "origin": list(self.origin),
            "direction": list(self.direction),
            "frame": "LPS",
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Geometry:
        """The inverse of `to_json`."""
        x, y, z = value["size"]
        return cls((x, y, z), tuple(value["spacing"]), tuple(value["origin"]), tuple(value["direction"]))


@dataclass(frozen=True, eq=False)
class Volume:
    """An array [z, y, x] and the grid it lies on.

    Parameters
    ----------
    array
        Values, shape ``geometry.shape``; NumPy or CuPy. A mask is uint8, 0 or 1.
    geometry
        The grid.
    source
        The file or case it came from, for messages.
    """

    array: np.ndarray
    geometry: Geometry
    source: str = ""

    def __post_init__(self) -> None:
        if tuple(self.array.shape) != self.geometry.shape:
            raise ValueError(
                f"array {self.array.shape} does not lie on a grid of shape {self.geometry.shape}"
            )


def _short(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{v:.6g}" for v in values) + ")"
