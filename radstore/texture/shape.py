"""Shape features: the geometry of a region, in three dimensions or in one slice.

They read the mask alone. The kernel (``kernels/shape.hpp``) counts cubes and sums coordinates in whole
numbers; what follows turns them into PyRadiomics' features.

IBSI defines those in 3-D as PyRadiomics does, with one exception, seen in the reference values of its digital
phantom (74 voxels): axis lengths come from the sample covariance of the voxel centres, over n − 1 instead of
n. Its volume and area are of the same mesh, cut half way between voxel centres, its diameter is between the
mesh's vertices, and the ratios of axes are the same. The rest of IBSI's morphology (asphericity, densities of
boxes and hulls, centre of mass shift, Moran's I, Geary's C) PyRadiomics does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from math import cbrt, nan, pi, sqrt
from typing import Any

import numpy as np

from radstore.errors import RegionError, SpecError
from radstore.images.arrays import to_host
from radstore.images.box import bounding_box, sides
from radstore.texture import _native, mesh

# Eigenvalues below this share of the largest are rounding errors of 0: a flat region, a line, one voxel.
_ROUNDING = 8 * np.finfo(float).eps


def features(
    mask: Any,
    spacing: tuple[float, float, float],
    wanted: Sequence[str],
    family: str = "shape",
    settings: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Feature → its value; NaN where it is undefined (Elongation and Flatness of one voxel).

    Parameters
    ----------
    mask
        The region [z, y, x], bool or integers (not 0: inside), NumPy or CuPy, which is copied to the host.
    spacing
        Voxel size along x, y, z in mm.
    wanted
        Features of the class, without prefix.
    family
        ``shape``, or ``shape2D`` for a region in one slice.
    settings
        ``ibsi``: axis lengths of ``shape`` by IBSI's definition (NaN for one voxel). For ``shape2D``:
        ``force2D`` must be true; ``force2Ddimension`` is the axis (0 is z) across the slice.

    Raises
    ------
    RegionError
        If the mask is empty, or more than one slice thick for ``shape2D``.
    SpecError
        If ``shape2D`` is asked for without ``force2D``.

    Notes
    -----
    ``radiomics.shape`` and ``radiomics.shape2D`` on the mask cut to the region's box, as PyRadiomics'
    extractor cuts it. The mesh may have holes where voxels touch along an edge only, and its volume then
    depends on where the box lies.
    """
    box, steps, settings = _box(mask), np.array(spacing[::-1], dtype=float), settings or {}
    of = Slice.of if family == "shape2D" else Solid.of
    measured = of(box, steps, settings)
    return {name: float(_FORMULAS[family][name](measured)) for name in wanted}


def _box(mask: Any) -> np.ndarray:
    """The smallest box around the region with a border of one voxel, uint8 on the host."""
    mask = to_host(mask)
    ends = bounding_box(mask)
    if ends is None:
        raise RegionError("the mask is empty", "Check the label values of the region.")
    box = np.zeros([n + 2 for n in sides(ends)], np.uint8)
    np.not_equal(mask[ends], 0, out=box[1:-1, 1:-1, 1:-1], casting="unsafe")
    return box


@dataclass(frozen=True)
class Solid:
    """What the features of a region in space are made of.

    Parameters
    ----------
    cubes
        int64 [256, 4]; see `radstore.texture.mesh.area`.
    moments
        int64 [10] over the voxels: n, Σz, Σy, Σx, Σzz, Σzy, Σzx, Σyy, Σyx, Σxx.
    diameters
        Between mesh vertices in one plane of constant z, y, x, and in space, in mm.
    spacing
        Voxel size along z, y, x in mm.
    sample
        Axes from the sample covariance, over n − 1.
    """

    cubes: np.ndarray
    moments: np.ndarray
    diameters: np.ndarray
    spacing: np.ndarray
    sample: bool = False

    @classmethod
    def of(cls, box: np.ndarray, spacing: np.ndarray, settings: Mapping[str, Any]) -> Solid:
        """From a box with a border."""
        return cls(*_native.shape(box, *spacing), spacing, settings.get("ibsi", False))

    @property
    def voxel_volume(self) -> float:
        """Of all voxels together, in mm³."""
        return int(self.moments[0]) * float(np.prod(self.spacing))

    @cached_property
    def area(self) -> float:
        """Of the mesh, in mm²."""
        return mesh.area(self.cubes, self.spacing)

    @cached_property
    def volume(self) -> float:
        """Of the mesh, in mm³."""
        return mesh.volume(self.cubes, self.spacing)

    @cached_property
    def sphere(self) -> float:
        """The area in mm² of a sphere that has the mesh's volume."""
        return cbrt(36 * pi * self.volume**2)

    @cached_property
    def axes(self) -> np.ndarray:
        """The axes of the enclosing ellipsoid, ascending, in mm: 4√λ of the voxel centres' covariance."""
        return _axes(self.moments, self.spacing, self.sample)


