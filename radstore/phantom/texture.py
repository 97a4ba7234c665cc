"""Random fields: what tissue texture and image noise are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from radstore.images.volume import Index3


def field(
    rng: np.random.Generator, shape: Index3, sigma: Sequence[float], dtype: type[Any] = np.float64
) -> np.ndarray:
    """A smooth Gaussian random field of mean 0 and variance 1.

    Parameters
    ----------
    shape
        Array shape [z, y, x].
    sigma
        Width of the Gaussian that white noise is smoothed with, in voxels along z, y, x. The
        autocorrelation at a distance d is then exp(−d²/4σ²): it falls to 1/e at d = 2σ.
    dtype
        float64 or float32.

    Returns
    -------
    `dtype` [z, y, x].
    """
    white = rng.standard_normal(shape, dtype=dtype)
    smooth: np.ndarray = gaussian_filter(white, sigma, mode="wrap", truncate=4.0)
    smooth /= np.prod([_gain(s) for s in sigma])
    return smooth


def _gain(sigma: float) -> float:
    """Standard deviation of unit white noise after the sampled Gaussian along one axis."""
    reach = int(4.0 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-12)) ** 2)
    return float(np.sqrt(np.sum((weights / weights.sum()) ** 2)))
