"""Synthetic cases of a given size, the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from radstore.images.volume import Geometry, Volume

BIN_WIDTH = 25.0


@dataclass(frozen=True)
class Size:
    """A case to be made: its grid (z, y, x), voxels of its region, and grey levels there at `BIN_WIDTH`."""

    shape: tuple[int, int, int]
    voxels: int
    levels: int


SIZES = {
    "quick": Size((64, 128, 128), 2_000, 11),
    "usual": Size((64, 128, 128), 19_952, 11),
    "large": Size((96, 160, 160), 100_000, 32),
}


def size_for(voxels: int, levels: int) -> Size:
    """A grid that a region of so many voxels leaves some room in."""
    side = max(24, round((6 * voxels) ** (1 / 3)))
    return Size((side, side, side), voxels, levels)


def make(size: Size) -> tuple[Volume, Volume]:
    """Image and mask of a `Size`."""
    return blob(size.shape, size.voxels, size.levels)


def blob(shape: tuple[int, int, int], voxels: int, levels: int, seed: int = 0) -> tuple[Volume, Volume]:
    """An image of smooth noise and an irregular, roughly ellipsoid region in its middle.

    Parameters
    ----------
    shape
        z, y, x.
    voxels
        How many voxels the region has, exactly.
    levels
        How many grey levels it has at `BIN_WIDTH`.
    """
    rng = np.random.default_rng(seed)
    surface = gaussian_filter(rng.normal(size=shape), 6.0)
    distance = sum(((index - n / 2) / n) ** 2 for index, n in zip(np.indices(shape), shape, strict=True))
    order = np.argsort((np.sqrt(distance) + 0.6 * surface / surface.std() * 0.1).ravel(), kind="stable")
    mask = np.zeros(np.prod(shape), np.uint8)
    mask[order[:voxels]] = 1
    mask = mask.reshape(shape)
    texture = gaussian_filter(rng.normal(size=shape), 1.2)
    inside = texture[mask == 1]
    unit = (texture - inside.min()) / (inside.max() - inside.min())
    image = np.rint(1 + unit * (levels * BIN_WIDTH - 2)).astype(np.int16)
    geometry = Geometry(shape[::-1], (0.8, 0.8, 2.5))
    return Volume(image, geometry), Volume(mask, geometry)


def grey_levels(image: Volume, mask: Volume) -> int:
    """How many grey levels the region has."""
    values = image.array[mask.array == 1]
    return len(np.unique(values // BIN_WIDTH))
