"""Grey levels on a grid, on the device."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from radstore.images.arrays import Array
from radstore.texture.places import Places

MOST_VOXELS = 1 << 30  # of a region's box: kernels count them in 32 bits


@dataclass(frozen=True, eq=False)
class Grid:
    """Grey levels on a grid, with what is made of them once for all families.

    Parameters
    ----------
    array
        uint16 [z, y, x]: 0 outside the region, else 1 + place.
    places
        Where the region's voxels are.
    """

    array: Array
    places: Places
    _patches: dict[int, Array] = field(default_factory=dict, repr=False)

    def patch(self, reach: int) -> Array:
        """The grid with a border of zeros `reach` wide."""
        import cupy

        if reach not in self._patches:
            inner = tuple(slice(reach, reach + int(n)) for n in self.array.shape)
            patch = cupy.zeros([int(n) + 2 * reach for n in self.array.shape], np.uint16)
            if patch.size >= MOST_VOXELS:
                raise ValueError(
                    f"a region's box of {patch.size:,} voxels, more than {MOST_VOXELS:,}: crop or resample"
                )
            patch[inner] = self.array
            self._patches[reach] = patch
        return self._patches[reach]
