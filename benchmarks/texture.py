"""Texture maps and vectors: seconds, and ratios to the peers, in one run.

    python -m benchmarks.texture [--case usual|large|quick] [--engine cpu|cuda] [--repeat 3] [--no-vector]

Whole calls: image and mask in memory in, maps in memory out. The best of `--repeat` calls; what takes more
than ten seconds is called once. Peers are measured where they are installed: flash-radiomics (``pip install
flash-radiomics==1.0.0 h5py pykwalify trimesh``) and PyTorchRadiomics (``pip install --no-deps
pytorchradiomics==0.0.5``, and torch).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import yaml

from benchmarks import cases, peers
from benchmarks.measure import machine, seconds
from radstore.engines.registry import choose

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
VECTOR = Path(__file__).parents[1] / "pipelines" / "panorama-1486.yaml"


def compare_maps(case: peers.Case, radius: int, repeat: int, engine: str, threads: tuple[int, ...]) -> None:
    """One line a map: our seconds for each number of threads, then each peer's and how many times ours."""
    others = contenders(case, radius, engine)
    print("\n" + "map".ljust(24) + "".join(f"{n} thread{'s'[: n > 1]}".rjust(11) for n in threads), end="")
    print("".join(name.rjust(24) + "×".rjust(8) for name in others))
    for name, features in MAPS.items():
        taken = [seconds(peers.ours(case, features, radius, n, engine), repeat) for n in threads]
        print(name.ljust(24) + "".join(f"{t:11.4f}" for t in taken), end="", flush=True)
        for other in others.values():
            theirs = seconds(other(features), repeat)
            print(f"{theirs:24.3f}{theirs / taken[0]:8.1f}", end="", flush=True)
        print()


def contenders(
    case: peers.Case, radius: int, engine: str
) -> dict[str, Callable[[dict[str, list[str]]], peers.Call]]:
    """Who else is here: name → what makes a call for some features; on the GPU if our engine is."""
    found: dict[str, Callable[[dict[str, list[str]]], peers.Call]] = {
        "PyRadiomics": lambda features: peers.pyradiomics_maps(case, features, radius)
    }
    if peers.has(*peers.FLASH):
        backend = "cuda" if engine == "cuda" else "cpu"
        found[f"flash-radiomics, {backend}"] = lambda fs: peers.flash_maps(case, fs, radius, backend)
    if peers.has(*peers.TORCH):
        name = f"PyTorchRadiomics, {peers.torch_device()}"
        found[name] = lambda features: peers.torch_maps(case, features, radius)
    return found


def compare_vector(case: peers.Case, engine: str, threads: tuple[int, ...]) -> None:
    """The 1,486-feature vector of one case."""
    document = yaml.safe_load(VECTOR.read_text(encoding="utf-8"))
    taken = [seconds(peers.our_vector(case, document, n, engine), 1) for n in threads]
    for own in ("region", "maps"):  # what PyRadiomics does not know
        document.pop(own, None)
    for own in ("windowLevel", "windowWidth"):
        document.get("setting", {}).pop(own, None)
    reference = seconds(peers.pyradiomics(case, document, voxel=False), 1)
    ours = ", ".join(f"{t:.2f} s ({n} thread{'s'[: n > 1]})" for t, n in zip(taken, threads, strict=True))
    print(f"\n1,486 features: ours {ours}; PyRadiomics {reference:.2f} s, × {reference / taken[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=cases.SIZES, default="usual")
    parser.add_argument("--quick", action="store_const", const="quick", dest="case", help="--case quick")
    parser.add_argument("--engine", default="cpu")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="ratios are to the first")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--radius", type=int, default=2, help="kernelRadius (2: a 5³ window)")
    parser.add_argument("--levels", type=int, help="grey levels, if others than the case's")
    parser.add_argument("--voxels", type=int, help="voxels of the region, if others than the case's")
    parser.add_argument("--no-vector", action="store_true")
    options = parser.parse_args()
    size = cases.SIZES[options.case]
    size = replace(size, voxels=options.voxels or size.voxels, levels=options.levels or size.levels)
    case, threads = cases.make(size), tuple(options.threads)
    print("; ".join(f"{k} {v}" for k, v in machine(choose(options.engine)[0].device).items()))
    print(
        f"image {' × '.join(map(str, size.shape[::-1]))}, region {size.voxels:,} voxels, "
        f"{cases.grey_levels(*case)} grey levels, window {2 * options.radius + 1}³"
    )
    compare_maps(case, options.radius, options.repeat, options.engine, threads)
    if not options.no_vector:
        compare_vector(case, options.engine, threads)


if __name__ == "__main__":
    main()
