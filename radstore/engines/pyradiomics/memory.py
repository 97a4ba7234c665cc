"""How much memory a case will take, from its header alone.

    whole image × (READING + what the costliest filter takes, if filters see the whole image)
    + the box around the region × what the costliest filter takes, if the graph resamples or crops
    + matrices + maps

Bytes a voxel were measured as peak RSS over a case's start, on a 6.5-million-voxel image as int16 and as
float32, one filter at a time: reading and checking 12-16 (beside 3-9 for image and mask themselves),
normalising 32, pointwise filters 20-36, LoG, gradient and LBP no more than reading; wavelets 152 (float64 of
integer images; 84 of float32). Of the region nothing is known before its mask is read: it is taken to span at
most `REGION_MM` along each axis. Estimated against measured peaks, all filters of a full parameter file: a
pancreas in 512 × 512 × 82 voxels, resampled, 2.8 GB against 0.3, and with filters on the whole image 4.8
against 3.4; a liver in 122 × 101 × 30 voxels, resampled, 1.0 against 0.6.
"""

from __future__ import annotations

import numpy as np

from radstore.engines.groups import transform_of
from radstore.graph import Graph
from radstore.images.volume import Geometry

READING = 40  # bytes a voxel: image, mask, their SimpleITK copies, normalising
FILTERING = 40  # bytes a voxel of what filters see, whatever the filter …
WAVELET = 160  # … but the wavelets: eight bands of float64, and what makes them

REGION_MM = 250.0  # more than an abdominal organ, less than a body

# The feature classes' matrices. Globally the largest is GLSZM's, grey levels × the largest zone: 360 MB for a
# liver of 350,000 voxels; voxel by voxel they are bounded (see `radstore.engines.pyradiomics.features`).
MATRICES = 512 << 20
MAP = 12  # bytes a voxel: a map in float32 and, until it is cropped, float64


def estimate(graph: Graph, image: Geometry) -> int:
    """Upper estimate of the bytes that one case takes beside the process itself.

    Parameters
    ----------
    graph
        What is to be computed.
    image
        The grid of the case's image.
    """
    seen = _voxels_seen(graph, image)
    ops = {transform_of(feature.filtered).op for feature in graph}
    filtering = WAVELET if "wavelet" in ops else FILTERING
    maps = len(graph.features) * MAP if graph.mode == "voxel" else 0
    return round(
        np.prod(image.size) * READING + seen * filtering + _box_voxels(graph, image) * maps + MATRICES
    )


def _voxels_seen(graph: Graph, image: Geometry) -> float:
    """How many voxels filters see: the whole image, unless it is resampled or cropped."""
    if "padDistance" in graph.image.chain():
        return _box_voxels(graph, image)
    return float(np.prod(image.size))


def _box_voxels(graph: Graph, image: Geometry) -> float:
    """How many voxels the region's box has, with its padding, on the grid of the features."""
    settings = graph.image.chain()
    own = np.asarray(image.spacing)
    new = np.asarray(settings.get("resampledPixelSpacing", own))
    spacing = np.where(new == 0, own, new)
    extent = np.asarray(image.size) * own
    padding = 2 * settings.get("padDistance", 0) * spacing
    return float(np.prod(np.ceil(np.minimum(extent, REGION_MM + padding) / spacing)))
