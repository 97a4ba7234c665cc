"""What an engine is: the one interface between the numbers and everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from radstore.graph import Graph
from radstore.images.volume import Geometry, Index3, Volume


@dataclass(frozen=True, eq=False)
class Vector:
    """A case's global features.

    Parameters
    ----------
    values
        Feature name → value, in the graph's order; NaN where the feature is undefined.
    failures
        Feature name → why it could not be computed (its value is NaN). Never silently empty.
    device
        Where it was computed, if not on the engine's own device.
    notes
        Feature name → why its value says nothing about this region, though it is right: one grey level.
    """

    values: Mapping[str, float]
    failures: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Maps:
    """A case's parametric maps, cropped to the region.

    Parameters
    ----------
    names
        Feature names, in the graph's order.
    array
        float32 [feature, z, y, x], NaN outside the region.
    region
        uint8 [z, y, x]: the region on the maps' grid (a NaN inside it is an undefined feature).
    geometry
        The cropped grid that `array` lies on.
    grid
        The whole grid it was cropped from: the image's own, or the resampled one over the image's extent.
    failures
        Feature name → why it could not be computed.
    device
        Where they were computed, if not on the engine's own device.
    notes
        As of `Vector`.
    """

    names: tuple[str, ...]
    array: np.ndarray
    region: np.ndarray
    geometry: Geometry
    grid: Geometry
    failures: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """A way of computing the features of a graph.

    `name` is what ``--engine`` takes, `family` what enters the keys (two engines that give the same
    numbers share it), `device` where it runs, for the record.
    """

    name: str
    family: str
    device: str

    def version(self, op: str) -> str:
        """The algorithm version of an operation, e.g. ``pyradiomics/3.1.4``: part of every key below it."""
        ...

    def refusals(self, graph: Graph) -> dict[str, str]:
        """Feature name → why this engine cannot compute it here, with a remedy; empty when it can do all."""
        ...

    def memory(self, graph: Graph, image: Geometry) -> int:
        """Upper estimate of the bytes one case takes, from its header alone."""
        ...

    def vector(self, image: Volume, mask: Volume, graph: Graph) -> Vector:
        """The global features of one case.

        Raises
        ------
        RegionError
            If the mask cannot be used (too small, too few dimensions, nothing left after resegmentation).
        """
        ...

    def maps(self, image: Volume, mask: Volume, graph: Graph) -> Maps:
        """The parametric maps of one case; raises as `vector` does."""
        ...


@runtime_checkable
class Local(Protocol):
    """An engine that knows how far from the region it reads; others are handed whole images."""

    def margin(self, graph: Graph, image: Geometry) -> Index3 | None:
        """Voxels (z, y, x) around the mask's box beyond which no voxel changes a number; None: all may.

        What lies beyond may be replaced by zeros on the way to the engine.
        """
        ...
