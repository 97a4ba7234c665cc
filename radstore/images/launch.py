"""CUDA kernels that work along lines of voxels: how the lines lie, and how many threads walk them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from radstore.images.arrays import Array, array_module

KERNELS = Path(__file__).parent / "kernels"
BLOCK = 128  # threads


@dataclass(frozen=True, eq=False)
class Lines:
    """All lines of an image along one axis.

    Parameters
    ----------
    image
        [z, y, x], C-contiguous.
    count, length
        How many lines, and voxels in each.
    inner
        How far apart a line's voxels lie in memory; adjacent lines lie side by side.
    """

    image: Array
    count: int
    length: int
    inner: int


def along_lines(image: Array, axis: int, run: Callable[[Lines], Array]) -> Array:
    """What `run` gives for the image's lines along an axis, as an array of the image's shape.

    Threads side by side shall read side by side, and lines along x (axis 2) lie behind each other: the
    image is turned for them, and the result turned back.
    """
    xp = array_module(image)
    if axis == 2:
        turned = along_lines(image.swapaxes(1, 2), 1, run)
        return xp.ascontiguousarray(turned.swapaxes(1, 2))
    z, y, x = image.shape
    length, inner = (z, y * x) if axis == 0 else (y, x)
    return run(Lines(xp.ascontiguousarray(image), image.size // length, length, inner))


def threads_for(items: int) -> tuple[tuple[int], tuple[int]]:
    """Grid and block of a launch with one thread an item."""
    return (-(-items // BLOCK),), (BLOCK,)
