"""Boxes of voxels: three slices (z, y, x) with a start and a stop; on NumPy and CuPy arrays alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from radstore.images.arrays import array_module, on_device, to_host

Box = tuple[slice, slice, slice]


def bounding_box(mask: Any) -> Box | None:
    """The smallest box that holds all voxels of a mask that are not 0, or None where all are."""
    if on_device(mask):
        return _box_on_device(mask)
    spans: list[slice] = []
    for axis in (0, 1, 2):  # z first: each cut leaves the next axes less to look at
        inner = mask[(*spans, *(slice(None),) * (3 - axis))]
        filled = inner.any(axis=tuple({0, 1, 2} - {axis})).nonzero()[0]
        if not filled.size:
            return None
        spans.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return spans[0], spans[1], spans[2]


def _box_on_device(mask: Any) -> Box | None:
    """One pass an axis, and one copy to the host: it must know the box, and waits for it once."""
    passes = [mask.any(axis=tuple({0, 1, 2} - {axis})) for axis in (0, 1, 2)]
    filled = to_host(array_module(mask).concatenate(passes))
    if not filled.any():
        return None
    ends = np.cumsum(mask.shape)[:-1]
    z, y, x = (np.flatnonzero(part) for part in np.split(filled, ends))
    return (
        slice(int(z[0]), int(z[-1]) + 1),
        slice(int(y[0]), int(y[-1]) + 1),
        slice(int(x[0]), int(x[-1]) + 1),
    )


def sides(box: Box) -> tuple[int, int, int]:
    """How many voxels a box has along z, y, x."""
    z, y, x = (span.stop - span.start for span in box)
    return z, y, x


def grown(box: Box, margin: Sequence[int], shape: Sequence[int]) -> Box:
    """A box with `margin` voxels more on both sides along z, y, x, as far as `shape` has them."""
    z, y, x = (
        slice(max(0, span.start - more), min(size, span.stop + more))
        for span, more, size in zip(box, margin, shape, strict=True)
    )
    return z, y, x


def inside(box: Box, outer: Box) -> Box:
    """The same box counted from the first voxel of `outer`."""
    z, y, x = (
        slice(span.start - frame.start, span.stop - frame.start)
        for span, frame in zip(box, outer, strict=True)
    )
    return z, y, x


def placed(box: Box, outer: Box) -> Box:
    """A box counted from the first voxel of `outer`, counted from where `outer` is counted from."""
    z, y, x = (
        slice(span.start + frame.start, span.stop + frame.start)
        for span, frame in zip(box, outer, strict=True)
    )
    return z, y, x


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of some boxes."""
    z, y, x = (
        slice(min(span.start for span in spans), max(span.stop for span in spans))
        for spans in zip(*boxes, strict=True)
    )
    return z, y, x


def whole(shape: Sequence[int]) -> Box:
    """The box of all voxels of an array of `shape`."""
    z, y, x = (slice(0, int(size)) for size in shape)
    return z, y, x


def box_of(first: Sequence[int], size: Sequence[int]) -> Box:
    """The box of a first voxel and a size, both x, y, z: the inverse of `first_and_size`."""
    x, y, z = (slice(int(start), int(start + n)) for start, n in zip(first, size, strict=True))
    return z, y, x


def first_and_size(box: Box) -> tuple[np.ndarray, np.ndarray]:
    """The index of a box's first voxel and its size, both as x, y, z."""
    return np.array([span.start for span in box[::-1]]), np.array(sides(box)[::-1])
