"""Linear interpolation of maps and masks onto the network's grid, without what is undefined bleeding in.

Both grids have the same axes, so the eight weights of a voxel are products of two along each axis, and one
axis is done after the other.
"""

from __future__ import annotations

import numpy as np

from radstore.errors import BadInput
from radstore.images.volume import Geometry

HALF = 0.5 - 1e-6  # a voxel half defined, or half in the region, counts as such whatever the last bits say
ALIGNED = 1e-5  # two grids' direction cosines may differ by this: 3 µm at 30 cm


class Linear:
    """Trilinear interpolation from one grid onto another with the same axes.

    Parameters
    ----------
    source, target
        The grids.

    Raises
    ------
    BadInput
        If their axes differ.
    """

    def __init__(self, source: Geometry, target: Geometry) -> None:
        if not np.allclose(source.direction, target.direction, rtol=0, atol=ALIGNED):
            raise BadInput(
                f"the axes of two grids differ: {source.direction} and {target.direction}",
                "Compute the maps on the CT they are used with.",
            )
        first = np.array(source.index(target.origin))
        step = np.array(target.spacing) / source.spacing
        at = [first[axis] + step[axis] * np.arange(target.size[axis]) for axis in (2, 1, 0)]
        reach = [(here > -1) & (here < n) for here, n in zip(at, source.shape, strict=True)]
        self._at = [here[there] for here, there in zip(at, reach, strict=True)]
        z, y, x = (_span(there) for there in reach)
        self.box = (z, y, x)
        """The voxels (z, y, x) of the target that some voxel of the source has a weight for."""

    def mean(self, values: np.ndarray) -> np.ndarray:
        """The weighted mean Σ w·v / Σ w over the defined voxels (finite values) around each target voxel.

        Parameters
        ----------
        values
            (z, y, x) on the source's grid.

        Returns
        -------
        numpy.ndarray
            float32, `box` of the target's grid; NaN where Σ w < ½.
        """
        defined = np.isfinite(values)
        weight = self._sum(defined.astype(float))
        total = self._sum(np.where(defined, values, 0).astype(float))
        enough = weight >= HALF
        found = np.full(weight.shape, np.nan)
        np.divide(total, weight, out=found, where=enough)
        return found.astype(np.float32)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Where a mask, continued beyond its borders, has a weight of at least ½; bool, as `mean`."""
        beyond = [at.clip(0, n - 1) for at, n in zip(self._at, mask.shape, strict=True)]
        return _weighted(mask.astype(float), beyond) >= HALF

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return _weighted(values, self._at)


def _weighted(values: np.ndarray, at: list[np.ndarray]) -> np.ndarray:
    """Σ w·v at the positions `at` along z, y, x (in voxels); what lies outside counts as 0."""
    for axis, here in enumerate(at):
        low = np.floor(here).astype(int)
        share = here - low
        values = _taken(values, axis, low, 1 - share) + _taken(values, axis, low + 1, share)
    return values


def _taken(values: np.ndarray, axis: int, index: np.ndarray, weight: np.ndarray) -> np.ndarray:
    last = values.shape[axis] - 1
    weight = np.where((index >= 0) & (index <= last), weight, 0.0)
    taken = values.take(index.clip(0, last), axis)
    taken *= np.expand_dims(weight, [other for other in range(3) if other != axis])
    return taken


def _span(there: np.ndarray) -> slice:
    """From the first to the last True; empty where there is none."""
    found = np.flatnonzero(there)
    return slice(int(found[0]), int(found[-1]) + 1) if found.size else slice(0, 0)
