"""Grey levels: intensities put into bins, as PyRadiomics does it or as IBSI defines it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from radstore.images.arrays import Array, array_module, like, to_host

BINS = ("binWidth", "binCount")  # the settings that say how wide bins are, or how many
MAX_LEVEL = 1 << 20  # the highest level: edges and histograms of levels are as long


class Graded(NamedTuple):
    """Levels (from 1) of intensities, where these are; the lowest and the highest, on the host."""

    levels: Array
    lowest: int
    highest: int


def discretise(
    values: Array,
    *,
    binWidth: float = 25,
    binCount: int | None = None,
    ibsi: bool = False,
    binOrigin: float | None = None,
) -> Graded:
    """The level of each of a region's intensities.

    A level does not fall where the intensity grows: so the lowest and the highest are those of the smallest
    and the largest intensity, which bins are made from anyway.

    Parameters
    ----------
    values
        The intensities, 1-D, at least one; NumPy or CuPy.
    binWidth, binCount
        As for `bin_edges`.
    ibsi
        IBSI's bins (see `ibsi_levels`) instead of PyRadiomics'.
    binOrigin
        With `ibsi`: where bins of a width begin.

    Raises
    ------
    ValueError
        If the range takes more than `MAX_LEVEL` bins.
    """
    ends = ends_of(values)
    if ibsi:
        levels, outermost = (
            ibsi_levels(each, binWidth=binWidth, binCount=binCount, binOrigin=binOrigin, ends=ends)
            for each in (values, ends)
        )
    else:
        edges = bin_edges(ends, binWidth=binWidth, binCount=binCount)
        levels, outermost = grey_levels(values, edges), grey_levels(ends, edges)
    return Graded(levels, int(outermost[0]), int(outermost[1]))


def bin_edges(values: Array, *, binWidth: float = 25, binCount: int | None = None) -> np.ndarray:
    """Edges of the bins, ascending; level k holds ``edges[k-1] <= value < edges[k]``.

    Parameters
    ----------
    values
        The intensities that set the range, 1-D, NumPy or CuPy. Their dtype counts: the lower edge of float32
        intensities is float32.
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
    low, high = ends = ends_of(values)
    if binCount is not None:
        edges = np.histogram_bin_edges(ends, binCount)
        edges[-1] += 1
        return edges
    _check(float(low), float(high), binWidth)
    edges = np.arange(low - (low % binWidth), high + 2 * binWidth, binWidth)
    return np.array([edges[0] - 0.5, edges[0] + 0.5]) if len(edges) == 1 else edges


def grey_levels(values: Array, edges: np.ndarray) -> Array:
    """The level (from 1) of each intensity, where the intensities are."""
    return array_module(values).digitize(values, like(edges, values))


def ibsi_levels(
    values: Array,
    *,
    binWidth: float = 25,
    binCount: int | None = None,
    binOrigin: float | None = None,
    ends: np.ndarray | None = None,
) -> Array:
    """The level (from 1) of each intensity, as IBSI defines it.

    - A fixed number N of bins: ``⌊N (x − min) / (max − min)⌋ + 1``, and N for the maximum.
    - Bins of a fixed width w: ``⌊(x − origin) / w⌋ + 1``.

    Parameters
    ----------
    values
        The intensities of the region, 1-D, NumPy or CuPy.
    binWidth, binCount
        w or N; where N is given, w is not used.
    binOrigin
        The lower bound of the range that the region was resegmented to; None: the region's minimum.
    ends
        The region's smallest and largest intensity, where they are known.

    Raises
    ------
    ValueError
        If the range takes more than `MAX_LEVEL` bins.

    Notes
    -----
    IBSI reference manual, section "Intensity discretisation" (Q3RU, 8VMZ).
    """
    low, high = (float(end) for end in (ends_of(values) if ends is None else ends))
    exact = values.astype(np.float64)
    if binCount is not None:
        share = (exact - low) * binCount / (high - low) if high > low else exact * 0
        return np.minimum(np.floor(share), binCount - 1).astype(np.int64) + 1
    origin = low if binOrigin is None else binOrigin
    _check(origin, high, binWidth)
    # a float32 may pass a range's lower bound and still be less than it in double
    return np.maximum(np.floor((exact - origin) / binWidth), 0).astype(np.int64) + 1


def ends_of(values: Array) -> np.ndarray:
    """The smallest and the largest, on the host: synchronises, for the bins are made there."""
    return to_host(array_module(values).stack([values.min(), values.max()]))


def _check(low: float, high: float, width: float) -> None:
    if (high - low) / width > MAX_LEVEL:
        raise ValueError(
            f"intensities from {low:g} to {high:g} take more than {MAX_LEVEL:,} bins of {width:g}: "
            "widen binWidth, set binCount, or resegment outliers away"
        )
