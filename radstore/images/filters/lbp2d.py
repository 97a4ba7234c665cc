"""Local binary patterns slice by slice, value for value scikit-image's ``local_binary_pattern``.

A voxel is compared with points on a circle around it: a point's bit is 1 where its (bilinear) value is at least
the voxel's. Points outside the slice have the value 0.

References
----------
T. Ojala, M. Pietikäinen and T. Mäenpää, *Multiresolution gray-scale and rotation invariant texture
classification with local binary patterns*, PAMI 24, 2002.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import ceil, floor

import numpy as np

from radstore.images.arrays import Array, array_module, in_slabs, slab_thickness

MAX_CODE_SAMPLES = 30  # bits of a code in an int32


def local_binary_pattern_2d(
    image: Array,
    samples: int = 8,
    radius: float = 1.0,
    method: str = "uniform",
    across: int = 0,
    origin: Sequence[int] = (0, 0, 0),
    threads: int = 1,
) -> Array:
    """The pattern of every voxel, in the image's own dtype [z, y, x].

    Parameters
    ----------
    image
        [z, y, x], NumPy or CuPy.
    samples, radius
        Number of points, and the circle's radius in voxels.
    method
        ``default``: the bits as a number; ``ror``: its least rotation; ``uniform``: the number of ones where
        the bits change at most twice, else samples + 1; ``var``: the points' variance, NaN where it is 0.
    across
        The axis out of the slices: 0 z, 1 y, 2 x.
    origin
        Index (z, y, x) in the whole image of the part's first voxel. Points are placed by rows and columns of
        the whole: in a flat area rounding of their position decides whether they equal the voxel.
    threads
        How many threads share the work on the CPU; the result is the same.

    Raises
    ------
    ValueError
        For an unknown method, or more points than a code has bits.
    """
    if method not in PATTERNS:
        raise ValueError(f"LBP method {method!r}: there are {', '.join(PATTERNS)}")
    if method in ("default", "ror") and samples > MAX_CODE_SAMPLES:
        raise ValueError(f"{samples} LBP samples: method {method} takes {MAX_CODE_SAMPLES} at most")
    xp = array_module(image)
    stack = image.swapaxes(0, across)
    rows, columns = (start for axis, start in enumerate(_swapped(origin, across)) if axis)
    out = xp.empty(stack.shape, image.dtype)
    circle = _circle(samples, radius)

    def slab(part: slice) -> None:
        values = stack[part].astype(np.float64)
        with np.errstate(invalid="ignore"):  # NaN of `var` in an integer image
            out[part] = PATTERNS[method](values, _points(values, circle, rows, columns)).astype(image.dtype)

    in_slabs(slab, stack.shape[0], slab_thickness(stack), threads)
    return xp.ascontiguousarray(out.swapaxes(0, across))


def reach(radius: float, across: int = 0) -> tuple[int, int, int]:
    """How many voxels away (z, y, x) the filter reads."""
    z, y, x = (0 if axis == across else ceil(radius) + 1 for axis in range(3))
    return z, y, x


def _swapped(triple: Sequence[int], axis: int) -> list[int]:
    swapped = list(triple)
    swapped[0], swapped[axis] = swapped[axis], swapped[0]
    return swapped


def _circle(samples: int, radius: float) -> list[tuple[float, float]]:
    """Offsets (row, column) of the points, to five decimals; scikit-image takes the radius in single precision."""
    R = float(np.float32(radius))
    angle = 2 * np.pi * np.arange(samples, dtype=np.double) / samples
    return list(
        zip(np.round(-R * np.sin(angle), 5).tolist(), np.round(R * np.cos(angle), 5).tolist(), strict=True)
    )


def _points(
    values: Array, circle: Sequence[tuple[float, float]], first_row: int, first_column: int
) -> Iterator[Array]:
    """The value at each point of the circle, one point at a time, for all voxels of a stack of slices."""
    xp = array_module(values)
    border = max(ceil(abs(offset)) for point in circle for offset in point) + 1
    n, rows, columns = values.shape
    padded = xp.zeros((n, rows + 2 * border, columns + 2 * border))
    padded[:, border : border + rows, border : border + columns] = values
    for dy, dx in circle:
        low_y, low_x = floor(dy), floor(dx)
        part_y = _parts(rows, first_row, dy)
        part_x = _parts(columns, first_column, dx)

        def at(y: int, x: int) -> Array:
            y, x = border + y, border + x
            return padded[:, y : y + rows, x : x + columns]

        def along_x(y: int, low_x: int = low_x, part: np.ndarray | None = part_x) -> Array:
            return (
                at(y, low_x) if part is None else _between(at(y, low_x), at(y, low_x + 1), xp.asarray(part))
            )

        if part_y is None:
            yield along_x(low_y)
        else:
            yield _between(along_x(low_y), along_x(low_y + 1), xp.asarray(part_y)[:, None])


def _parts(size: int, first: int, offset: float) -> np.ndarray | None:
    """How far each row's (or column's) point lies beyond the row before it; None: on it."""
    if offset == floor(offset):
        return None
    position = np.arange(first, first + size) + offset
    return position - np.floor(position)


def _between(low: Array, high: Array, part: Array) -> Array:
    return (1 - part) * low + part * high


def _code(values: Array, points: Iterator[Array]) -> Array:
    xp = array_module(values)
    code = xp.zeros(values.shape, np.int32)
    for bit, point in enumerate(points):
        code += (point >= values).astype(np.int32) << bit
    return code


def _default(values: Array, points: Iterator[Array]) -> Array:
    return _code(values, points)


def _ror(values: Array, points: Iterator[Array]) -> Array:
    listed = list(points)
    rotated = least = _code(values, iter(listed))
    for _ in range(len(listed) - 1):
        rotated = (rotated >> 1) | ((rotated & 1) << (len(listed) - 1))
        least = array_module(values).minimum(least, rotated)
    return least


def _uniform(values: Array, points: Iterator[Array]) -> Array:
    xp = array_module(values)
    ones, changes = xp.zeros(values.shape, np.int32), xp.zeros(values.shape, np.int32)
    before, count = None, 0
    for count, point in enumerate(points, start=1):  # noqa: B007
        bit = point >= values
        ones += bit
        if before is not None:
            changes += bit != before
        before = bit
    return xp.where(changes <= 2, ones, count + 1)


def _var(values: Array, points: Iterator[Array]) -> Array:
    xp = array_module(values)
    total, squares, count = xp.zeros(values.shape), xp.zeros(values.shape), 0
    for count, point in enumerate(points, start=1):  # noqa: B007
        total += point
        squares += point * point
    variance = (squares - (total * total) / count) / count
    return xp.where(variance != 0, variance, np.nan)


PATTERNS: dict[str, Callable[[Array, Iterator[Array]], Array]] = {
    "default": _default,
    "ror": _ror,
    "uniform": _uniform,
    "var": _var,
}
