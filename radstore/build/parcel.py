"""A case's image and mask on their way from the worker that decoded them to the one that computes.

What is pickled is what counts: the mask's box, and of the image the same box with the margin that the engine
reads. A CT of 200 MB is then a few MB; on arrival it lies in its whole grid again, zeros around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from radstore.build.job import Inputs
from radstore.images.box import Box, bounding_box, grown, whole
from radstore.images.volume import Geometry, Index3, Volume

NOTHING: Box = (slice(0, 0), slice(0, 0), slice(0, 0))


@dataclass(frozen=True, eq=False)
class Parcel:
    """An image and a mask on its grid.

    Parameters
    ----------
    image, mask
        The case.
    inputs
        Their digests.
    margin
        How far outside the mask's box the image is read, in voxels (z, y, x); None: all of it may be.
    """

    image: Volume
    mask: Volume
    inputs: Inputs
    margin: Index3 | None = None

    def __getstate__(self) -> dict[str, Any]:
        mask_box, shape = bounding_box(self.mask.array) or NOTHING, self.image.array.shape
        image_box = whole(shape) if self.margin is None else grown(mask_box, self.margin, shape)
        return {
            "image": _packed(self.image, image_box),
            "mask": _packed(self.mask, mask_box),
            "inputs": self.inputs,
            "margin": self.margin,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name in ("image", "mask"):
            object.__setattr__(self, name, _unpacked(*state[name]))
        for name in ("inputs", "margin"):
            object.__setattr__(self, name, state[name])

    def __sizeof__(self) -> int:
        """Bytes here; tells Dask to compute where the arrays are, if that worker can."""
        return int(self.image.array.nbytes + self.mask.array.nbytes)


def _packed(volume: Volume, box: Box) -> tuple[Geometry, str, Box, np.ndarray]:
    return volume.geometry, volume.source, box, np.ascontiguousarray(volume.array[box])


def _unpacked(geometry: Geometry, source: str, box: Box, inside: np.ndarray) -> Volume:
    """The whole volume; the zeros around the box take no memory until somebody writes there."""
    if inside.shape == geometry.shape:
        return Volume(inside, geometry, source)
    array = np.zeros(geometry.shape, inside.dtype)
    array[box] = inside
    return Volume(array, geometry, source)
