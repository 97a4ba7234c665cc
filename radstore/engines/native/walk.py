"""The walk through the graph: every filter once, every feature class on its image once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from radstore.engines.groups import Group, by_transform, grouped
from radstore.engines.native.place import Place
from radstore.engines.native.prepare import Prepared, Reads
from radstore.engines.results import Results, recorded
from radstore.graph import Feature, Graph, Node
from radstore.images import filters
from radstore.images.arrays import array_module
from radstore.images.box import Box, around, grown, inside, placed
from radstore.texture import shape
from radstore.texture.names import has_map
from radstore.texture.windows import Windows
from radstore.threads import threads

SMALLEST_BATCH = 64  # windows; where not even these fit, halving further does not help


def reads(graph: Graph, spacing: tuple[float, float, float]) -> Reads:
    """From an image's shape and the region's box in it: the part that filters and features read."""

    def part(shape: Sequence[int], box: Box) -> Box:
        parts = [
            _part_for(transform, features, graph, spacing, shape, box)
            for transform, features in _textures(graph).items()
        ]
        return around([box, *parts])

    return part


def asks_largest(graph: Graph) -> bool:
    """Whether a filter asks for the largest absolute value of the whole image."""
    return any(transform.op in filters.POINTWISE for transform in _textures(graph))


def walk(ready: Prepared, graph: Graph, place: Place) -> Results:
    """The features of a prepared case.

    Returns
    -------
    Results
        Values on `place`: in ROI mode arrays of one number (shape: numbers), in voxel mode float32 arrays
        over the region's voxels in C order.

    Raises
    ------
    MemoryError
        If something does not fit, however small the batches.
    """
    return _Walk(ready, graph, place).run()


class _Walk:
    """One case on its way through the graph."""

    def __init__(self, ready: Prepared, graph: Graph, place: Place) -> None:
        self.ready, self.graph, self.place = ready, graph, place
        self.out = Results()
        self.cut = cache(self._cut)

    def run(self) -> Results:
        out = self.out
        for group in grouped(f for f in self.graph if not has_map(f.family)):
            with recorded(partial(out.fail, group.features)):
                out.values.update(self._shape(group))
        for transform, features in _textures(self.graph).items():
            with recorded(partial(out.fail, features)):
                for node, image, part in self._images(transform, features):
                    self._classes(image, part, [f for f in features if f.filtered == node])
            out.fail(features, f"the filter {transform.op} gives no such image")
        return out

    def _shape(self, group: Group) -> dict[str, float]:
        ready = self.ready
        mask = ready.shape_mask[ready.box]
        found = shape.features(mask, ready.spacing, group.wanted, group.family, group.settings)
        return {feature.name: found[feature.feature] for feature in group.features}

    def _images(self, transform: Node, features: list[Feature]) -> Iterator[tuple[Node, Any, Box]]:
        """The images that a transform gives, each with its node and the part of `ready.image` it covers."""
        ready = self.ready
        box = placed(ready.box, ready.part)
        seen = _part_for(transform, features, self.graph, ready.spacing, ready.shape, box)
        part = inside(seen, ready.part)
        if transform == self.graph.image:
            yield transform, ready.image[part], part
            return
        images = filters.apply(
            transform.op,
            ready.image[part],
            ready.spacing,
            transform.settings,
            ready.mask[part],
            threads(),
            bands=_bands(features),
            origin=[span.start for span in seen],
            largest=ready.largest,
        )
        for band in list(images):
            node = Node("band", (("band", band),), (transform,)) if band else transform
            yield node, images.pop(band), part  # let go when its features are done

    def _classes(self, image: Any, part: Box, features: list[Feature]) -> None:
        """The feature classes of one image; classes whose windows are alike share them."""
        made: dict[int, Windows] = {}
        for group in grouped(features):
            with recorded(partial(self.out.fail, group.features)):
                radius = _radius(group.features[0])
                if radius not in made:
                    cut, mask, centres = self.cut(radius)
                    made[radius] = Windows(image[inside(cut, part)], mask, self.ready.spacing, centres)
                self.out.values.update(self._values(group, made[radius]))

    def _cut(self, radius: int) -> tuple[Box, Any, Any]:
        """The box of the region ± `radius`, its mask, and in voxel mode the windows' middle voxels."""
        mask = self.ready.mask
        cut = grown(self.ready.box, (radius,) * 3, mask.shape)
        if self.graph.mode == "roi":
            return cut, mask[cut], None
        xp = array_module(mask)
        return cut, mask[cut], xp.stack(xp.nonzero(mask[cut]), axis=1).astype(np.int32)

    def _values(self, group: Group, windows: Windows) -> dict[str, Any]:
        """Full feature name → its values."""
        if windows.centres is None:
            found = windows.features(group.family, group.wanted, group.settings, threads())
        else:
            found = _in_batches(group, windows, self.place)
        return {feature.name: found[feature.feature] for feature in group.features}


def _in_batches(group: Group, windows: Windows, place: Place) -> dict[str, Any]:
    """Feature → its values in all windows, float32; in batches that halve where memory runs out."""
    xp, centres = array_module(windows.image), windows.centres
    if centres is None:
        raise ValueError("windows of a whole region are not batched")
    found = {name: xp.empty(len(centres), np.float32) for name in group.wanted}
    start, batch = 0, place.batch(len(centres))
    while start < len(centres):
        some = slice(start, start + batch)
        try:
            part = replace(windows, centres=centres[some])
            rows = part.features(group.family, group.wanted, group.settings, threads())
        except place.OutOfMemory:
            place.release()
            if batch <= SMALLEST_BATCH:
                raise
            batch //= 2
            continue
        for name, values in rows.items():
            found[name][some] = values
        start += batch
    return found


def _textures(graph: Graph) -> dict[Node, list[Feature]]:
    """Transform → its features, without those that read the mask alone."""
    return by_transform(feature for feature in graph if has_map(feature.family))


def _part_for(
    transform: Node,
    features: list[Feature],
    graph: Graph,
    spacing: tuple[float, float, float],
    shape: Sequence[int],
    box: Box,
) -> Box:
    """The part of an image of `shape` that a transform reads for its features of the region in `box`."""
    wanted = grown(box, (max(map(_radius, features)),) * 3, shape)
    if transform == graph.image:
        return wanted
    return filters.reads(transform.op, transform.settings, spacing, shape, wanted)


def _bands(features: list[Feature]) -> set[str] | None:
    """The bands that features are of; None where a transform gives one image."""
    return {f.filtered.settings["band"] for f in features if f.filtered.op == "band"} or None


def _radius(feature: Feature) -> int:
    """KernelRadius in voxel mode, else 0."""
    return int(feature.node.chain().get("kernelRadius", 0))
