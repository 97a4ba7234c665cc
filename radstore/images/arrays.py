"""NumPy or CuPy: which library an array belongs to.

Code that takes ``xp = array_module(array)`` and stays with what both libraries have runs where its arrays
are. CuPy is imported only when one of its arrays comes along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, TypeAlias, TypeVar

import numpy as np

Array: TypeAlias = Any
"""A ``numpy.ndarray`` or a ``cupy.ndarray``."""

T = TypeVar("T")


def on_device(array: Array) -> bool:
    """Whether an array lies in a GPU's memory."""
    return type(array).__module__.partition(".")[0] == "cupy"


def array_module(array: Array) -> Any:
    """``numpy`` or ``cupy``, whichever `array` belongs to."""
    return import_module("cupy") if on_device(array) else np


def ndimage(array: Array) -> Any:
    """``scipy.ndimage`` or ``cupyx.scipy.ndimage``, whichever takes `array`."""
    return import_module("cupyx.scipy.ndimage" if on_device(array) else "scipy.ndimage")


def to_host(array: Array) -> np.ndarray:
    """The array as NumPy's; a copy only if it was on a device."""
    return array.get() if on_device(array) else np.asarray(array)


def like(array: np.ndarray, other: Array) -> Array:
    """The array where `other` is; a copy only if that is a device."""
    return array_module(other).asarray(array)


def in_slabs(work: Callable[[slice], T], length: int, thickness: int, threads: int) -> list[T]:
    """``work`` on one slab after the other of an axis of `length`, on up to `threads` threads.

    NumPy walks an array once for every operation: on slabs that stay in the processor's cache that is several
    times faster than on a whole volume. Its operations release the interpreter lock, so threads run side by side.
    """
    slabs = [slice(at, min(at + thickness, length)) for at in range(0, length, max(1, thickness))]
    return each(work, slabs, threads)


def each(work: Callable[[Any], T], items: Iterable[Any], threads: int) -> list[T]:
    """``work(item)`` for each item, in their order, on up to `threads` threads."""
    items = list(items)
    if threads <= 1 or len(items) <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def slab_thickness(array: Array, axis: int = 0, width: int = 8) -> int:
    """How many planes across `axis` make a slab of about half a megabyte at `width` bytes a voxel.

    On a device: all of them, for a kernel wants the whole.
    """
    planes = int(array.shape[axis])
    if on_device(array):
        return max(1, planes)
    return max(1, SLAB_BYTES * planes // max(1, array.size * width))


SLAB_BYTES = 1 << 19
