"""Dice per structure: how well the predicted anatomy covers the drawn one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fusion.recipe import LABELS
from radstore.images.box import bounding_box

STRUCTURES = tuple(name for name, label in LABELS.items() if label)


@dataclass(frozen=True)
class DiceSummary:
    """Dice of one structure over cases.

    Parameters
    ----------
    mean, sd
        Over the cases that have the structure; the sd with n − 1. NaN where there are too few.
    cases
        How many have it.
    absent
        How many do not have it (or not drawn): they have no Dice.
    """

    mean: float
    sd: float
    cases: int
    absent: int


def dice(
    predicted: np.ndarray, truth: np.ndarray, structures: Iterable[str] = STRUCTURES
) -> dict[str, float]:
    """Structure → Dice, 2 |A ∩ B| / (|A| + |B|) (Dice 1945), NaN where the truth does not have it.

    Parameters
    ----------
    predicted, truth
        Labels as in `fusion.recipe.LABELS`, integers ≥ 0, one shape. Values beyond count as background.
    structures
        Those that were drawn; the others are NaN.
    """
    size = max(LABELS.values()) + 1
    box = (
        bounding_box((predicted != 0) | (truth != 0)) or (slice(0, 0),) * 3
    )  # the rest is background in both
    ours, theirs = (np.where(part[box] < size, part[box], 0).astype(np.uint8) for part in (predicted, truth))
    table = np.bincount((theirs * np.uint8(size) + ours).ravel(), minlength=size * size).reshape(size, size)
    drawn = set(structures)
    return {name: _ratio(table, LABELS[name]) if name in drawn else math.nan for name in STRUCTURES}


def _ratio(table: np.ndarray, label: int) -> float:
    """Of the table of (truth, predicted) voxel counts."""
    truth, ours = int(table[label].sum()), int(table[:, label].sum())
    return 2 * int(table[label, label]) / (truth + ours) if truth else math.nan


def summary(cases: Iterable[Mapping[str, float]]) -> dict[str, DiceSummary]:
    """Structure → its Dice over cases, each as `dice` gives it."""
    rows = list(cases)
    return {name: _summary([row.get(name, math.nan) for row in rows]) for name in STRUCTURES}


def _summary(values: list[float]) -> DiceSummary:
    there = [value for value in values if not math.isnan(value)]
    mean = float(np.mean(there)) if there else math.nan
    sd = float(np.std(there, ddof=1)) if len(there) > 1 else math.nan
    return DiceSummary(mean, sd, len(there), len(values) - len(there))
