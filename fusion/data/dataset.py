"""`StoreDataset`: nnU-Net's dataset over a store. Voxels are read when the loader asks for a patch."""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from typing import Any

import numpy as np

import fusion.nnunet  # noqa: F401  (before nnunetv2)

# isort: split
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetBaseDataset

from fusion.data.lazy import LazyArray
from fusion.data.locate import Located, locate, no_case
from fusion.data.network_input import NetworkInput
from fusion.data.shards import attributes, open_array
from fusion.data.vectors import vectors_of
from fusion.data.view import View
from fusion.recipe import REGION
from fusion.samples.sample import class_locations
from radstore.errors import BadInput
from radstore.split.roll import some
from radstore.store.bucket import Bucket

logger = logging.getLogger(__name__)

KEPT = 64  # cases whose properties one process keeps; 10,000 places a label are about 1 MB a case


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
        What was said at the beginning: cases without a sample or a vector, and why reading is slow.

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
        self._located = locate(self.view, snapshot, self.identifiers)
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
        found = self._located.get(identifier)
        if found is None:
            raise no_case(identifier, self._located, self.source_folder)
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

    def _open(self, found: Located, name: str) -> LazyArray:
        return _array(self._bucket, f"{found.path}/{name}")

    def _said(self) -> list[str]:
        said = []
        if self.view.left_out:
            reasons = [f"{case} ({reason})" for case, reason in self.view.left_out.items()]
            said.append(f"without a sample, left out: {some(reasons)}")
        if self.without_vector:
            said.append(
                f"without a vector in {self.recipe.view}, given the network's token for a missing one: "
                f"{some(self.without_vector)}"
            )
        slow = self._open(next(iter(self._located.values())), "data").reason if self._located else ""
        if slow:
            said.append(f"patches are read by zarr, several times slower: {slow}")
        return said


@lru_cache(maxsize=8192)  # small: no handles, no voxels
def _array(bucket: Bucket, path: str) -> LazyArray:
    return open_array(bucket, path)


@lru_cache(maxsize=KEPT)
def _properties(bucket: Bucket, path: str, labels: tuple[int, ...]) -> dict[str, Any]:
    places = np.asarray(_array(bucket, f"{path}/locations"))
    properties = attributes(bucket, path)["content"]["properties"]
    return {**properties, "class_locations": class_locations(places, labels)}
