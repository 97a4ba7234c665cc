"""An image whose values are made when they are read: only the part that is needed, and where it is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from radstore.images.arrays import Array
from radstore.images.box import Box


@dataclass(frozen=True, eq=False)
class Lazy:
    """What `make` makes of an array, part by part.

    Parameters
    ----------
    source
        [z, y, x], NumPy or CuPy.
    make
        Values → values, voxel by voxel; NumPy or CuPy.
    dtype
        Of what it makes.
    """

    source: Array
    make: Callable[[Array], Array]
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """z, y, x."""
        return tuple(self.source.shape)

    def __getitem__(self, part: Box | tuple[Array, ...]) -> Array:
        return self.make(self.source[part])
