"""`StoreDataset`: nnU-Net's dataset over a store. Voxels are read when the loader asks for a patch."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

import fusion.nnunet  # noqa: F401  (before nnunetv2)

# isort: split
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetBaseDataset

from fusion.recipe import REGION, Recipe
from fusion.samples.sample import class_locations
from fusion.shards import Box, LazyArray, attributes, boxed, extent, open_array
from fusion.vectors import vectors_of
from fusion.view import View
from radstore.errors import BadInput
from radstore.store import blocks, layout
from radstore.store.bucket import Bucket, for_each
from radstore.store.query import Snapshot
from radstore.suggest import near_miss

logger = logging.getLogger(__name__)

KEPT = 64  # cases whose properties one process keeps; 10,000 places a label are about 1 MB a case
NAMED = 3  # cases that a message names


class Found(NamedTuple):
    """Where a case's sample lies in the store, and what its channels are."""

    path: str
    names: tuple[str, ...]


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


class StoreDataset(nnUNetBaseDataset):  # type: ignore[misc]
    """nnU-Net's dataset over a store.

    Parameters
    ----------
    folder
        nnU-Net's preprocessed folder, with a ``view.json``.
    identifiers
        The cases; default: all of the view.
    folder_with_segs_from_previous_stage
        Must be None: our Stage 2 is no cascade.

    Attributes
    ----------
    view, recipe
        What is read, and how it becomes the network's input.
    without_vector
        Cases that have no vector although the row has one; the network has a token for that.
    notices
        What was said at the beginning: cases without a vector, and why reading is slow.

    Raises
    ------
    BadInput
        If a case is not of the view, has no sample or a failed one, or one of another spec, without a channel
        that the recipe names, or without labels.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        identifiers: list[str] | None = None,
        folder_with_segs_from_previous_stage: str | None = None,
    ) -> None:
        if folder_with_segs_from_previous_stage is not None:
            raise BadInput(
                f"a cascade from {folder_with_segs_from_previous_stage} was asked for",
                "Stage 2 is no cascade of nnU-Net's: take a configuration without a previous stage.",
            )
        self.view = View.load(folder)
        self.recipe = self.view.recipe
        super().__init__(os.fspath(folder), list(self.view.cases if identifiers is None else identifiers))
        snapshot = self.view.open()
        self._bucket = snapshot.bucket
        self._found = _find(self.view, snapshot, self.identifiers)
        self._vectors = vectors_of(self.view, snapshot) if self.recipe.inputs.vector else {}
        self.without_vector = tuple(
            case for case in self.identifiers if self.recipe.inputs.vector and case not in self._vectors
        )
        self.notices = tuple(self._said())
        for notice in self.notices:
            logger.warning(notice)

    @staticmethod
    def get_identifiers(folder: str) -> list[str]:
        """The cases of the folder's view."""
        return list(View.load(folder).cases)

    def load_case(self, identifier: str) -> tuple[NetworkInput, LazyArray, None, dict[str, Any]]:
        """As nnU-Net's loader wants it: data and labels, both lazy, no previous stage, and properties.

        Returns
        -------
        tuple
            `NetworkInput`; labels, int8 (1, z, y, x), lazy; None; nnU-Net's properties of the case, with
            ``class_locations``.

        Raises
        ------
        BadInput
            If the case is not of this dataset.
        CorruptBlock
            If its sample is damaged.
        """
        found = self._found.get(identifier)
        if found is None:
            raise _no_case(identifier, self._found, self.source_folder)
        region = self._open(found, REGION) if self.recipe.inputs.region else None
        data = NetworkInput(self.recipe, found.names, self._open(found, "data"), region)
        return data, self._open(found, "seg"), None, dict(_properties(self._bucket, found.path, self._labels))

    def vector(self, identifier: str) -> np.ndarray | None:
        """The network's vector of a case, float32 (n,), standardised; None: it has none, or the row has none.

        With ``ct+permuted``: another case's.
        """
        return self._vectors.get(identifier)

    @staticmethod
    def save_case(data: Any, seg: Any, properties: Any, output_filename_truncated: str) -> None:
        """Refused: samples are made by `fusion.samples.materialise`, in the store."""
        raise BadInput(
            f"{output_filename_truncated}: a store's dataset is for reading",
            "Make samples with `fusion plan`.",
        )

    @property
    def _labels(self) -> tuple[int, ...]:
        return tuple(label for label in self.recipe.labels.values() if label)

    def _open(self, found: Found, name: str) -> LazyArray:
        return _array(self._bucket, f"{found.path}/{name}")

    def _said(self) -> list[str]:
        said = []
        if self.without_vector:
            said.append(
                f"{len(self.without_vector)} of {len(self.identifiers)} cases have no vector in "
                f"{self.recipe.view} and are given the network's token for a missing one: "
                f"{_some(self.without_vector)}"
            )
        slow = self._open(next(iter(self._found.values())), "data").reason if self._found else ""
        if slow:
            said.append(f"patches are read by zarr, several times slower: {slow}")
        return said


