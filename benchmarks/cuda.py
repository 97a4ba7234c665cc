"""The CUDA kernels on this machine's device: first use, kernels, whole calls, and ratios to the peers.

    python -m benchmarks.cuda [--repeat 5] [--no-peers]

Needs numpy, scipy and cupy; flash-radiomics and PyTorchRadiomics are measured where they are installed.
Times are the best of `--repeat` calls, in ms. "kernel": between two events on the device, where the image is
already; "whole": NumPy arrays in, NumPy arrays out.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from radstore import cuda
from radstore.texture.device import VARIANTS
from radstore.texture.windows import FAMILIES, ORDER, Windows

BIN_WIDTH = 25.0
SPACING = (0.8, 0.8, 2.5)
SETTINGS = {
    "binWidth": BIN_WIDTH,
    "distances": [1],
    "symmetricalGLCM": True,
    "weightingNorm": None,
    "gldm_a": 0,
    "voxelArrayShift": 0,
    "maskedKernel": True,
}
MAPS: Mapping[str, tuple[str, Sequence[str]]] = {
    "glcm_Correlation": ("glcm", ["Correlation"]),
    "glcm_Imc1": ("glcm", ["Imc1"]),
    "glcm_MCC": ("glcm", ["MCC"]),
    "ngtdm_Strength": ("ngtdm", ["Strength"]),
    "glrlm_RunEntropy": ("glrlm", ["RunEntropy"]),
    "glszm_ZoneEntropy": ("glszm", ["ZoneEntropy"]),
    "gldm_DependenceEntropy": ("gldm", ["DependenceEntropy"]),
    "firstorder_Entropy": ("firstorder", ["Entropy"]),
    "firstorder_Median": ("firstorder", ["Median"]),
    **{f"all of {family}": (family, ORDER[family]) for family in FAMILIES},
}
# The passes of the eight published maps: each on an image of its own.
PUBLISHED = (
    ("glcm", ["Correlation"]),
    ("glszm", ["SizeZoneNonUniformityNormalized"]),
    ("ngtdm", ["Strength"]),
    ("glcm", ["Correlation"]),
    ("glcm", ["Imc1", "Imc2"]),
    ("glrlm", ["LongRunEmphasis", "ShortRunEmphasis"]),
)


def blob(
    voxels: int, levels: int, shape: tuple[int, int, int] = (64, 128, 128)
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth noise, and a region of exactly so many voxels in its middle; see `benchmarks.cases`."""
    while np.prod(shape) < 3 * voxels:
        shape = (shape[0] * 2, shape[1] * 2, shape[2] * 2)
    rng = np.random.default_rng(0)
    surface = gaussian_filter(rng.normal(size=shape), 6.0)
    distance = sum(((index - n / 2) / n) ** 2 for index, n in zip(np.indices(shape), shape, strict=True))
    order = np.argsort((np.sqrt(distance) + 0.06 * surface / surface.std()).ravel(), kind="stable")
    mask = np.zeros(np.prod(shape), bool)
    mask[order[:voxels]] = True
    mask = mask.reshape(shape)
    texture = gaussian_filter(rng.normal(size=shape), 1.2)
    inside = texture[mask]
    unit = (texture - inside.min()) / (inside.max() - inside.min())
    return np.rint(1 + unit * (levels * BIN_WIDTH - 2)).astype(np.float32), mask


