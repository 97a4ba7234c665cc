"""What a graph asks for, once and for all cases: which filters, and which feature classes on their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radstore.engines.groups import Group, by_transform, grouped
from radstore.engines.native.prepare import Reads
from radstore.graph import Feature, Graph, Mode, Node
from radstore.images import filters
from radstore.images.box import Box, around, grown
from radstore.images.spline import REACH as SPLINE_REACH
from radstore.images.volume import Geometry
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
    features
        All features of its images, in the graph's order.
    images
        The node of each image that it gives → the feature classes on it.
    """

    node: Node
    filters: bool
    features: list[Feature]
    images: dict[Node, list[Group]]

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


def margin_of(plan: Plan, graph: Graph, image: Geometry) -> tuple[int, int, int] | None:
    """Voxels (z, y, x) around the mask's box beyond which nothing changes a number; None: all may.

    1. Normalising takes the whole image. 2. Of a resampled or cropped image, filters see the box and its
    padding. 3. Of a whole image, pointwise filters take the largest value and wavelets what lies at the
    opposite edge; the others read around the box.
    """
    settings = graph.image.chain()
    if "normalizeScale" in settings:
        return None
    z, y, x = image.spacing[::-1]
    if "padDistance" in settings:
        new = np.asarray(settings.get("resampledPixelSpacing", (0, 0, 0)))[::-1]
        ratio = np.where(new == 0, (z, y, x), new) / (z, y, x)
        reach = np.ceil((settings["padDistance"] + 1) * ratio) + (SPLINE_REACH + 2 if new.any() else 0)
        return int(reach[0]), int(reach[1]), int(reach[2])
    if plan.asks_largest or any(transform.node.op == "wavelet" for transform in plan.transforms):
        return None
    far = 1 << 20  # a box in the middle of a lattice without edges
    middle = (slice(far, far + 1), slice(far, far + 1), slice(far, far + 1))
    low = [far - span.start for span in plan.reads((x, y, z))([2 * far + 1] * 3, middle)]
    return low[0], low[1], low[2]


def plan_of(graph: Graph) -> Plan:
    """The plan of a graph."""
    textures = by_transform(feature for feature in graph if has_map(feature.family))
    transforms = [
        Transform(node, node != graph.image, features, _images(features))
        for node, features in textures.items()
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
