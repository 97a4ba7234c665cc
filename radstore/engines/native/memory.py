"""How much memory a case will take, from its header alone.

    whole image × what reading takes
    + the part that is read × what windowing and normalising take
    + the largest of: voxels that a filter sees × what it takes
    + matrices + maps

Bytes a voxel were measured as peak RSS above image and mask (``benchmarks/memory.py``), with a region that
fills its box. Of a region nothing is known before its mask is read. For what filters see it is taken to span
at most `REGION_MM` along each axis; an organ does so along one of them, so its box, of which there is one for
every map, has at most `BOX_LITRES`. 512 × 512 × 400 voxels with a region of 200,000: 6.6 GB estimated for
LoG, of which 2.5 are reading, 0.75 measured beside that; for the image as it is 3.8, 2.5 and 0.01. 93 maps of
a region of 400,000 in a box of 764,000: 0.44 GB measured, 0.50 by the constants below.
"""

from __future__ import annotations

import numpy as np

from radstore.engines.native.plan import Plan, Transform, plan_of
from radstore.graph import Graph
from radstore.images.box import Box, sides
from radstore.images.volume import Geometry

READING = 24  # bytes a voxel: image and mask, and what reading and checking them takes
FRAMED = 8  # bytes a voxel of what is read: windowed or normalised, float64
FILTERING = 28  # bytes a voxel that a filter sees, and its features with it: a float64 copy and grey levels …
WAVELET = 96  # … but the wavelets: eight bands of float64

REGION_MM = 250.0  # more than an abdominal organ, less than a body
MATRICES = 256 << 20  # the largest co-occurrence matrix and its scratch, for a thousand grey levels
BOX_LITRES = 8.0  # a large liver's box, 22 × 18 × 20 cm; a pancreas's has 2
FILLED = 0.5  # of a box: an ellipsoid has π/6 of its own, organs less
MAP = 4  # bytes a voxel of the box: float32 …
VALUES = 4  # … and a voxel of the region, before the values have their place
COMPUTED = 8  # the same of the features of the class that is being computed: float64


def estimate(graph: Graph, image: Geometry) -> int:
    """Upper estimate of the bytes that one case takes beside the process itself.

    Parameters
    ----------
    graph
        What is to be computed.
    image
        The grid of the case's image.
    """
    plan, settings = plan_of(graph), graph.image.chain()
    spacing = _spacing(image, settings.get("resampledPixelSpacing"))
    extent = np.asarray(image.size) * np.asarray(image.spacing)
    padding = settings.get("padDistance")
    if padding is not None:  # resampled or cropped: filters see no more than that
        extent = np.minimum(extent, REGION_MM + 2 * padding * spacing)
    shape = np.ceil(extent / spacing).astype(int)[::-1]
    box = _middle(shape, np.ceil(np.minimum(extent, REGION_MM) / spacing).astype(int)[::-1])
    x, y, z = spacing.tolist()
    return round(
        np.prod(image.size) * READING
        + _voxels(plan.reads((x, y, z))(shape.tolist(), box)) * FRAMED
        + max((_bytes(t, (x, y, z), shape, box) for t in plan.transforms), default=0)
        + MATRICES
        + (_maps(plan, min(_voxels(box), BOX_LITRES * 1e6 / (x * y * z))) if graph.mode == "voxel" else 0)
    )


def _maps(plan: Plan, voxels: float) -> float:
    """What all maps take in a box of so many voxels."""
    classes = [group for transform in plan.transforms for own in transform.images.values() for group in own]
    features = [len(group.features) for group in classes]
    return voxels * (sum(features) * (MAP + FILLED * VALUES) + max(features, default=0) * FILLED * COMPUTED)


def _bytes(transform: Transform, spacing: tuple[float, float, float], shape: np.ndarray, box: Box) -> int:
    """What one filter and the features of its images take."""
    seen = _voxels(transform.reads(spacing, shape.tolist(), box))
    return seen * (WAVELET if transform.node.op == "wavelet" else FILTERING)


def _spacing(image: Geometry, resampled: tuple[float, ...] | None) -> np.ndarray:
    """Voxel size (x, y, z) of the grid that features are computed on."""
    own = np.asarray(image.spacing)
    return own if resampled is None else np.where(np.asarray(resampled) == 0, own, resampled)


def _middle(shape: np.ndarray, size: np.ndarray) -> Box:
    """A box of `size` in the middle of `shape`: away from the edges, filters see the most."""
    size = np.minimum(size, shape)
    first = (shape - size) // 2
    z, y, x = (slice(int(n), int(n + side)) for n, side in zip(first, size, strict=True))
    return z, y, x


def _voxels(box: Box) -> int:
    return int(np.prod(sides(box)))
