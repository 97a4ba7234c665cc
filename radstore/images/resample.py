"""Resampling onto another grid, value for value as ``SimpleITK.ResampleImageFilter`` does it.

Nearest neighbour, linear and cubic B-spline interpolation are our own, on NumPy and CuPy arrays, and read only
the part of the image that the target needs. Positions, weights and sums are computed by ITK's operations in its
order. That is more than pedantry: ITK cuts off the decimals of integer images, so that one bit decides between two
values wherever the exact result is a whole number, as in air or in a window's flat parts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radstore.images import _native
from radstore.images.arrays import Array, array_module, in_slabs, like, ndimage, on_device, slab_thickness, to_host
from radstore.images.volume import Geometry, Volume

logger = logging.getLogger(__name__)

KERNELS = Path(__file__).parent / "kernels"
BLOCK = 128  # CUDA threads a block
POLE = 3**0.5 - 2  # of the cubic B-spline: what a coefficient keeps of its neighbour
REACH = 40  # voxels after which |POLE|^n, and the rounding it leaves, are gone from a double


def resample(
    image: Array, geometry: Geometry, target: Geometry, interpolator: str = "sitkBSpline", threads: int = 1
) -> Array:
    """The image on the grid `target`, in its own dtype; 0 where that lies outside the image.

    Parameters
    ----------
    image
        [z, y, x] on the grid `geometry`, NumPy or CuPy.
    geometry, target
        Both in LPS. Where their axes run alike, interpolation is done axis by axis.
    interpolator
        ``sitkNearestNeighbor``, ``sitkLinear``, ``sitkBSpline``; any other of SimpleITK's runs there, on the CPU, and
        a warning to this module's logger says so.
    threads
        How many threads share the work on the CPU; the result is the same.

    Raises
    ------
    ValueError
        For an interpolator that SimpleITK does not have.

    Notes
    -----
    Integers are cut off towards zero, not rounded, and limited to their type's range, as in ITK. A position counts as
    inside up to half a voxel beyond the outermost voxels' centres.
    """
    if interpolator not in ALIGNED:
        return _through_itk(image, geometry, target, interpolator)
    if not np.allclose(geometry.axes, target.axes, rtol=0, atol=1e-9):
        return _oblique(image, geometry, target, interpolator)
    along = [_axis(geometry, target, axis) for axis in (2, 1, 0)]
    xp = array_module(image)
    out = xp.zeros(target.shape, image.dtype)
    if all(axis.inside.stop > axis.inside.start for axis in along):
        values = ALIGNED[interpolator](image, along, threads)
        out[tuple(axis.inside for axis in along)] = _cast(values, image.dtype)
    return out


@dataclass(frozen=True, eq=False)
class Axis:
    """One array axis: the target's voxels inside the image, and their positions there.

    Parameters
    ----------
    inside
        Which of the target's voxels.
    position
        Their continuous indices in the image.
    size
        Of the image.
    """

    inside: slice
    position: np.ndarray
    size: int


def _axis(geometry: Geometry, target: Geometry, axis: int) -> Axis:
    """Along x (0), y or z; the other indices do not matter on aligned grids."""
    count, size = target.size[axis], geometry.size[axis]
    index = np.zeros((count, 3))
    index[:, axis] = np.arange(count)
    if axis == 0:
        position = _scan_lines(geometry, target, np.zeros((1, 3)))[0, :, 0]
    else:
        position = _map(geometry, target, index)[:, axis]
    inside = np.flatnonzero((position >= -0.5) & (position < size - 0.5))
    if not len(inside):
        return Axis(slice(0, 0), np.empty(0), size)
    part = slice(int(inside[0]), int(inside[-1]) + 1)
    return Axis(part, position[part], size)


def _map(geometry: Geometry, target: Geometry, index: np.ndarray) -> np.ndarray:
    """Continuous indices in `geometry` of indices in `target`, [n, 3], x y z: ITK's sums, term by term."""
    forth = target.axes * np.asarray(target.spacing)
    back = np.linalg.inv(geometry.axes * np.asarray(geometry.spacing))
    point = np.repeat(np.asarray(target.origin)[None], len(index), 0)
    for j in range(3):
        point += forth[:, j] * index[:, j, None]
    offset = point - np.asarray(geometry.origin)
    return back[:, 0] * offset[:, 0, None] + back[:, 1] * offset[:, 1, None] + back[:, 2] * offset[:, 2, None]


def _scan_lines(geometry: Geometry, target: Geometry, starts: np.ndarray) -> np.ndarray:
    """Positions along lines of x that start at indices of `target`: [line, x, 3].

    ITK maps the first voxel and the one behind the last, and divides the way between them.
    """
    count = target.size[0]
    first = _map(geometry, target, starts)
    way = _map(geometry, target, starts + (count, 0, 0)) - first
    return first[:, None] + (np.arange(count) / count)[:, None] * way[:, None]


