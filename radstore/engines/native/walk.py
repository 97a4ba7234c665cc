"""The walk through the graph: every filter once, every feature class on its image once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from radstore.engines.groups import Group
from radstore.engines.native.place import Place
from radstore.engines.native.plan import Plan, Transform, radius
from radstore.engines.native.prepare import Prepared
from radstore.engines.results import Results, recorded
from radstore.graph import Node
from radstore.images import filters
from radstore.images.arrays import array_module
from radstore.images.box import Box, grown, inside, placed
from radstore.texture import shape
from radstore.texture.places import Places
from radstore.texture.windows import Windows
from radstore.threads import threads

SMALLEST_BATCH = 64  # windows; where not even these fit, halving further does not help


class Row(NamedTuple):
    """A feature's row in the table of its class on its image: tables travel whole, not row by row."""

    table: Any
    row: int


def walk(ready: Prepared, plan: Plan, place: Place) -> Results:
    """The features of a prepared case.

    Returns
    -------
    Results
        Values: numbers (shape), or a `Row` of a table on `place` that has a column (ROI mode), or float32
        and one a voxel of the region in C order (voxel mode).

    Raises
    ------
    MemoryError
        If something does not fit, however small the batches.
    """
    return _Walk(ready, plan, place).run()


class _Walk:
    """One case on its way."""

    def __init__(self, ready: Prepared, plan: Plan, place: Place) -> None:
        self.ready, self.plan, self.place = ready, plan, place
        self.out = Results()
        self.cuts: dict[int, tuple[Box, Any, Places]] = {}

    def run(self) -> Results:
        out = self.out
        for group in self.plan.shapes:
            with recorded(partial(out.fail, group.features)):
                out.values.update(self._shape(group))
        for transform in self.plan.transforms:
            with recorded(partial(out.fail, transform.features)):
                for node, image, part in self._images(transform):
                    self._classes(image, part, transform.images.get(node, []))
            out.fail(transform.features, f"the filter {transform.node.op} gives no such image")
        return out

    def _shape(self, group: Group) -> dict[str, float]:
        ready = self.ready
        mask = ready.shape_mask[ready.shape_box]
        found = shape.features(mask, ready.spacing, group.wanted, group.family, group.settings)
        return {feature.name: found[feature.feature] for feature in group.features}

    def _images(self, transform: Transform) -> Iterator[tuple[Node, Any, Box]]:
        """The images that a transform gives, each with its node and the part of `ready.image` it covers."""
        ready = self.ready
        seen = transform.reads(ready.spacing, ready.shape, placed(ready.box, ready.part))
        part = inside(seen, ready.part)
        if not transform.filters:
            yield transform.node, ready.image[part], part
            return
        images = filters.apply(
            transform.node.op,
            ready.image[part],
            ready.spacing,
            transform.node.settings,
            ready.mask[part],
            threads(),
            bands=transform.bands,
            origin=[span.start for span in seen],
            largest=ready.largest,
        )
        for band in list(images):
            yield transform.image(band), images.pop(band), part  # let go when its features are done

    def _classes(self, image: Any, part: Box, groups: list[Group]) -> None:
        """The feature classes of one image; those whose windows are alike share them."""
        made: dict[int, Windows] = {}
        for group in groups:
            with recorded(partial(self.out.fail, group.features)):
                reach = radius(group)
                if reach not in made:
                    made[reach] = self._windows(image, part, reach)
                table = self._table(group, made[reach])
                rows = {name: Row(table, row) for row, name in enumerate(group.wanted)}
                self.out.values.update({feature.name: rows[feature.feature] for feature in group.features})

    def _windows(self, image: Any, part: Box, reach: int) -> Windows:
        cut, mask, places = self._cut(reach)
        centres = places.centres if self.plan.mode == "voxel" else None
        return Windows(image[inside(cut, part)], mask, self.ready.spacing, centres, places=places)

    def _cut(self, reach: int) -> tuple[Box, Any, Places]:
        """The box of the region ± `reach`, its mask, and where in it the region's voxels are."""
        if reach not in self.cuts:
            cut = grown(self.ready.box, (reach,) * 3, self.ready.mask.shape)
            mask = self.ready.mask[cut]
            self.cuts[reach] = cut, mask, Places.of(mask)
        return self.cuts[reach]

    def _table(self, group: Group, windows: Windows) -> Any:
        """[wanted feature, window]"""
        if windows.centres is None:
            table = windows.table(group.family, group.wanted, group.settings, threads())
        else:
            table = _in_batches(group, windows, self.place)
        self.out.note_levels(group, windows.levels(group.settings))
        return table


def _in_batches(group: Group, windows: Windows, place: Place) -> Any:
    """float32 [wanted feature, window], in batches that halve where memory runs out."""
    xp, centres = array_module(windows.image), windows.centres
    if centres is None:
        raise ValueError("windows of a whole region are not batched")
    found = xp.empty((len(group.wanted), len(centres)), np.float32)
    start, batch = 0, place.batch(len(centres))
    while start < len(centres):
        some = slice(start, start + batch)
        try:
            part = replace(windows, centres=centres[some])
            found[:, some] = part.table(group.family, group.wanted, group.settings, threads())
            start += batch
            continue
        except place.OutOfMemory:
            if batch <= SMALLEST_BATCH:
                raise
        batch //= 2
        place.release()  # only here: as long as the error is handled, its frames keep their arrays
    return found
