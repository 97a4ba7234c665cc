"""Magnitude of the gradient, bit for bit ITK's ``GradientMagnitudeImageFilter``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from radstore.images.arrays import Array, array_module, in_slabs, slab_thickness

REACH = (1, 1, 1)


def gradient_magnitude(image: Array, spacing: Sequence[float] | None, threads: int = 1) -> Array:
    """√(gx² + gy² + gz²) of central differences, float32 [z, y, x]; the border's voxels go on outside.

    Parameters
    ----------
    image
        [z, y, x], NumPy or CuPy.
    spacing
        Voxel size along x, y, z in mm, for a gradient per mm; None: per voxel.
    threads
        How many threads share the work on the CPU; the result is the same.
    """
    xp = array_module(image)
    x, y, z = (0.5 if spacing is None else 0.5 * (1.0 / d) for d in spacing or (1, 1, 1))
    out = xp.empty(image.shape, np.float32)
    planes = image.shape[0]

    def slab(part: slice) -> None:
        around = xp.arange(part.start - 1, part.stop + 1).clip(0, planes - 1)
        values = image.take(around, 0).astype(np.float64)
        middle = values[1:-1]
        total = _squared_difference(middle, 2, x)
        total += _squared_difference(middle, 1, y)
        depth = values * z
        difference = depth[2:] - depth[:-2]
        total += difference * difference
        out[part] = xp.sqrt(total)

    in_slabs(slab, planes, slab_thickness(image), threads)
    return out


def _squared_difference(values: Array, axis: int, weight: float) -> Array:
    """(w·v[i + 1] − w·v[i − 1])² along an axis; a voxel beyond the border equals the one on it."""
    xp = array_module(values)
    weighted = values * weight
    size = values.shape[axis]
    around = xp.arange(-1, size + 1).clip(0, size - 1)
    weighted = weighted.take(around, axis)
    ahead, behind = ((slice(None),) * axis + (s,) for s in (slice(2, None), slice(None, -2)))
    difference = weighted[ahead] - weighted[behind]
    return difference * difference