def _find(view: View, snapshot: Snapshot, cases: Sequence[str]) -> dict[str, Found]:
    """Where each case's sample lies; all that can be wrong with one is found before a training begins."""
    for case in cases:
        if case not in view.cases:
            raise _no_case(case, view.cases, "the view")
    entries = [snapshot.case(case).entry(view.block) for case in cases]

    def look(key: str) -> tuple[str, dict[str, Any]]:
        path = blocks.path_of(snapshot.bucket, layout.object_folder(key))
        return path, attributes(snapshot.bucket, path)

    found = {}
    looked = for_each(snapshot.bucket, look, [entry.key for entry in entries])
    for case, (path, attrs) in zip(cases, looked, strict=True):
        _refuse_unfit(case, view, attrs)
        found[case] = Found(path, tuple(attrs["content"]["names"]))
    return found


def _refuse_unfit(case: str, view: View, attrs: Mapping[str, Any]) -> None:
    recipe, content, arrays = view.recipe, attrs["content"], attrs["arrays"]
    if content["spec_hash"] != recipe.spec_hash:
        raise BadInput(
            f"case {case}: {view.block} was made with spec {content['spec_hash'][:12] or '(none)'}, "
            f"the recipe says {recipe.spec_hash[:12] or '(none)'}",
            "Make samples and model with the same spec: run `fusion plan` again.",
        )
    there = [*content["names"], *(name for name in arrays if name == REGION)]
    missing = [name for name in recipe.channels if name not in there]
    if missing:
        raise BadInput(
            f"case {case}: {view.block} has no channel {missing[0]!r} (it has {', '.join(there)})",
            "Make samples and model from the same plan: run `fusion plan` again.",
        )
    if not {"seg", "locations"} <= set(arrays):
        raise BadInput(f"case {case}: {view.block} has no labels", "Leave it out, or give it labels.")


@lru_cache(maxsize=8192)  # small: no handles, no voxels
def _array(bucket: Bucket, path: str) -> LazyArray:
    return open_array(bucket, path)


@lru_cache(maxsize=KEPT)
def _properties(bucket: Bucket, path: str, labels: tuple[int, ...]) -> dict[str, Any]:
    places = np.asarray(_array(bucket, f"{path}/locations"))
    properties = attributes(bucket, path)["content"]["properties"]
    return {**properties, "class_locations": class_locations(places, labels)}


def _no_case(case: str, known: Mapping[str, Any], where: str) -> BadInput:
    close = near_miss(case, known)
    hint = f"Did you mean {close!r}? " if close else ""
    return BadInput(f"no case {case!r} among the {len(known)} of {where}", f"{hint}See `radstore ls`.")


def _some(cases: Sequence[str]) -> str:
    return ", ".join(cases[:NAMED]) + (", …" if len(cases) > NAMED else "")
