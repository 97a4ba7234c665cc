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

import numpy as np

from radstore.images import spline
from radstore.images.arrays import Array, array_module, in_slabs, like, ndimage, slab_thickness, to_host
from radstore.images.box import whole
from radstore.images.lazy import Lazy
from radstore.images.positions import Axis, aligned, scan_lines
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
    if not np.allclose(geometry.axes, target.axes, rtol=0, atol=1e-9):
        return _oblique(image[whole(image.shape)], geometry, target, interpolator)
    along = [aligned(geometry, target, axis) for axis in (2, 1, 0)]
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


def _oblique(image: Array, geometry: Geometry, target: Geometry, interpolator: str) -> Array:
    """The target's axes run otherwise than the image's: every voxel has a position of its own."""
    xp, filters = array_module(image), ndimage(image)
    order = {"sitkNearestNeighbor": 0, "sitkLinear": 1, "sitkBSpline": 3}[interpolator]
    source = filters.spline_filter(image, order=3, mode="mirror") if order == 3 else image.astype(np.float64)
    out = xp.zeros(target.shape, image.dtype)
    size = np.asarray(geometry.size)
    for z in range(target.size[2]):
        starts = np.array([(0.0, y, z) for y in range(target.size[1])])
        position = scan_lines(geometry, target, starts)
        inside = np.all((position >= -0.5) & (position < size - 0.5), axis=2)
        if not inside.any():
            continue
        found = position[inside][:, ::-1].T
        found = np.floor(found + 0.5) if order == 0 else found
        mode = "mirror" if order == 3 else "nearest"
        values = filters.map_coordinates(source, like(found, image), order=order, mode=mode, prefilter=False)
        out[z][like(inside, image)] = _cast(values, image.dtype)
    return out


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