def _cast(values: Array, dtype: np.dtype) -> Array:
    if values.dtype == dtype:
        return values
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        values = values.clip(info.min, info.max)
    return values.astype(dtype)  # of integers: cut off towards zero


def _nearest(image: Array, along: Sequence[Axis], threads: int) -> Array:
    xp = array_module(image)
    for number, axis in enumerate(along):
        image = image.take(xp.asarray(np.floor(axis.position + 0.5).astype(np.int64)), number)
    return image


def _linear(image: Array, along: Sequence[Axis], threads: int) -> Array:
    """Along x, then y, then z: a + (b − a) · d, in double precision."""
    xp = array_module(image)
    steps, parts = zip(*(_neighbours(axis) for axis in along), strict=True)
    image = image[parts]

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
    """The voxels before and behind each position, the way between them, and the part of the image that has them."""
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


def _spline(image: Array, along: Sequence[Axis], threads: int) -> Array:
    taps = [spline_taps(axis.position, axis.size) for axis in along]
    starts = [max(0, int(place.min()) - REACH) for place, _ in taps]
    stops = [min(axis.size, int(place.max()) + 1 + REACH) for (place, _), axis in zip(taps, along, strict=True)]
    part = tuple(slice(a, b) for a, b in zip(starts, stops, strict=True))
    xp = array_module(image)
    coefficients = xp.array(image[part], dtype=np.float64, order="C")
    places = tuple(np.ascontiguousarray(place - start, dtype=np.int32) for (place, _), start in zip(taps, starts, strict=True))
    weights = tuple(weight for _, weight in taps)
    if on_device(image):
        return _spline_on_device(coefficients, places, weights)
    _native.decompose(coefficients, _powers(coefficients.shape), threads)
    return _native.interpolate(coefficients, places, weights, threads)


def spline_taps(position: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The four coefficients that each position takes and their weights, both [4, position].

    Places beyond the image are mirrored at its first and last voxel. ITK finds the first place in single precision, and
    so do we.
    """
    base = np.floor(position.astype(np.float32)).astype(np.int64)
    w = position - base
    w3 = (1.0 / 6.0) * w * w * w
    w0 = (1.0 / 6.0) + 0.5 * w * (w - 1.0) - w3
    w2 = w + w0 - 2.0 * w3
    place = np.abs(base + np.arange(-1, 3)[:, None])
    place = np.abs(np.where(place >= size - 1, 2 * (size - 1) - place, place))
    return place if size > 1 else np.zeros_like(place), np.stack([w0, 1.0 - w0 - w2 - w3, w2, w3])


def _powers(shape: Sequence[int]) -> tuple[float, float, float]:
    z, y, x = (POLE ** (n - 1.0) for n in shape)
    return z, y, x


def _spline_on_device(coefficients: Array, places: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> Array:
    """Both kernels of ``resample.cu``: a thread a line for the coefficients, a thread a voxel for the values."""
    from radstore.cuda import function

    xp = array_module(coefficients)
    powers = _powers(coefficients.shape)
    decompose = function(KERNELS / "resample.cu", "decompose_lines")
    for axis in (2, 1, 0):
        turned = xp.ascontiguousarray(coefficients.swapaxes(1, 2)) if axis == 2 else coefficients
        length = coefficients.shape[axis]
        inner = turned[0].size if axis == 0 else turned.shape[2]
        lines = coefficients.size // length
        sizes = np.int64(lines), np.int64(inner), np.int32(length), np.float64(powers[axis])
        decompose((-(-lines // BLOCK),), (BLOCK,), (turned, *sizes))
        coefficients = xp.ascontiguousarray(turned.swapaxes(1, 2)) if axis == 2 else turned
    out = xp.empty(tuple(place.shape[1] for place in places))
    taps: list[Any] = [like(array, out) for pair in zip(places, weights, strict=True) for array in pair]
    sizes = tuple(np.int64(n) for n in (*coefficients.shape[1:], *out.shape))
    interpolate = function(KERNELS / "resample.cu", "interpolate_voxels")
    interpolate((-(-out.size // BLOCK),), (BLOCK,), (coefficients, out, *taps, *sizes))
    return out


ALIGNED: dict[str, Callable[[Array, Sequence[Axis], int], Array]] = {
    "sitkNearestNeighbor": _nearest,
    "sitkLinear": _linear,
    "sitkBSpline": _spline,
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
        position = _scan_lines(geometry, target, starts)
        inside = ((position >= -0.5) & (position < size - 0.5)).all(axis=2)
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
