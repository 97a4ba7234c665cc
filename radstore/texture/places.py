"""Where the voxels of a region lie: found once for all images and all families of a case."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from radstore.images.arrays import Array, array_module


@dataclass(frozen=True, eq=False)
class Places:
    """The voxels of a region in its grid, NumPy or CuPy.

    Parameters
    ----------
    flat
        Their indices in C order, ascending.
    shape
        Of the grid, (z, y, x).
    """

    flat: Array
    shape: tuple[int, ...]
    _bordered: dict[int, Array] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, mask: Array) -> Places:
        """Of a mask, bool [z, y, x]."""
        return cls(array_module(mask).flatnonzero(mask), mask.shape)  # synchronises: how many there are

    @classmethod
    def everywhere(cls, grid: Array) -> Places:
        """Of a region that is the whole grid."""
        return cls(array_module(grid).arange(grid.size), grid.shape)

    def __len__(self) -> int:
        return len(self.flat)

    @cached_property
    def centres(self) -> Array:
        """Their indices (z, y, x), int32 [voxel, 3]."""
        z, y, x = self._axes
        return array_module(self.flat).stack([z, y, x], axis=1).astype(np.int32)

    def values(self, image: Array) -> Array:
        """An image's values there, 1-D."""
        return image.ravel()[self.flat]

    def grid(self, values: Array, dtype: type) -> Array:
        """A grid with such values there, and 0 elsewhere."""
        out = array_module(self.flat).zeros(self.shape, dtype)
        out.ravel()[self.flat] = values
        return out

    def bordered(self, reach: int) -> Array:
        """Their indices, uint32, in a grid with a border `reach` wide."""
        if reach not in self._bordered:
            (z, y, x), (_, ny, nx) = self._axes, self.shape
            row, plane = nx + 2 * reach, (ny + 2 * reach) * (nx + 2 * reach)
            at = (z + reach) * plane + (y + reach) * row + (x + reach)
            self._bordered[reach] = at.astype(np.uint32)
        return self._bordered[reach]

    @property
    def _axes(self) -> tuple[Array, Array, Array]:
        _, ny, nx = self.shape
        return self.flat // (ny * nx), self.flat // nx % ny, self.flat % nx
