"""Filters and resampling on the CPU: seconds, and ratios to the libraries that PyRadiomics calls, in one run.

    python -m benchmarks.filters [--shape 64 256 256] [--repeat 3] [--dtype int16]

Whole calls, array in and arrays out, the best of `--repeat`. The library has one thread. Every line also says
in how many voxels the two results differ: there is nothing to gain from a filter that gives other numbers.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import SimpleITK as sitk

from benchmarks import cases
from benchmarks.texture import seconds
from radstore.engines.pyradiomics.library import imageoperations, library
from radstore.images.filters import apply
from radstore.images.grid import resampled_grid
from radstore.images.itk import set_threads, to_itk
from radstore.images.resample import resample
from radstore.images.volume import Geometry, Volume

FILTERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "LoG 1 mm": ("log", "LoG", {"sigma": 1.0}),
    "LoG 5 mm": ("log", "LoG", {"sigma": 5.0}),
    "Wavelet coif1, 8 bands": ("wavelet", "Wavelet", {}),
    "Gradient": ("gradient", "Gradient", {}),
    "LBP2D": ("lbp2d", "LBP2D", {}),
    "Square": ("square", "Square", {}),
    "SquareRoot": ("squareroot", "SquareRoot", {}),
    "Logarithm": ("logarithm", "Logarithm", {}),
    "Exponential": ("exponential", "Exponential", {}),
}
INTERPOLATORS = ("sitkBSpline", "sitkLinear", "sitkNearestNeighbor")
CROP = 0.3  # share of each axis that a region's surroundings take of a CT


def by_library(image: Volume, name: str, settings: dict[str, Any]) -> list[np.ndarray]:
    """What PyRadiomics' filter gives, as arrays."""
    picture = to_itk(image)
    settings = {key: [value] if key == "sigma" else value for key, value in settings.items()}
    filter_ = getattr(imageoperations, f"get{name}Image")
    return [sitk.GetArrayFromImage(found) for found, *_ in filter_(picture, picture, **settings)]


def by_itk(image: Volume, target: Geometry, interpolator: str) -> np.ndarray:
    """What ``SimpleITK.Resample`` gives."""
    identity = sitk.Transform(3, sitk.sitkIdentity)
    grid = (
        target.size,
        identity,
        getattr(sitk, interpolator),
        target.origin,
        target.spacing,
        target.direction,
    )
    return sitk.GetArrayFromImage(sitk.Resample(to_itk(image), *grid))


def compare(name: str, ours: Callable[[int], Any], theirs: Callable[[], Any], repeat: int) -> None:
    """One line: seconds on one and two threads, the library's, the ratio, voxels that differ."""
    one, two = (seconds(lambda n=n: ours(n), repeat) for n in (1, 2))
    reference = seconds(theirs, repeat)
    mine, yours = ours(1), theirs()
    pairs = zip(sorted(mine, key=lambda a: a.sum()), sorted(yours, key=lambda a: a.sum()), strict=True)
    differ = sum(int(np.count_nonzero(a != b)) for a, b in pairs)
    print(f"{name:36}{one:10.3f}{two:10.3f}{reference:10.3f}{reference / one:8.1f}{differ:10}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(64, 256, 256), help="z y x")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--dtype", default="int16")
    options = parser.parse_args()
    image, _ = cases.blob(tuple(options.shape), 2000, 32)
    image = Volume(image.array.astype(options.dtype), image.geometry)
    z, y, x = options.shape
    print(
        f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} cores; {options.dtype} image "
        f"{x} × {y} × {z}\n{'':36}{'1 thread':>10}{'2 threads':>10}{'library':>10}{'×':>8}{'differ':>10}"
    )
    set_threads(1)
    with library(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (op, theirs, asked) in FILTERS.items():
            compare(
                name,
                lambda n, op=op, asked=asked: list(
                    apply(op, image.array, image.geometry.spacing, asked, threads=n).values()
                ),
                lambda theirs=theirs, asked=asked: by_library(image, theirs, asked),
                options.repeat,
            )
    grid = resampled_grid(image.geometry, (1, 1, 1), image.geometry.size)
    start, size = ((int(n * share) for n in grid.size) for share in (0.35, CROP))
    crop = grid.crop(tuple(start), tuple(size))
    for target, where in ((grid, "whole"), (crop, "crop")):
        for name in INTERPOLATORS:
            compare(
                f"{name} to 1 mm, {where}",
                lambda n, name=name, t=target: [resample(image.array, image.geometry, t, name, n)],
                lambda name=name, t=target: [by_itk(image, t, name)],
                options.repeat,
            )


if __name__ == "__main__":
    main()
