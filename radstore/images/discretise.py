"""Grey levels: intensities put into bins, as PyRadiomics does it."""

from __future__ import annotations

from typing import Any

import numpy as np

from radstore.images.arrays import Array, array_module, to_host

MAX_LEVEL = 1 << 20  # the highest level: edges and histograms of levels are as long


def bin_edges(values: Array, *, binWidth: float = 25, binCount: int | None = None) -> np.ndarray:
    """Edges of the bins, ascending; level k holds ``edges[k-1] <= value < edges[k]``.

    Parameters
    ----------
    values
        The intensities that set the range, 1-D. Their dtype counts: the lower edge of float32 intensities
        is float32. They may lie on a device; the edges are on the host.
    binWidth
        Width of a bin; edges are multiples of it: ``arange(min − min mod w, max + 2w, w)``.
    binCount
        Number of bins between minimum and maximum instead; the last one holds the maximum.

    Raises
    ------
    ValueError
        If the range takes more than `MAX_LEVEL` bins.

    Notes
    -----
    ``radiomics.imageoperations.getBinEdges``: the same expressions in the same types, so the same edges.
    """
    low, high = (_number(end) for end in (values.min(), values.max()))
    if binCount is not None:
        edges = np.histogram(np.array([low, high]), binCount)[1]
        edges[-1] += 1
        return edges
    if (float(high) - float(low)) / binWidth > MAX_LEVEL:
        raise ValueError(
            f"intensities from {low:g} to {high:g} take more than {MAX_LEVEL:,} bins of {binWidth:g}: "
            "widen binWidth, set binCount, or resegment outliers away"
        )
    edges = np.arange(low - (low % binWidth), high + 2 * binWidth, binWidth)
    return np.array([edges[0] - 0.5, edges[0] + 0.5]) if len(edges) == 1 else edges


def _number(value: Array) -> Any:
    """A NumPy number of the array's type; from a device: waits for it."""
    return to_host(value)[()]


def grey_levels(values: Array, edges: np.ndarray) -> Array:
    """The level (from 1) of each intensity, where the intensities are."""
    xp = array_module(values)
    return xp.searchsorted(xp.asarray(edges), values, side="right")
