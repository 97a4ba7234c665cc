"""Resampling onto another grid, value for value as ``SimpleITK.ResampleImageFilter`` does it.

Nearest neighbour, linear and cubic B-spline interpolation are our own, on NumPy and CuPy arrays, and read
only the part of the image that the target needs. Positions, weights and sums are computed by ITK's
operations in its order. That is more than pedantry: ITK cuts off the decimals of integer images, so that
one bit decides between two values wherever the exact result is a whole number, as in air or in a window's
flat parts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from radstore.images import spline
from radstore.images.arrays import Array, array_module, in_slabs, like, slab_thickness, to_host
from radstore.images.box import whole
from radstore.images.lazy import Lazy
from radstore.images.positions import Axis, aligned, covered, half_way, planes, straight
from radstore.images.volume import Geometry, Volume

logger = logging.getLogger(__name__)


def resample(
    image: Array | Lazy,
    geometry: Geometry,
    target: Geometry,
    interpolator: str = "sitkBSpline",
    threads: int = 1,
) -> Array:
    """The image on the grid `target`, in its own dtype; 0 where that lies outside the image.

    Parameters
    ----------
    image
        [z, y, x] on the grid `geometry`, NumPy or CuPy; of a lazy one only the part is made that the target
        needs.
    geometry, target
        Both in LPS. Where their axes run alike, interpolation is done axis by axis.
    interpolator
        ``sitkNearestNeighbor``, ``sitkLinear``, ``sitkBSpline``; any other of SimpleITK's runs there, on
        the CPU, and a warning to this module's logger says so.
    threads
        How many threads share the work on the CPU; the result is the same.

    Raises
    ------
    ValueError
        For an interpolator that SimpleITK does not have.

    Notes
    -----
    Integers are cut off towards zero, not rounded, and limited to their type's range, as in ITK. A position
    counts as inside up to half a voxel beyond the outermost voxels' centres.
    """
    if interpolator not in ALIGNED:
        return _through_itk(image[whole(image.shape)], geometry, target, interpolator)
    alike = np.allclose(geometry.axes, target.axes, rtol=0, atol=1e-9)
    along = [aligned(geometry, target, axis) for axis in (2, 1, 0)]
    # on an oblique grid a position differs from its neighbours' by rounding: enough to matter where decimals
    # are cut off, half-way between two voxels, and on the image's edge
    rounds = not straight(geometry) and (
        interpolator == "sitkLinear" or image.dtype.kind in "iu" or any(map(half_way, along))
    )
    if rounds or not alike:
        return _voxelwise(image, geometry, target, VOXELWISE[interpolator], threads)
    if any(axis.inside.stop == axis.inside.start for axis in along):
        nothing = image[0:0, 0:0, 0:0]
        return array_module(nothing).zeros(target.shape, image.dtype)
    values = ALIGNED[interpolator](image, along, threads)
    out = array_module(values).zeros(target.shape, image.dtype)
    out[tuple(axis.inside for axis in along)] = _cast(values, image.dtype)
    return out


def _cast(values: Array, dtype: np.dtype) -> Array:
    if values.dtype == dtype:
        return values
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        values = values.clip(info.min, info.max)
    return values.astype(dtype)  # of integers: cut off towards zero


def _nearest(image: Array | Lazy, along: Sequence[Axis], threads: int) -> Array:
    places = [np.floor(axis.position + 0.5).astype(np.int64) for axis in along]
    z, y, x = (slice(int(place.min()), int(place.max()) + 1) for place in places)
    values = image[z, y, x]
    for axis, (place, part) in enumerate(zip(places, (z, y, x), strict=True)):
        values = values.take(like(place - part.start, values), axis)
    return values


def _linear(image: Array | Lazy, along: Sequence[Axis], threads: int) -> Array:
    """Along x, then y, then z: a + (b − a) · d, in double precision."""
    steps, parts = zip(*(_neighbours(axis) for axis in along), strict=True)
    image = image[parts]
    xp = array_module(image)

    def in_plane(part: slice) -> Array:
        return _between(_between(image[part].astype(np.float64), 2, steps[2]), 1, steps[1])

    planes = xp.concatenate(in_slabs(in_plane, image.shape[0], slab_thickness(image), threads))
    out = xp.empty((len(along[0].position), *planes.shape[1:]))
    low, high, way = steps[0]

    def across_planes(part: slice) -> None:
        out[part] = _between(planes, 0, (low[part], high[part], way[part]))

    in_slabs(across_planes, len(out), slab_thickness(out), threads)
    return out


def _neighbours(axis: Axis) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], slice]:
    """The voxels before and behind each position, the way between them, and the part of the image that has
    them.
    """
    position = axis.position.clip(0, axis.size - 1)
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, axis.size - 1)
    start = int(low[0])
    return (low - start, high - start, position - low), slice(start, int(high[-1]) + 1)


def _between(values: Array, axis: int, step: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Array:
    low, high, way = (like(part, values) for part in step)
    first = values.take(low, axis)
    difference = values.take(high, axis) - first
    return first + difference * way.reshape([-1 if a == axis else 1 for a in range(3)])


ALIGNED: dict[str, Callable[[Array | Lazy, Sequence[Axis], int], Array]] = {
    "sitkNearestNeighbor": _nearest,
    "sitkLinear": _linear,
    "sitkBSpline": spline.interpolate,
}


def _voxelwise(
    image: Array | Lazy, geometry: Geometry, target: Geometry, picked: Picked, threads: int
) -> Array:
    """Every voxel of the target has a position of its own: on an oblique grid also one that differs from
    its neighbours' by rounding.
    """
    xp = array_module(image[0:0, 0:0, 0:0])
    out = xp.zeros(target.shape, image.dtype)
    pick = picked(image, geometry, target, threads)
    for z, inside, position in planes(geometry, target):
        if len(position):
            out[z][like(inside, out)] = _cast(pick(position), image.dtype)
    return out


def _nearest_at(image: Array | Lazy, position: np.ndarray) -> Array:
    """The voxels next to positions [n, 3], z y x."""
    return _taken(image, *np.floor(position + 0.5).astype(np.int64).T)


def _linear_at(image: Array | Lazy, position: np.ndarray) -> Array:
    """Between the eight voxels around each position, along x, then y, then z, as `_linear`."""
    last = np.asarray(image.shape) - 1
    position = position.clip(0, last)
    low = np.floor(position).astype(np.int64)
    both, way = (low, np.minimum(low + 1, last)), position - low

    def corner(z: int, y: int, x: int) -> Array:
        return _taken(image, both[z][:, 0], both[y][:, 1], both[x][:, 2]).astype(np.float64)

    def along_x(z: int, y: int) -> Array:
        first = corner(z, y, 0)
        return first + (corner(z, y, 1) - first) * like(way[:, 2], first)

    def along_y(z: int) -> Array:
        first = along_x(z, 0)
        return first + (along_x(z, 1) - first) * like(way[:, 1], first)

    first = along_y(0)
    return first + (along_y(1) - first) * like(way[:, 0], first)


def _taken(image: Array | Lazy, *places: np.ndarray) -> Array:
    """The voxels at some indices, given along z, y, x."""
    source = image.source if isinstance(image, Lazy) else image
    return image[tuple(like(place, source) for place in places)]


def _spline_at(image: Array | Lazy, geometry: Geometry, target: Geometry, threads: int) -> Pick:
    """The coefficients are made once, of the part that the target covers."""
    low, high = covered(geometry, target)
    span = list(zip(low.tolist(), high.tolist(), strict=True))
    read, start = spline.coefficients(image, span, threads)
    return lambda position: spline.at(read, start, image.shape, position)


Pick = Callable[[np.ndarray], Any]  # positions [n, 3], z y x → the image there
Picked = Callable[[Array | Lazy, Geometry, Geometry, int], Pick]
VOXELWISE: dict[str, Picked] = {
    "sitkNearestNeighbor": lambda image, *_: partial(_nearest_at, image),
    "sitkLinear": lambda image, *_: partial(_linear_at, image),
    "sitkBSpline": _spline_at,
}


def _through_itk(image: Array, geometry: Geometry, target: Geometry, interpolator: str) -> Array:
    import SimpleITK as sitk

    from radstore.images.itk import to_itk

    if not hasattr(sitk, interpolator):
        raise ValueError(f"no interpolator {interpolator!r}: see radstore.spec.types.InterpolatorName")
    logger.warning("%s runs in SimpleITK, on the CPU", interpolator)
    filter_ = sitk.ResampleImageFilter()
    filter_.SetInterpolator(getattr(sitk, interpolator))
    filter_.SetSize(target.size)
    filter_.SetOutputSpacing(target.spacing)
    filter_.SetOutputOrigin(target.origin)
    filter_.SetOutputDirection(target.direction)
    found = filter_.Execute(to_itk(Volume(to_host(image), geometry)))
    return like(sitk.GetArrayFromImage(found), image)
