"""Synthetic cases of a given size, the same on every machine."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from radstore.images.volume import Geometry, Volume

BIN_WIDTH = 25.0


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
