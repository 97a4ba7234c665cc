"""What an engine has to do, read off the graph: steps, transforms, and features that share a set-up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from radstore.graph import Feature, Graph, Node


@dataclass(frozen=True)
class Group:
    """Features of one class on one filtered image that agree in their settings: one set-up for all."""

    family: str
    settings: dict[str, Any]
    features: list[Feature] = field(default_factory=list)

    @property
    def wanted(self) -> list[str]:
        """The features' names inside their class."""
        return [feature.feature for feature in self.features]


def grouped(features: Iterable[Feature]) -> list[Group]:
    """Group the features of one filtered image by class, apart where two of them disagree about a setting."""
    groups: list[Group] = []
    for above, alike in _by_node(features).items():
        settings = above.chain()
        family = alike[0].family
        for group in groups:
            if group.family == family and _agree(group.settings, settings):
                break
        else:
            group = Group(family, {})
            groups.append(group)
        group.settings.update(settings)
        group.features.extend(alike)
    return groups


def _by_node(features: Iterable[Feature]) -> dict[Node, list[Feature]]:
    """Features by the node right above them: that of their class, with all that it depends on."""
    nodes: dict[Node, list[Feature]] = {}
    for feature in features:
        nodes.setdefault(feature.node.inputs[0], []).append(feature)
    return nodes


def _agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[name] == other[name] for name in one.keys() & other.keys())


def transform_of(filtered: Node) -> Node:
    """The node to compute for a filtered image: for a band, the transform that gives all its bands."""
    return filtered.inputs[0] if filtered.op == "band" else filtered


def by_transform(features: Iterable[Feature]) -> dict[Node, list[Feature]]:
    """Transform → the features of all images that it gives, in the order of `features`."""
    transforms: dict[Node, list[Feature]] = {}
    for feature in features:
        transforms.setdefault(transform_of(feature.filtered), []).append(feature)
    return transforms


def steps(graph: Graph) -> dict[str, dict[str, Any]]:
    """The settings of every node above the filters, by operation (each occurs at most once)."""
    found: dict[str, dict[str, Any]] = {}
    pending: list[Node] = [graph.image, graph.mask, graph.shape_mask]
    while pending:
        node = pending.pop()
        found[node.op] = node.settings
        pending += node.inputs
    return found
