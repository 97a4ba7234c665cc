"""IBSI's filters: those of PyRadiomics' image types that IBSI defines, LoG and wavelets.

Formulas: Depeursinge et al., *Standardised convolutional filtering for quantitative image analysis*
(arXiv:2006.05470), IBSI's reference manual of filters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import permutations, product
from typing import Any

import numpy as np
import pywt

from radstore.images.arrays import Array, array_module, like, ndimage

BOUNDARIES: Mapping[str, str] = {
    "mirror": "reflect",
    "nearest": "nearest",
    "periodic": "wrap",
    "zero": "constant",
}
"""What lies beyond the edge, by IBSI's name → SciPy's. Mirror repeats the outermost voxel: c b a | a b c."""

CUT = 4  # widths at which a Gaussian ends


def filtered(op: str, image: Array, spacing: Sequence[float], settings: Mapping[str, Any]) -> Array:
    """What the filter of a graph's node gives, one image: `log` or one band of `wavelet`.

    Parameters
    ----------
    op
        ``log`` or ``wavelet``.
    image, spacing
        [z, y, x]; mm along x, y, z.
    settings
        The node's, and for a wavelet ``band``.
    """
    if op == "log":
        return log(image, spacing, settings["sigma"], settings["boundary"])
    return wavelet(
        image,
        settings["wavelet"],
        settings["band"],
        settings["start_level"] + settings["level"],
        settings["boundary"],
        rotations=settings["rotationInvariant"],
        axes=_axes(settings),
    )


def margin(op: str, settings: Mapping[str, Any], spacing: Sequence[float]) -> tuple[int, int, int]:
    """How far (z, y, x) a filter of `filtered` reads, in voxels; beyond the image's edge too."""
    if op == "log":
        z, y, x = (_radius(settings["sigma"] / step) for step in reversed(spacing))
        return z, y, x
    depth = settings["start_level"] + settings["level"]
    far = pywt.Wavelet(settings["wavelet"]).dec_len * (2**depth - 1) // 2
    z, y, x = (far if axis in _axes(settings) else 0 for axis in range(3))
    return z, y, x


def bands(settings: Mapping[str, Any]) -> list[str]:
    """Every band of a wavelet transform: one letter an axis that it transforms."""
    return ["".join(letters) for letters in product("LH", repeat=len(_axes(settings)))]


def log(image: Array, spacing: Sequence[float], sigma: float, boundary: str = "mirror") -> Array:
    """Laplacian of Gaussian (L6PA), float64 [z, y, x].

    The kernel is sampled at voxel centres and cut off at `CUT` σ: with σ in voxels of each axis,
    ``Σ_a (k_a²/σ_a² − 1)/σ_a² · Π_b exp(−k_b²/2σ_b²)/(√(2π) σ_b)``. The response is per voxel² and not
    multiplied by σ², as ITK's (PyRadiomics') is.

    Parameters
    ----------
    image
        [z, y, x].
    spacing
        Voxel size along x, y, z in mm.
    sigma
        Width of the Gaussian in mm.
    boundary
        One of `BOUNDARIES`.
    """
    kernels = [_gaussian(sigma / step) for step in reversed(spacing)]
    terms = []
    for curved in range(3):
        chosen = [curve if axis == curved else bell for axis, (bell, curve) in enumerate(kernels)]
        terms.append(_convolve(image, chosen, range(3), boundary))
    return terms[0] + terms[1] + terms[2]


def wavelet(
    image: Array,
    name: str,
    band: str,
    level: int,
    boundary: str = "mirror",
    *,
    rotations: bool = False,
    axes: Sequence[int] = (2, 1, 0),
) -> Array:
    """One band of the undecimated separable wavelet transform (25BO), float64 [z, y, x].

    At level j the kernels have 2^(j−1) − 1 zeros behind each coefficient (à trous); PyRadiomics uses those of
    level 1 at every level.

    Parameters
    ----------
    image
        [z, y, x].
    name
        The wavelet, by PyWavelets' name.
    band
        One letter an axis, L or H, x first.
    level
        The decomposition, from 1.
    boundary
        One of `BOUNDARIES`.
    rotations
        Whether to return the mean over all right-angle rotations of the kernel: 24, in one plane 4.
    axes
        Of the array, in the order of the letters.
    """
    if not rotations:
        return _transform(image, name, band, level, boundary, axes)
    turned = list(dict.fromkeys(_rotations(band)))
    xp = array_module(image)
    total = xp.zeros(image.shape)
    for letters, flips in turned:
        mirrored = tuple(axis for axis, flip in zip(axes, flips, strict=True) if flip)
        total += xp.flip(_transform(xp.flip(image, mirrored), name, letters, level, boundary, axes), mirrored)
    return total / len(turned)


def _axes(settings: Mapping[str, Any]) -> list[int]:
    """The array's axes that a wavelet transforms, x first."""
    return [axis for axis in (2, 1, 0) if not settings.get("force2D") or axis != settings["force2Ddimension"]]


def _radius(sigma: float) -> int:
    return int(np.floor(CUT * sigma + 0.5))


def _gaussian(sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """A Gaussian of `sigma` voxels and its second derivative."""
    k = np.arange(-_radius(sigma), _radius(sigma) + 1)
    bell = np.exp(-(k**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    return bell, bell * (k**2 / sigma**2 - 1) / sigma**2


def _rotations(band: str) -> list[tuple[str, tuple[bool, ...]]]:
    """The band's letters and the axes to flip, for each rotation by right angles (no reflection)."""
    found = []
    for order in permutations(range(len(band))):
        odd = sum(a > b for a, b in _pairs(order)) % 2
        for flips in product((False, True), repeat=len(band)):
            if sum(flips) % 2 == odd:
                found.append(("".join(band[place] for place in order), flips))
    return found


def _pairs(order: Sequence[int]) -> list[tuple[int, int]]:
    return [(a, b) for place, a in enumerate(order) for b in order[place + 1 :]]


def _transform(image: Array, name: str, band: str, level: int, boundary: str, axes: Sequence[int]) -> Array:
    kernels = dict(zip("LH", (np.asarray(f) for f in pywt.Wavelet(name).filter_bank[:2]), strict=True))
    for depth in range(1, level + 1):
        letters = band if depth == level else "L" * len(band)
        chosen = [_with_holes(kernels[letter], depth) for letter in letters]
        image = _convolve(image, chosen, axes, boundary)
    return image


def _with_holes(kernel: np.ndarray, level: int) -> np.ndarray:
    step = 2 ** (level - 1)
    spread = np.zeros(len(kernel) * step)
    spread[::step] = kernel
    return spread


def _convolve(image: Array, kernels: Sequence[np.ndarray], axes: Sequence[int], boundary: str) -> Array:
    """Convolve with one kernel an axis; an even-sized one is centred on the voxel behind its middle."""
    mode, filters = BOUNDARIES[boundary], ndimage(image)
    return reduce(
        lambda done, step: filters.convolve1d(done, like(step[0], image), step[1], mode=mode),
        zip(kernels, axes, strict=True),
        image.astype(np.float64),
    )