@dataclass(frozen=True)
class Slice:
    """What the features of a region in one slice are made of; lengths in mm."""

    pixels: float
    perimeter: float
    surface: float
    diameter: float
    axes: np.ndarray

    @classmethod
    def of(cls, box: np.ndarray, spacing: np.ndarray, settings: Mapping[str, Any]) -> Slice:
        """From a box with a border."""
        if not settings.get("force2D", False):
            raise SpecError("shape2D needs one slice", "Set force2D to true, or use the class shape.")
        across = settings.get("force2Ddimension", 0)
        if (thick := box.shape[across] - 2) > 1:
            raise RegionError(
                f"shape2D of a region that is {thick} voxels thick along axis {across}",
                "Use the class shape, a mask of one slice, or another force2Ddimension.",
            )
        plane = np.delete(spacing, across)
        flat = np.ascontiguousarray(np.moveaxis(box, across, 0))
        cubes, moments, diameters = _native.shape(flat, 1.0, *plane)
        perimeter, surface = mesh.contour(cubes[::16, 0], plane)  # cubes with the slice above empty space
        pixels = int(moments[0]) * float(np.prod(plane))
        return cls(pixels, perimeter, surface, diameters[0], _axes(moments, np.array([0.0, *plane]))[1:])

    @property
    def circle(self) -> float:
        """The circumference in mm of a circle that has the contour's surface."""
        return 2 * sqrt(pi * self.surface)


def _axes(moments: np.ndarray, spacing: np.ndarray, sample: bool = False) -> np.ndarray:
    """4√λ, ascending; exactly 0 across a flat region."""
    n, *sums = (int(m) for m in moments)  # Python's integers have no limit
    if n <= sample:
        return np.full(3, nan)
    first, second = sums[:3], sums[3:]
    covariance = np.zeros((3, 3))  # its upper half
    for (i, j), product in zip(combinations_with_replacement(range(3), 2), second, strict=True):
        spread = (n * product - first[i] * first[j]) / (n * (n - sample))
        covariance[i, j] = spread * spacing[i] * spacing[j]
    values = np.linalg.eigvalsh(covariance, UPLO="U")
    values[values < _ROUNDING * values[-1]] = 0
    return 4 * np.sqrt(values)


def _ratio(a: float, b: float) -> float:
    return a / b if b else nan


_FORMULAS: Mapping[str, Mapping[str, Callable[[Any], float]]] = {
    "shape": {
        "MeshVolume": lambda s: s.volume,
        "VoxelVolume": lambda s: s.voxel_volume,
        "SurfaceArea": lambda s: s.area,
        "SurfaceVolumeRatio": lambda s: _ratio(s.area, s.volume),
        "Sphericity": lambda s: s.sphere / s.area,
        "Compactness1": lambda s: s.volume / sqrt(pi * s.area**3),
        "Compactness2": lambda s: 36 * pi * s.volume**2 / s.area**3,
        "SphericalDisproportion": lambda s: _ratio(s.area, s.sphere),
        "Maximum3DDiameter": lambda s: s.diameters[3],
        "Maximum2DDiameterSlice": lambda s: s.diameters[0],
        "Maximum2DDiameterColumn": lambda s: s.diameters[1],
        "Maximum2DDiameterRow": lambda s: s.diameters[2],
        "MajorAxisLength": lambda s: s.axes[2],
        "MinorAxisLength": lambda s: s.axes[1],
        "LeastAxisLength": lambda s: s.axes[0],
        "Elongation": lambda s: _ratio(s.axes[1], s.axes[2]),
        "Flatness": lambda s: _ratio(s.axes[0], s.axes[2]),
    },
    "shape2D": {
        "MeshSurface": lambda s: s.surface,
        "PixelSurface": lambda s: s.pixels,
        "Perimeter": lambda s: s.perimeter,
        "PerimeterSurfaceRatio": lambda s: _ratio(s.perimeter, s.surface),
        "Sphericity": lambda s: s.circle / s.perimeter,
        "SphericalDisproportion": lambda s: _ratio(s.perimeter, s.circle),
        "MaximumDiameter": lambda s: s.diameter,
        "MajorAxisLength": lambda s: s.axes[1],
        "MinorAxisLength": lambda s: s.axes[0],
        "Elongation": lambda s: _ratio(s.axes[0], s.axes[1]),
    },
}
