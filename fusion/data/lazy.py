"""`LazyArray`: an array that is read when a box of it is asked for, as nnU-Net's loader does."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np

Box = tuple[slice, ...]
"""Along each axis from a first voxel to an end; steps of 1."""


def boxed(key: Any, shape: tuple[int, ...]) -> tuple[Box, tuple[Any, ...]]:
    """What an index asks of an array: the box to read, and what to take of it (axes given by ints go away).

    Raises
    ------
    IndexError
        If the index is anything but slices of step 1, ints and an ellipsis, or lies outside.
    """
    given = list(key) if isinstance(key, tuple) else [key]
    places = [place for place, item in enumerate(given) if item is Ellipsis] or [len(given)]
    missing = [slice(None)] * (len(shape) - sum(item is not Ellipsis for item in given))
    given[places[0] : places[0] + 1] = missing
    if len(given) != len(shape) or len(places) > 1:
        raise IndexError(f"{key!r} does not index an array of shape {shape}")
    box: list[slice] = []
    taken: list[Any] = []
    for item, size in zip(given, shape, strict=True):
        if isinstance(item, slice):
            start, stop, step = item.indices(size)
            if step != 1:
                raise IndexError(f"{key!r}: only steps of 1 are read lazily; take the box, then the step")
            box.append(slice(start, max(start, stop)))
            taken.append(slice(None))
        else:
            at = operator.index(item)
            if not -size <= at < size:
                raise IndexError(f"{key!r} lies outside an array of shape {shape}")
            box.append(slice(at % size, at % size + 1))
            taken.append(0)
    return tuple(box), tuple(taken)


def extent(box: Box) -> tuple[int, ...]:
    """The shape of a box."""
    return tuple(span.stop - span.start for span in box)


class LazyArray(ABC):
    """An array of a block that is read when a box of it is asked for.

    Can be pickled and forked: it ships no handle.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    fill: float  # of what is not stored
    reason = ""  # why it is read by zarr; empty where it is memory-mapped

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @abstractmethod
    def pieces(self, box: Box) -> Iterator[tuple[Box, np.ndarray]]:
        """What is stored of a box: where in the box, and the values, good until the next piece is asked for.

        Raises
        ------
        CorruptBlock
            If the bytes are damaged.
        """

    def __getitem__(self, key: Any) -> np.ndarray:
        box, taken = boxed(key, self.shape)
        made = np.full(extent(box), self.fill, self.dtype) if self.fill else np.zeros(extent(box), self.dtype)
        for where, values in self.pieces(box):
            made[where] = values
        return made[taken]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[...], dtype)
