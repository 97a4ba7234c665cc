"""IBSI's interpolation: of an image onto a grid with its own centre, and of a mask with partial volume.

IBSI reference manual, section "Interpolation". What differs from PyRadiomics: the grids' centres are aligned
(`radstore.images.grid.centred_grid`; there: the corners), masks are interpolated linearly and keep voxels
that are half inside (there: the nearest voxel), and a CT's whole numbers are rounded to whole numbers again
(there: cut off towards zero if the type is an integer, else kept).
"""

from __future__ import annotations

import numpy as np

from radstore.images.arrays import Array
from radstore.images.resample import resample as interpolated
from radstore.images.volume import Geometry

HALF = 0.5 - 1e-6  # a voxel that is half inside counts, whatever rounding makes of it


def resample(image: Array, geometry: Geometry, target: Geometry, interpolator: str) -> Array:
    """An image on another grid with the same axes.

    Parameters
    ----------
    image
        [z, y, x], NumPy or CuPy.
    geometry
        The grid it lies on.
    target
        The grid wanted.
    interpolator
        ``sitkNearestNeighbor``, ``sitkLinear`` or ``sitkBSpline``.

    Returns
    -------
    array
        Floating point (float32 for 8- and 16-bit images); whole numbers where the image has only such.
    """
    values = interpolated(image.astype(np.float64), geometry, target, interpolator)
    values = np.rint(values) if _whole(image) else values
    return values.astype(np.result_type(image.dtype, np.float32))


def resample_mask(mask: Array, geometry: Geometry, target: Geometry) -> Array:
    """A mask (0 or 1) on another grid with the same axes, bool: the voxels that lie at least half inside."""
    return interpolated(mask.astype(np.float64), geometry, target, "sitkLinear") >= HALF


def _whole(image: Array) -> bool:
    return image.dtype.kind in "iu" or bool((image == np.rint(image)).all())
