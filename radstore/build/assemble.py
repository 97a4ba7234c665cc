"""A block of features or maps from what earlier blocks hold already and what is still to compute.

The unit of reuse is one feature of one case: a column whose recipe an earlier block of the case lists is
copied, the rest is computed in one call of the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radstore.engines.base import Engine
from radstore.graph import Graph
from radstore.images.volume import Geometry, Volume
from radstore.store import blocks
from radstore.store.blocks import Block
from radstore.store.bucket import Bucket


@dataclass(frozen=True, eq=False)
class Source:
    """What the columns of one block are made from.

    Parameters
    ----------
    image, mask
        The case.
    graph
        The features the block holds.
    recipes
        Feature → its key.
    engine
        Who computes what is missing.
    keep_bits
        Mantissa bits that maps keep; None: all.
    """

    image: Volume
    mask: Volume
    graph: Graph
    recipes: Mapping[str, str]
    engine: Engine
    keep_bits: int | None = None

    def missing(self, found: Mapping[str, Any]) -> Graph:
        """The part of the graph that no earlier block holds."""
        return self.graph.only([name for name in self.graph.names if name not in found])

    def content(self, failures: Mapping[str, str], notes: Mapping[str, str]) -> dict[str, Any]:
        """What every block of columns says of itself; notes (see `Vector`) only where there are some."""
        names = list(self.graph.names)
        recipes = [self.recipes[name] for name in names]
        told = {"notes": {name: notes[name] for name in names if name in notes}} if notes else {}
        return {"names": names, "recipes": recipes, "failures": dict(failures), **told}


def assemble_vector(
    source: Source, bucket: Bucket, earlier: Sequence[str], provenance: Mapping[str, Any]
) -> tuple[Block, int]:
    """The ``features`` block, and how many of its columns were computed."""
    found: dict[str, float] = {}
    notes: dict[str, str] = {}
    for folder in earlier:
        columns = _same_columns(source, bucket, folder, found)
        if columns:
            notes |= _same_notes(columns, bucket, folder)
            values = blocks.load(bucket, folder).arrays["features"]
            found |= {name: float(values[at]) for name, at in columns.items()}
    rest = source.missing(found)
    failures: Mapping[str, str] = {}
    if rest.features:
        vector = source.engine.vector(source.image, source.mask, rest)
        found |= vector.values
        notes |= vector.notes
        failures, provenance = vector.failures, _computed_on(vector.device, provenance)
    array = np.array([found[name] for name in source.graph.names], dtype=np.float64)
    block = Block("features", {"features": array}, None, source.content(failures, notes), provenance)
    return block, len(rest.features)


def assemble_maps(
    source: Source, bucket: Bucket, earlier: Sequence[str], provenance: Mapping[str, Any]
) -> tuple[Block, int]:
    """The ``maps`` block, and how many of its columns were computed."""
    found: dict[str, np.ndarray] = {}
    notes: dict[str, str] = {}
    frame: _Frame | None = None
    for folder in earlier:
        columns = _same_columns(source, bucket, folder, found)
        if columns:
            notes |= _same_notes(columns, bucket, folder)
            block = blocks.load(bucket, folder)
            frame = _Frame.of_block(block)
            found |= {name: block.arrays["maps"][at] for name, at in columns.items()}
    rest = source.missing(found)
    failures: Mapping[str, str] = {}
    if rest.features or frame is None:
        maps = source.engine.maps(source.image, source.mask, rest)
        frame = _Frame(maps.region, maps.geometry, maps.grid)
        found |= {name: rounded(maps.array[at], source.keep_bits) for at, name in enumerate(maps.names)}
        notes |= maps.notes
        failures, provenance = maps.failures, _computed_on(maps.device, provenance)
    array = np.stack([found[name] for name in source.graph.names])
    content = {**source.content(failures, notes), "grid": frame.grid.to_json()}
    block = Block("maps", {"maps": array, "region": frame.region}, frame.geometry, content, provenance)
    return block, len(rest.features)


@dataclass(frozen=True, eq=False)
class _Frame:
    """Where maps lie. Columns with equal recipes share it: the mask's node is part of every recipe."""

    region: np.ndarray
    geometry: Geometry
    grid: Geometry

    @classmethod
    def of_block(cls, block: Block) -> _Frame:
        if block.geometry is None:
            raise ValueError("a block of maps without geometry")
        return cls(block.arrays["region"], block.geometry, Geometry.from_json(block.content["grid"]))


def _same_columns(source: Source, bucket: Bucket, folder: str, found: Mapping[str, Any]) -> dict[str, int]:
    """Feature → its place in an earlier block, for those with the same recipe that did not fail there."""
    content = blocks.attributes(bucket, folder)["content"]
    places = {recipe: at for at, recipe in enumerate(content["recipes"])}
    failed = set(content["failures"])
    return {
        name: places[recipe]
        for name, recipe in source.recipes.items()
        if recipe in places and name not in found and content["names"][places[recipe]] not in failed
    }


def _same_notes(columns: Mapping[str, int], bucket: Bucket, folder: str) -> dict[str, str]:
    """What an earlier block notes on columns that are copied from it (feature → its place there)."""
    content = blocks.attributes(bucket, folder)["content"]
    there = {name: content["names"][at] for name, at in columns.items()}
    noted = content.get("notes", {})
    return {name: noted[old] for name, old in there.items() if old in noted}


def _computed_on(device: str, provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    """Say on which device, where the engine had to leave its own."""
    return {**provenance, "device": device} if device else provenance


def rounded(array: np.ndarray, keep_bits: int | None) -> np.ndarray:
    """Float32 with its mantissa rounded to `keep_bits` of 23 bits (round half to even).

    The rest of the mantissa is zero and compresses away; the relative error is at most 2^-(keep_bits + 1).
    NaN and infinities stay, and so does what would become infinite.
    """
    if keep_bits is None:
        return array
    drop = 23 - keep_bits
    bits = array.view(np.uint32)
    half = np.uint32((1 << (drop - 1)) - 1)
    odd = (bits >> np.uint32(drop)) & np.uint32(1)
    shorter = (((bits + half + odd) >> np.uint32(drop)) << np.uint32(drop)).view(np.float32)
    return np.where(np.isfinite(array) & np.isfinite(shorter), shorter, array)
