"""Labels of the plan: what others become, and where the labels are."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from radstore.errors import CaseError
from radstore.images.volume import Volume

STRAY = (7, 8)
"""Values that some of PANORAMA's label images have beside the six structures: background, and counted."""
LOCATIONS = 10_000  # of a label, at most: nnU-Net's number
SEED = 1234  # nnU-Net's too


def on_plan(labels: Volume, allowed: Collection[int]) -> tuple[np.ndarray, dict[int, int]]:
    """Labels as the plan has them.

    Returns
    -------
    numpy.ndarray
        int8.
    dict
        Stray value → how many voxels became background.

    Raises
    ------
    CaseError
        If there is a value that is neither in the plan nor one of `STRAY`.
    """
    strange = ~np.isin(labels.array, list(allowed))
    values, counts = np.unique(labels.array[strange], return_counts=True)
    found = {int(value): int(count) for value, count in zip(values, counts, strict=True)}
    for value, count in found.items():
        if value not in STRAY:
            raise _not_in_plan(labels.source, value, count, allowed)
    return np.where(strange, 0, labels.array).astype(np.int8), found


def locations(seg: np.ndarray, seed: int = SEED) -> np.ndarray:
    """Some voxels of each label, as nnU-Net samples them for its oversampling of foreground.

    Parameters
    ----------
    seg
        int8 (z, y, x).

    Returns
    -------
    numpy.ndarray
        int32 (n, 4), rows of label, z, y, x, by label: all voxels of a label that has few, else `LOCATIONS`
        of them, drawn without replacement. The same for the same labels, whatever other labels there are.
    """
    parts = [np.empty((0, 4), np.int32)]
    for label in np.unique(seg[seg > 0]):
        places = np.flatnonzero(seg == label)
        if len(places) > LOCATIONS:  # RandomState: its numbers are the same in every NumPy
            drawn = np.random.RandomState((seed, int(label))).choice(len(places), LOCATIONS, replace=False)
            places = places[drawn]
        where = np.unravel_index(places, seg.shape)
        parts.append(np.column_stack([np.full(len(places), label), *where]).astype(np.int32))
    return np.concatenate(parts)


def _not_in_plan(source: str, value: int, count: int, allowed: Collection[int]) -> CaseError:
    error = CaseError(
        f"{source or 'the labels'}: label value {value} ({count:,} voxels) is not in the plan, which has "
        f"{', '.join(str(label) for label in sorted(allowed))}",
        "Correct the label image, or leave the case out.",
    )
    error.step = "labels"
    return error
