"""How much memory a case will take, from its header alone.

    whole image × what reading takes
    + voxels that filters see × what the costliest filter takes
    + matrices + maps

Filters see the region's box and what they reach around it, or, where one of them needs it, the whole image.
"""

from __future__ import annotations

import numpy as np

from radstore.engines.native.plan import plan_of
from radstore.graph import Graph
from radstore.images.box import sides
from radstore.images.grid import centred_grid
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
        + float(np.prod(_sides(graph, image))) * maps
        + MATRICES
    )


def _seen(graph: Graph, image: Geometry) -> float:
    """How many voxels filters see."""
    settings = graph.image.chain()
    if "padDistance" in settings:
        return float(np.prod(_sides(graph, image, settings["padDistance"])))
    if "resampledPixelSpacing" in settings:  # IBSI's grid: a part of all of it is read
        image = centred_grid(image, settings["resampledPixelSpacing"])
    size = np.minimum(image.size, _sides(graph, image)).astype(int)[::-1]
    first = (np.asarray(image.shape) - size) // 2  # in the middle: away from the edges it sees the most
    z, y, x = (slice(int(n), int(n + side)) for n, side in zip(first, size, strict=True))
    return float(np.prod(sides(plan_of(graph).reads(image.spacing)(image.shape, (z, y, x)))))


def _sides(graph: Graph, image: Geometry, padding: int = 0) -> np.ndarray:
    """How many voxels (x, y, z) the region spans on the grid of the features, with `padding` on each side."""
    own = np.asarray(image.spacing)
    new = np.asarray(graph.image.chain().get("resampledPixelSpacing", own))
    spacing = np.where(new == 0, own, new)
    extent = np.asarray(image.size) * own
    return np.ceil(np.minimum(extent, REGION_MM + 2 * padding * spacing) / spacing)
