"""NaN and infinite voxels: an image that has some is refused."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from radstore.errors import ReadError


def check_finite(path: Path, parts: Iterable[np.ndarray]) -> None:
    """Raise `ReadError`, with the counts, if any of the arrays that make up an image has such voxels."""
    nan = infinite = total = 0
    for part in parts:
        total += part.size
        if not np.isfinite(part).all():
            nan += int(np.isnan(part).sum())
            infinite += int(np.isinf(part).sum())
    if nan or infinite:
        raise ReadError(
            f"{path} has {nan:,} NaN and {infinite:,} infinite voxels of {total:,}",
            "Replace them, for instance by the value of air, and save the image again.",
        )
