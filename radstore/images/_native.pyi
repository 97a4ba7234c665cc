"""The compiled kernels; see ``kernels/native.cpp``. Called by `radstore.images.filters.log` alone."""

import numpy as np

def laplacian(
    image: np.ndarray, smooth: np.ndarray, second: np.ndarray, spacing: tuple[float, ...], threads: int
) -> np.ndarray: ...
