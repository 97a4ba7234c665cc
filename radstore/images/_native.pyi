"""The compiled kernels (``kernels/native.cpp``): volumes are C-contiguous, results are written into `out`."""

import numpy as np

Three = tuple[float, float, float]

def laplacian(
    image: np.ndarray,
    smooth: np.ndarray,
    second: np.ndarray,
    spacing: Three,
    out: np.ndarray,
    scratch: np.ndarray,
    threads: int,
) -> None: ...
def convolve(image: np.ndarray, taps: np.ndarray, axis: int, out: np.ndarray, threads: int) -> None: ...
def decompose(image: np.ndarray, last: Three, threads: int) -> None: ...
def interpolate(
    coefficients: np.ndarray,
    places: tuple[np.ndarray, ...],
    weights: tuple[np.ndarray, ...],
    out: np.ndarray,
    threads: int,
) -> None: ...
