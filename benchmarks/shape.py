"""Shape features: milliseconds, and ratios to PyRadiomics, in one run.

    python -m benchmarks.shape [--repeat 5]

All 14 features of an irregular region, mask in memory in, numbers out; the best of `--repeat` calls.
PyRadiomics, which compares all mesh vertices with each other, is called once on the larger regions.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import warnings

import numpy as np

from benchmarks import peers
from benchmarks.cases import blob
from benchmarks.measure import seconds
from radstore.images.itk import to_itk
from radstore.images.volume import Volume
from radstore.texture.names import default_features
from radstore.texture.shape import features

NAMES = default_features("shape")
REGIONS = {500: (24, 24, 24), 20_000: (64, 64, 64), 100_000: (100, 110, 110), 200_000: (120, 140, 140)}
LARGE = {1_000_000: (200, 220, 220)}  # ours alone


def ours(mask: Volume) -> peers.Call:
    """Our features of a mask."""
    inside = mask.array == 1
    return lambda: features(inside, mask.geometry.spacing, NAMES)


def pyradiomics(mask: Volume) -> peers.Call:
    """``RadiomicsShape`` on the mask cut to its region, as the extractor cuts it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from radiomics.imageoperations import cropToTumorMask
        from radiomics.shape import RadiomicsShape
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    region = to_itk(mask)
    where = np.argwhere(mask.array == 1)[:, ::-1]
    box = np.stack([where.min(axis=0), where.max(axis=0)], axis=1).ravel()

    def call() -> dict[str, float]:
        image, cut = cropToTumorMask(region, region, box)
        shape = RadiomicsShape(image, cut, label=1)
        shape._initCalculation()
        return {name: float(np.real(getattr(shape, f"get{name}FeatureValue")())) for name in NAMES}

    return call


def difference(mask: Volume) -> float:
    """The largest relative difference between the two."""
    found, expected = ours(mask)(), pyradiomics(mask)()
    return max(abs(found[name] / expected[name] - 1) for name in NAMES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, one thread")
    print(f"{'voxels':>10}{'ours, ms':>10}{'PyRadiomics, ms':>17}{'×':>7}{'difference':>12}")
    for voxels, shape in {**REGIONS, **LARGE}.items():
        mask = blob(shape, voxels, 8)[1]
        mine = seconds(ours(mask), repeat)
        print(f"{voxels:10,}{1e3 * mine:10.2f}", end="")
        if voxels in REGIONS:
            reference = seconds(pyradiomics(mask), repeat if voxels < 50_000 else 1)
            print(
                f"{1e3 * reference:17.1f}{reference / mine:7.0f}{difference(mask):12.1e}", end="", flush=True
            )
        print()


if __name__ == "__main__":
    main()
