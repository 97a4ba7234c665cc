"""One level of the stationary wavelet transform, bit for bit PyWavelets' ``swtn`` as PyRadiomics uses it.

Nothing is decimated, so every band has the image's size. A band is named by one letter an axis, x first: L
for the low-pass filter and H for the high-pass one; ``LLH`` is high-pass along z. Further levels transform
the LLL band of the one before with the same filters (PyRadiomics asks for one level at a time, whose
filters are not dilated).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from itertools import product

import numpy as np
import pywt

from radstore.images import _native
from radstore.images.arrays import Array, array_module, like, on_device
from radstore.images.launch import KERNELS, threads_for

AXES = (2, 1, 0)  # x, y, z: the order of a band's letters


def stationary_wavelet(
    image: Array,
    wavelet: str = "coif1",
    depth: int = 1,
    out_of_plane: int | None = None,
    bands: Collection[str] | None = None,
    threads: int = 1,
) -> dict[str, Array]:
    """Band → filtered image [z, y, x], float32 for float32 and float16 images, else float64.

    Parameters
    ----------
    image
        [z, y, x], NumPy or CuPy.
    wavelet
        PyWavelets' name of a discrete wavelet.
    depth
        How many levels: the bands are those of the last.
    out_of_plane
        The axis (0 z, 1 y, 2 x) that is not transformed (PyRadiomics' force2D); band names have two letters
        then.
    bands
        Only these; by default all.
    threads
        How many threads share the work on the CPU; the result is the same.

    Raises
    ------
    ValueError
        For a band that does not exist, or a wavelet that PyWavelets does not have.
    """
    axes = [axis for axis in AXES if axis != out_of_plane]
    every = ["".join(letters) for letters in product("LH", repeat=len(axes))]
    unknown = set(bands or ()) - set(every)
    if unknown:
        raise ValueError(f"wavelet bands {sorted(unknown)}: there are {', '.join(every)}")
    shape = image.shape
    data = _even(image.astype(_dtype(image), copy=False))
    filters = _filters(wavelet, data.dtype)
    approximation = "L" * len(axes)
    for _ in range(depth - 1):
        data = _transform(data, filters, axes, [approximation], threads)[approximation]
    found = _transform(data, filters, axes, every if bands is None else bands, threads)
    return {band: values[: shape[0], : shape[1], : shape[2]] for band, values in found.items()}


def reach(wavelet: str, depth: int, out_of_plane: int | None = None) -> tuple[int, int, int]:
    """How many voxels away (z, y, x) the transform reads."""
    taps = pywt.Wavelet(wavelet).dec_len
    z, y, x = (0 if axis == out_of_plane else depth * (taps // 2) for axis in range(3))
    return z, y, x


def _dtype(image: Array) -> np.dtype:
    """What PyWavelets computes in."""
    single = image.dtype in (np.float32, np.float16)
    return np.dtype(np.float32 if single else np.float64)


def _even(image: Array) -> Array:
    """Axes of odd size get their first plane again behind the last."""
    xp = array_module(image)
    for axis in range(3):
        if image.shape[axis] % 2:
            first = image.take(xp.arange(1), axis)
            image = xp.concatenate([image, first], axis)
    return image


def _transform(
    data: Array, filters: Mapping[str, np.ndarray], axes: Sequence[int], bands: Collection[str], threads: int
) -> dict[str, Array]:
    """Filter along one axis after the other; bands that begin with the same letters share their beginning."""
    images = {"": data}
    for position, axis in enumerate(axes):
        prefixes = sorted({band[: position + 1] for band in bands})
        images = {
            prefix: _filter(images[prefix[:-1]], filters[prefix[-1]], axis, threads) for prefix in prefixes
        }
    return images


def _filter(data: Array, taps: np.ndarray, axis: int, threads: int) -> Array:
    """Periodic convolution along an axis, out[i] = Σ_j taps[j] · data[i + len(taps) / 2 − j]."""
    xp = array_module(data)
    data, out = xp.ascontiguousarray(data), xp.empty(data.shape, data.dtype)
    if on_device(data):
        _convolve_on_device(data, taps, axis, out)
    else:
        _native.convolve(data, taps, axis, out, threads)
    return out


def _convolve_on_device(data: Array, taps: np.ndarray, axis: int, out: Array) -> None:
    """A thread a voxel."""
    from radstore.cuda import function

    step = int(np.prod(data.shape[axis + 1 :], dtype=np.int64))
    sizes = np.int64(data.size), np.int64(step), np.int64(data.shape[axis]), np.int32(len(taps))
    kernel = function(KERNELS / "wavelet.cu", f"convolve_{data.dtype}")
    kernel(*threads_for(data.size), (data, like(taps, data), out, *sizes))


@cache
def _filters(wavelet: str, dtype: np.dtype) -> dict[str, np.ndarray]:
    """Low-pass (L) and high-pass (H) taps as PyWavelets holds them in a dtype, read off a unit impulse's
    transform.

    Its single-precision taps are not always its double-precision ones rounded.
    """
    length = pywt.Wavelet(wavelet).dec_len
    impulse = np.zeros(4 * length, dtype)
    impulse[2 * length] = 1
    low, high = pywt.swt(impulse, wavelet, level=1)[0]
    part = slice(2 * length - length // 2, 2 * length + length - length // 2)
    return {"L": low[part].copy(), "H": high[part].copy()}
