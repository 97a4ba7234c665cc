"""Grey levels on a grid, on the device."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from radstore.images.arrays import Array

MOST_VOXELS = 1 << 30  # of a region's box: kernels count them in 32 bits


@dataclass(frozen=True, eq=False)
class Grid:
    """Grey levels on a grid, with what is made of them once for all families."""

    array: Array
    _regions: dict[int, tuple[Array, Array]] = field(default_factory=dict, repr=False)

    def region(self, reach: int) -> tuple[Array, Array]:
        """The grid with a border of zeros `reach` wide; where in it the voxels of the mask are (uint32)."""
        import cupy

        if reach not in self._regions:
            inner = tuple(slice(reach, reach + int(n)) for n in self.array.shape)
            patch = cupy.zeros([int(n) + 2 * reach for n in self.array.shape], np.uint16)
            if patch.size >= MOST_VOXELS:
                raise ValueError(
                    f"a region's box of {patch.size:,} voxels, more than {MOST_VOXELS:,}: crop or resample"
                )
            patch[inner] = self.array
            # synchronises: the host must know how many there are
            self._regions[reach] = (patch, cupy.flatnonzero(patch).astype(np.uint32))
        return self._regions[reach]
