"""Texture maps and vectors on the CPU: seconds, and ratios to the peers, in one run.

    python -m benchmarks.texture [--quick] [--repeat 3] [--no-vector]

Whole calls: image and mask in memory in, maps in memory out. The best of `--repeat` calls; peers that take
more than ten seconds are called once. flash-radiomics is measured where it is installed (``pip install
flash-radiomics==1.0.0 h5py pykwalify trimesh``).
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks import cases, peers

MAPS = {
    "glcm_Correlation": {"glcm": ["Correlation"]},
    "glcm_Imc1": {"glcm": ["Imc1"]},
    "ngtdm_Strength": {"ngtdm": ["Strength"]},
    "glrlm_RunEntropy": {"glrlm": ["RunEntropy"]},
    "glszm_ZoneEntropy": {"glszm": ["ZoneEntropy"]},
    "gldm_DependenceEntropy": {"gldm": ["DependenceEntropy"]},
    "firstorder_Entropy": {"firstorder": ["Entropy"]},
    "all 93 maps": peers.every(),
}
LONG = 10.0  # seconds; slower calls are not repeated
VECTOR = Path(__file__).parents[1] / "pipelines" / "panorama-1486.yaml"


def seconds(call: peers.Call | None, repeat: int) -> float:
    """The best of `repeat` calls; NaN without a call."""
    if call is None:
        return float("nan")
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
        if best > LONG:
            break
    return best


def compare_maps(case: Any, radius: int, repeat: int) -> None:
    """One line a map: ours on one and two threads, PyRadiomics, flash-radiomics, ratios."""
    flash = peers.has_flash()
    print(
        f"\n{'map':24}{'1 thread':>10}{'2 threads':>10}{'1/2':>6}"
        f"{'PyRadiomics':>13}{'×':>8}{'flash, 1 t':>12}{'×':>8}"
    )
    for name, features in MAPS.items():
        one, two = (seconds(peers.ours(case, features, radius, n), repeat) for n in (1, 2))
        reference = seconds(peers.pyradiomics_maps(case, features, radius), repeat)
        other = seconds(peers.flash_maps(case, features, radius, 1) if flash else None, repeat)
        print(
            f"{name:24}{one:10.3f}{two:10.3f}{one / two:6.2f}"
            f"{reference:13.3f}{reference / one:8.1f}{other:12.3f}{other / one:8.1f}",
            flush=True,
        )


def compare_vector(case: Any, repeat: int) -> None:
    """The 1,486-feature vector of one case."""
    document = yaml.safe_load(VECTOR.read_text(encoding="utf-8"))
    one, two = (seconds(peers.our_vector(case, document, n), repeat) for n in (1, 2))
    for own in ("region", "maps"):  # what PyRadiomics does not know
        document.pop(own, None)
    for own in ("windowLevel", "windowWidth"):
        document.get("setting", {}).pop(own, None)
    reference = seconds(peers.pyradiomics(case, document, voxel=False), 1)
    print(
        f"\nvector of 1,486 features: ours {one:.2f} s (1 thread), {two:.2f} s (2); "
        f"PyRadiomics {reference:.2f} s, × {reference / one:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a region of 2,000 voxels")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--radius", type=int, default=2, help="kernelRadius (2: a 5³ window)")
    parser.add_argument("--levels", type=int, default=11)
    parser.add_argument("--voxels", type=int, default=19_952)
    parser.add_argument("--no-vector", action="store_true")
    options = parser.parse_args()
    voxels = 2_000 if options.quick else options.voxels
    case = cases.blob((64, 128, 128), voxels, options.levels)
    print(
        f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} cores; image 128 × 128 × 64, "
        f"region {voxels:,} voxels, {cases.grey_levels(*case)} grey levels, window {2 * options.radius + 1}³"
    )
    compare_maps(case, options.radius, options.repeat)
    if not options.no_vector:
        compare_vector(case, 1)


if __name__ == "__main__":
    main()
