"""The compiled kernels; see ``kernels/native.cpp``. Called by the filters that their functions are named after."""

import numpy as np

def laplacian(
    image: np.ndarray, smooth: np.ndarray, second: np.ndarray, spacing: tuple[float, ...], threads: int
) -> np.ndarray: ...
def convolve(image: np.ndarray, taps: np.ndarray, axis: int, threads: int) -> np.ndarray: ...
