"""`Sample`: what a network is given of one case, and the store's block of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from radstore.images.box import bounding_box
from radstore.images.volume import Geometry
from radstore.store.blocks import TRAINING, Block


@dataclass(frozen=True, eq=False)
class Sample:
    """One case on the network's grid; array axes in the order of the plans' ``transpose_forward``.

    Parameters
    ----------
    data
        float32 (channel, z, y, x): the CT as the plans normalise it, then maps in their units, NaN where
        they are undefined and outside the region.
    names
        What the channels are.
    region
        uint8 (z, y, x), 0 or 1; None for Stage 1.
    seg
        int8 (1, z, y, x), the plan's labels; None where there are none.
    locations
        int32 (n, 4), rows of label, z, y, x: some voxels of each label, for nnU-Net's oversampling; None
        where there are no labels.
    properties
        nnU-Net's own of the case, as plain JSON: ``spacing``, ``sitk_stuff``, ``shape_before_cropping``,
        ``bbox_used_for_cropping``, ``shape_after_cropping_and_before_resampling``; its exporter puts a
        prediction back into the whole CT with them. And ours: ``stray_labels`` (label → voxels that became
        background), ``vanished_labels`` (those too small for this grid).
    geometry
        The network's grid in the patient.
    """

    data: np.ndarray
    names: tuple[str, ...]
    region: np.ndarray | None = None
    seg: np.ndarray | None = None
    locations: np.ndarray | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    geometry: Geometry | None = None

    @property
    def region_box(self) -> list[list[int]] | None:
        """First voxel and end of the region along z, y, x; None where there is none."""
        box = None if self.region is None else bounding_box(self.region)
        return None if box is None else [[span.start, span.stop] for span in box]

    def to_block(self, provenance: Mapping[str, Any] | None = None) -> Block:
        """As a block of the store.

        Parameters
        ----------
        provenance
            Where it comes from: the inputs' digests, the plan, ….
        """
        arrays = {name: getattr(self, name) for name in ("data", "region", "seg", "locations")}
        content = {
            "names": list(self.names),
            "properties": dict(self.properties),
            "region_box": self.region_box,
        }
        there = {name: array for name, array in arrays.items() if array is not None}
        return Block(TRAINING, there, self.geometry, content, provenance or {})

    @classmethod
    def from_block(cls, block: Block) -> Sample:
        """The inverse of `to_block`."""
        content = block.content
        return cls(
            names=tuple(content["names"]),
            properties=content["properties"],
            geometry=block.geometry,
            data=block.arrays["data"],
            region=block.arrays.get("region"),
            seg=block.arrays.get("seg"),
            locations=block.arrays.get("locations"),
        )


def class_locations(locations: np.ndarray, labels: Iterable[int]) -> dict[int, np.ndarray]:
    """As nnU-Net's loader wants them in ``properties["class_locations"]``.

    Parameters
    ----------
    locations
        int32 (n, 4), as in `Sample`.
    labels
        The plan's foreground labels; those without a voxel get an empty array.

    Returns
    -------
    dict
        Label → int64 (n, 4), rows of 0 (the channel), z, y, x.
    """
    found = {}
    for label in labels:
        rows = locations[locations[:, 0] == label].astype(np.int64)
        rows[:, 0] = 0
        found[int(label)] = rows
    return found
