"""What a graph asks for, once and for all cases: which filters, and which feature classes on their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radstore.engines.groups import Group, by_transform, grouped
from radstore.engines.native.prepare import Reads
from radstore.graph import Feature, Graph, Mode, Node
from radstore.images import filters
from radstore.images.box import Box, around, grown
from radstore.texture.names import has_map

Spacing = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Transform:
    """One filter, or none, and what is computed on the images that it gives.

    Parameters
    ----------
    node
        The filter's node, or the image's.
    filters
        Whether it is a filter.
    images
        The node of each image that it gives → the feature classes on it.
    """

    node: Node
    filters: bool
    images: dict[Node, list[Group]]

    @property
    def features(self) -> list[Feature]:
        """All features of its images."""
        return [feature for groups in self.images.values() for group in groups for feature in group.features]

    @property
    def radius(self) -> int:
        """How far the windows of its features reach."""
        return max(radius(group) for groups in self.images.values() for group in groups)

    @property
    def bands(self) -> set[str] | None:
        """The bands that features are of; None where it gives one image."""
        return {node.settings["band"] for node in self.images if node.op == "band"} or None

    def reads(self, spacing: Spacing, shape: Sequence[int], box: Box) -> Box:
        """The part of an image of `shape` that it must see for the features of the region in `box`."""
        wanted = grown(box, (self.radius,) * 3, shape)
        if not self.filters:
            return wanted
        return filters.reads(self.node.op, self.node.settings, spacing, shape, wanted)

    def image(self, band: str) -> Node:
        """The node of the image that the filter calls `band`; empty where it gives one image."""
        return Node("band", (("band", band),), (self.node,)) if band else self.node


@dataclass(frozen=True, eq=False)
class Plan:
    """The work for every case.

    Parameters
    ----------
    mode
        ``roi`` or ``voxel``.
    shapes
        The feature classes that read the mask alone.
    transforms
        All the others.
    """

    mode: Mode
    shapes: list[Group]
    transforms: list[Transform]

    @property
    def asks_largest(self) -> bool:
        """Whether a filter asks for the largest absolute value of the whole image."""
        return any(transform.node.op in filters.POINTWISE for transform in self.transforms)

    def reads(self, spacing: Spacing) -> Reads:
        """From an image's shape and the region's box in it: the part that filters and features read."""
        return lambda shape, box: around([box, *(t.reads(spacing, shape, box) for t in self.transforms)])


def plan_of(graph: Graph) -> Plan:
    """The plan of a graph."""
    textures = by_transform(feature for feature in graph if has_map(feature.family))
    transforms = [
        Transform(node, node != graph.image, _images(features)) for node, features in textures.items()
    ]
    shapes = grouped(feature for feature in graph if not has_map(feature.family))
    return Plan(graph.mode, shapes, transforms)


def radius(group: Group) -> int:
    """How far windows reach from their middle voxels: kernelRadius in voxel mode, else 0."""
    return int(group.settings.get("kernelRadius", 0))


def _images(features: Sequence[Feature]) -> dict[Node, list[Group]]:
    by_image: dict[Node, list[Feature]] = {}
    for feature in features:
        by_image.setdefault(feature.filtered, []).append(feature)
    return {node: grouped(own) for node, own in by_image.items()}
