"""How much memory a case will take, from its header alone.

    whole image × what reading takes
    + voxels that filters see × what the costliest filter takes
    + matrices + maps

Filters see the region's box and what they reach around it, or, where one of them needs it, the whole image.
"""

from __future__ import annotations

import numpy as np

from radstore.engines.native.walk import reach
from radstore.graph import Graph
from radstore.images.volume import Geometry

READING = 24  # bytes a voxel: image and mask, and what checking them and finding the region takes
FILTERING = 40  # bytes a voxel of what filters see, whatever the filter …
WAVELET = 160  # … but the wavelets: eight bands of float64, and what makes them

REGION_MM = 250.0  # a region is taken to span at most this along each axis: more than an abdominal organ
MATRICES = 256 << 20  # the largest co-occurrence matrix and its scratch, for a thousand grey levels
MAP = 8  # bytes a voxel: a map in float32, and its values before they have their place


def estimate(graph: Graph, image: Geometry) -> int:
    """Upper estimate of the bytes that one case takes beside the process itself.

    Parameters
    ----------
    graph
        What is to be computed.
    image
        The grid of the case's image.
    """
    ops = {node.op for feature in graph for node in (feature.filtered, *feature.filtered.inputs)}
    filtering = WAVELET if "wavelet" in ops else FILTERING
    maps = len(graph.features) * MAP if graph.mode == "voxel" else 0
    return round(
        np.prod(image.size) * READING
        + _seen(graph, image) * filtering
        + _box(graph, image, 0.0) * maps
        + MATRICES
    )


def _seen(graph: Graph, image: Geometry) -> float:
    """How many voxels filters see."""
    settings = graph.image.chain()
    if "padDistance" in settings:
        return _box(graph, image, settings["padDistance"])
    around = reach(graph, image.spacing)
    return float(np.prod(image.size)) if around is None else _box(graph, image, np.array(around[::-1]))


def _box(graph: Graph, image: Geometry, padding: np.ndarray | float) -> float:
    """How many voxels the region's box has on the grid of the features, `padding` (x, y, z) on each side."""
    own = np.asarray(image.spacing)
    new = np.asarray(graph.image.chain().get("resampledPixelSpacing", own))
    spacing = np.where(new == 0, own, new)
    extent = np.asarray(image.size) * own
    return float(np.prod(np.ceil(np.minimum(extent, REGION_MM + 2 * padding * spacing) / spacing)))