def crop(image: np.ndarray, mask: np.ndarray, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """The region's box with a margin."""
    where = np.argwhere(mask)
    low, high = np.maximum(where.min(axis=0) - margin, 0), where.max(axis=0) + margin + 1
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return np.ascontiguousarray(image[box]), np.ascontiguousarray(mask[box])


def best(call: Callable[[], float], repeat: int) -> float:
    """The shortest of `repeat` measurements, after one that does not count."""
    call()
    return min(call() for _ in range(repeat))


def on_device(
    windows: Windows, family: str, wanted: Sequence[str], settings: Mapping[str, Any]
) -> Callable[[], float]:
    """Milliseconds between two events around a call whose arrays are on the device."""
    import cupy

    windows.features(family, wanted, settings)  # grey levels are kept from here on

    def call() -> float:
        start, end = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        windows.features(family, wanted, settings)
        end.record()
        end.synchronize()  # the time is known when the device is through
        return float(cupy.cuda.get_elapsed_time(start, end))

    return call


def whole(
    image: np.ndarray, mask: np.ndarray, asked: Sequence[tuple[str, Sequence[str]]], radius: int | None
) -> Callable[[], float]:
    """Milliseconds of uploading, all asked features, and their way back."""
    import cupy

    def call() -> float:
        start = time.perf_counter()
        inside = cupy.asarray(mask)
        centres = None if radius is None else cupy.argwhere(inside).astype(np.int32)
        windows = Windows(cupy.asarray(image), inside, SPACING, centres)
        settings = {**SETTINGS, "kernelRadius": radius or 0}
        found = [windows.features(family, wanted, settings) for family, wanted in asked]
        for values in found:
            cupy.stack(list(values.values())).astype(np.float32).get()
        return 1e3 * (time.perf_counter() - start)

    return call


def first_use() -> None:
    """NVRTC on all sources, with an empty cache and with a full one."""
    import cupy

    with tempfile.TemporaryDirectory() as cache:
        os.environ["CUPY_CACHE_DIR"] = cache
        print(f"\n{'source':28}{'first use, s':>14}{'cached, s':>12}")
        total = 0.0
        for source, defines in VARIANTS:
            times = []
            for _ in range(2):
                start = time.perf_counter()
                options = cuda.compile_options(source, defines)
                cupy.RawModule(code=source.read_text(encoding="utf-8"), options=options).compile()
                times.append(time.perf_counter() - start)
            total += times[0]
            print(f"{' '.join((source.name, *defines)):28}{times[0]:14.2f}{times[1]:12.3f}")
        print(f"{'all':28}{total:14.2f}")
        del os.environ["CUPY_CACHE_DIR"]


def maps(voxels: int, levels: int, radius: int, repeat: int) -> None:
    """One line a map: kernel, whole call."""
    import cupy

    image, mask = crop(*blob(voxels, levels), radius)
    settings = {**SETTINGS, "kernelRadius": radius}
    centres = cupy.asarray(np.argwhere(mask).astype(np.int32))
    windows = Windows(cupy.asarray(image), cupy.asarray(mask), SPACING, centres)
    print(f"\n{voxels:,} voxels, {levels} grey levels, window {2 * radius + 1}³")
    print(f"{'map':26}{'kernel, ms':>12}{'whole, ms':>12}")
    for name, (family, wanted) in MAPS.items():
        kernel = best(on_device(windows, family, wanted, settings), repeat)
        print(
            f"{name:26}{kernel:12.2f}{best(whole(image, mask, [(family, wanted)], radius), repeat):12.2f}",
            flush=True,
        )
    every = [(family, ORDER[family]) for family in FAMILIES]
    print(f"{'all 93 maps':26}{'':12}{best(whole(image, mask, every, radius), repeat):12.2f}")
    eight = sum(best(on_device(windows, family, wanted, settings), repeat) for family, wanted in PUBLISHED)
    print(f"{'eight published, kernels':26}{eight:12.2f}")


def regions(levels: int, repeat: int) -> None:
    """ROI mode: how the cost grows with the region."""
    print(f"\nregions, {levels} grey levels, all features of a class, whole call, ms")
    print(f"{'voxels':>10}" + "".join(f"{family:>12}" for family in FAMILIES))
    for voxels in (1_000, 10_000, 100_000, 1_000_000):
        image, mask = crop(*blob(voxels, levels), 0)
        times = [best(whole(image, mask, [(family, ORDER[family])], None), repeat) for family in FAMILIES]
        print(f"{voxels:10,}" + "".join(f"{t:12.2f}" for t in times), flush=True)


def flash(image: np.ndarray, mask: np.ndarray, radius: int) -> Callable[[str, Sequence[str]], float] | None:
    """(family, wanted) → milliseconds of flash-radiomics' CUDA backend; None where it is not installed."""
    try:
        import SimpleITK as sitk
        from flash_radiomics.featureextractor import RadiomicsFeatureExtractor
    except ImportError:
        return None
    logging.getLogger("flash_radiomics").setLevel(logging.CRITICAL)
    pair = [sitk.GetImageFromArray(image), sitk.GetImageFromArray(mask.astype(np.uint8))]
    for volume in pair:
        volume.SetSpacing(SPACING)

    def call(family: str, wanted: Sequence[str]) -> float:
        start = time.perf_counter()
        extractor = RadiomicsFeatureExtractor(
            backend="cuda", binWidth=BIN_WIDTH, kernelRadius=radius, additionalInfo=False
        )
        extractor.disableAllFeatures()
        extractor.enableFeaturesByName(**{family: list(wanted)})
        ready = extractor.preprocess_case(*map(sitk.Image, pair), label=1, spatialMode=True)
        extractor.extract_from_preprocessed(ready)
        return 1e3 * (time.perf_counter() - start)

    return call


def torch_radiomics(
    image: np.ndarray, mask: np.ndarray, radius: int
) -> Callable[[str, Sequence[str]], float] | None:
    """(family, wanted) → milliseconds of PyTorchRadiomics; None where it is not installed."""
    try:
        import SimpleITK as sitk
        import torchradiomics
    except ImportError:
        return None
    classes = {name.removeprefix("TorchRadiomics").lower(): cls for name, cls in vars(torchradiomics).items()
               if name.startswith("TorchRadiomics")}  # fmt: skip
    pair = [sitk.GetImageFromArray(image), sitk.GetImageFromArray(mask.astype(np.uint8))]
    for volume in pair:
        volume.SetSpacing(SPACING)

    def call(family: str, wanted: Sequence[str]) -> float:
        start = time.perf_counter()
        features = classes[family](
            *pair, voxelBased=True, kernelRadius=radius, binWidth=BIN_WIDTH, voxelBatch=1000, device="cuda"
        )
        for name in wanted:
            features.enableFeatureByName(name)
        features.execute()
        return 1e3 * (time.perf_counter() - start)

    return call


def peers(voxels: int, levels: int, radius: int, repeat: int) -> None:
    """One line a map: ours, theirs, ratios."""
    image, mask = crop(*blob(voxels, levels), radius)
    makers = {"flash-radiomics": flash, "PyTorchRadiomics": torch_radiomics}
    found = {name: make(image, mask, radius) for name, make in makers.items()}
    there = {name: call for name, call in found.items() if call}
    print(f"\npeers: {', '.join(there) or 'none is installed'}; whole call, ms")
    print(f"{voxels:,} voxels, {levels} grey levels, window {2 * radius + 1}³")
    for name, (family, wanted) in MAPS.items():
        ours = best(whole(image, mask, [(family, wanted)], radius), repeat)
        theirs = [best(partial(call, family, wanted), repeat) for call in there.values()]
        print(f"{name:26}{ours:10.2f}" + "".join(f"{t:12.1f} (× {t / ours:.0f})" for t in theirs), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    device = cuda.current()
    print(f"{time.strftime('%Y-%m-%d')}, {device.name}, {device.processors} multiprocessors")
    first_use()
    maps(19_952, 11, 2, options.repeat)
    maps(30_992, 22, 5, options.repeat)
    maps(100_000, 32, 5, options.repeat)
    regions(22, options.repeat)
    if not options.no_peers:
        peers(19_952, 11, 2, options.repeat)
        peers(30_992, 22, 5, 2)


if __name__ == "__main__":
    main()
