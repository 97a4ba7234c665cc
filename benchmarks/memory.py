"""How much memory a case takes beside its image and mask: a large CT, a region of a given size.

    python -m benchmarks.memory [--shape 400 512 512] [--voxels 200000] [--threads 1]

One process a line: its peak (``ru_maxrss``) above what it had when image and mask were in memory, and what
`Engine.memory` had estimated for the whole (which includes reading).
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from radstore.engines.registry import choose
from radstore.images.itk import set_threads
from radstore.images.volume import Geometry, Volume
from radstore.spec import Spec

SPACING = (0.75, 0.75, 1.0)
CLASSES = {"firstorder": [], "glcm": [], "glrlm": [], "glszm": [], "gldm": [], "ngtdm": []}
SOME = {"firstorder": ["Entropy"], "glcm": ["Imc1"], "glszm": ["ZoneEntropy"], "ngtdm": ["Strength"]}
FILTERS: dict[str, dict[str, Any]] = {
    "Original": {},
    "LoG": {"sigma": [1.0, 3.0, 5.0]},
    "Wavelet": {},
    "Square": {},
    "SquareRoot": {},
    "Logarithm": {},
    "Exponential": {},
    "Gradient": {},
    "LBP2D": {"binWidth": 1},
}
RESAMPLED = {"resampledPixelSpacing": [1, 1, 2.5], "padDistance": 10}

Document = dict[str, Any]
# What is computed → mode and spec.
CASES: dict[str, tuple[str, Document]] = {
    "vector, shape too": ("roi", {"featureClass": {**CLASSES, "shape": []}}),
    **{
        f"vector, {name}": ("roi", {"featureClass": CLASSES, "imageType": {name: FILTERS[name]}})
        for name in FILTERS
    },
    "vector, every filter": ("roi", {"featureClass": CLASSES, "imageType": FILTERS}),
    "vector, normalised": ("roi", {"featureClass": CLASSES, "setting": {"normalize": True, "binWidth": 0.1}}),
    "vector, windowed": (
        "roi",
        {"featureClass": CLASSES, "setting": {"windowLevel": 40, "windowWidth": 400}},
    ),
    "vector, resampled": ("roi", {"featureClass": CLASSES, "setting": RESAMPLED}),
    "4 maps": ("voxel", {"featureClass": SOME}),
    "93 maps": ("voxel", {"featureClass": CLASSES}),
    "4 maps of each filter": ("voxel", {"featureClass": SOME, "imageType": FILTERS}),
}


def make(folder: Path, shape: tuple[int, int, int], voxels: int) -> None:
    """Write an image and a roundish region in its middle, slice by slice."""
    rng = np.random.default_rng(0)
    z, y, x = (np.arange(n) - n / 2 for n in shape)
    radius = (voxels * 3 / (4 * np.pi)) ** (1 / 3)
    image, mask = np.empty(shape, np.int16), np.empty(shape, np.uint8)
    plane = 60 * np.sin(y[:, None] / 9) * np.cos(x / 7)
    for k in range(shape[0]):
        image[k] = plane * np.cos(z[k] / 5) + rng.normal(40, 20, plane.shape)
        mask[k] = y[:, None] ** 2 + x**2 + z[k] ** 2 < radius**2
    np.save(folder / "image.npy", image)
    np.save(folder / "mask.npy", mask)


def measure(folder: Path, name: str, engine_name: str, threads: int) -> str:
    """Compute one of `CASES` in this process and say what it took."""
    set_threads(threads)
    mode, document = CASES[name]
    graph = Spec.from_dict(document).graph(mode)
    engine, _ = choose(engine_name)
    arrays = [np.load(folder / f"{part}.npy") for part in ("image", "mask")]
    geometry = Geometry(arrays[0].shape[::-1], SPACING)
    image, mask = (Volume(array, geometry) for array in arrays)
    before = psutil.Process().memory_info().rss
    start = time.perf_counter()
    result = engine.vector(image, mask, graph) if mode == "roi" else engine.maps(image, mask, graph)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    failed = f"  {len(result.failures)} failed" if result.failures else ""
    told = engine.memory(graph, geometry)
    return f"{name:28}{peak / 1e9:10.3f}{told / 1e9:12.3f}{seconds:10.2f}{failed}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(400, 512, 512), metavar=("Z", "Y", "X"))
    parser.add_argument("--voxels", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--engine", default="cpu")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--measure", nargs=2, metavar=("FOLDER", "CASE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        folder, name = options.measure
        print(measure(Path(folder), name, options.engine, options.threads))
        return
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), tuple(options.shape), options.voxels)
        print(
            f"{time.strftime('%Y-%m-%d')}, engine {options.engine}, image {tuple(options.shape)} int16, about"
        )
        print(f"{options.voxels:,} voxels in the region; GB above both, GB estimated in all, seconds\n")
        for name in CASES:
            if options.only in name:
                command = [sys.executable, "-m", "benchmarks.memory", "--measure", folder, name]
                command += ["--engine", options.engine, "--threads", str(options.threads)]
                print(
                    subprocess.run(command, check=True, capture_output=True, text=True).stdout,
                    end="",
                    flush=True,
                )


if __name__ == "__main__":
    main()
