"""`NetworkInput`: the network's input of a case, made while a box of its sample is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fusion.data.lazy import Box, LazyArray, boxed, extent
from fusion.recipe import REGION, Recipe


class NetworkInput:
    """The network's input of a case, float32 (channel, z, y, x), made when a box of it is asked for.

    Parameters
    ----------
    recipe
        Makes each channel, as `Recipe.network_input` does of a whole sample.
    names
        The sample's channels.
    data, region
        Of the sample; `region` is read only where it is a channel.
    """

    dtype = np.dtype(np.float32)
    ndim = 4

    def __init__(
        self, recipe: Recipe, names: Sequence[str], data: LazyArray, region: LazyArray | None
    ) -> None:
        self._recipe, self._data, self._region = recipe, data, region
        self._places = {name: place for place, name in enumerate(names)}
        self.shape = (len(recipe.channels), *data.shape[1:])

    def __getitem__(self, key: Any) -> np.ndarray:
        (channels, *box), taken = boxed(key, self.shape)
        names = self._recipe.channels[channels]
        made = np.zeros((len(names), *extent(tuple(box))), np.float32)
        for into, name in zip(made, names, strict=True):
            self._read(name, tuple(box), into)
        return made[taken]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[...], dtype)

    def _read(self, name: str, box: Box, into: np.ndarray) -> None:
        """Make one channel of a box, piece by piece while it is in the processor's cache; `into` holds 0."""
        if name == REGION and self._region is not None:
            for where, values in self._region.pieces(box):
                into[where] = values
            return
        place = self._places[name]
        undefined = self._recipe.channel_input(name, np.full((), self._data.fill, self._data.dtype))
        if undefined != 0:  # so it is not for a map: what is undefined is the mean, 0
            into[...] = undefined
        for where, values in self._data.pieces((slice(place, place + 1), *box)):
            into[where[1:]] = self._recipe.channel_input(name, values[0])
