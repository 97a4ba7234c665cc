"""The CUDA kernels on a device give the CPU kernels' numbers: 1e-6 for regions, 1e-5 for maps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from radstore import cuda
from radstore.texture.device import VARIANTS
from radstore.texture.windows import FAMILIES, ORDER, Windows

pytestmark = pytest.mark.gpu

SETTINGS = {
    "binWidth": 1.0,
    "distances": [1],
    "symmetricalGLCM": True,
    "weightingNorm": None,
    "gldm_a": 0,
    "voxelArrayShift": 0,
}
GIVEN = [
    {},
    {"symmetricalGLCM": False},
    {"distances": [1, 2], "gldm_a": 1},
    {"force2D": True, "force2Ddimension": 0},
    {"force2D": True, "force2Ddimension": 2, "distances": [2]},
    {"weightingNorm": "euclidean"},
    {"weightingNorm": "no_weighting", "symmetricalGLCM": False},
    {"binCount": 12, "voxelArrayShift": 100},
]
SPACING = (0.8, 0.8, 2.5)


def case(shape, levels, kind="noise", inside=0.8, seed=0):
    """Intensities in [1, levels], float32, and a region."""
    rng = np.random.default_rng(seed)
    if kind == "noise":
        image = rng.integers(1, levels + 1, shape)
    else:
        field = gaussian_filter(rng.normal(size=shape), 1.5)
        image = np.ceil((field - field.min()) / np.ptp(field) * levels)
    mask = rng.random(shape) < inside
    mask[tuple(n // 2 for n in shape)] = True
    return image.astype(np.float32), mask


def assert_close(found, expected, rtol):
    """Relative to the value; where terms cancel, to a bound of their sizes' sum."""
    for name, values in expected.items():
        size = np.abs(values) + 1e-6
        if name == "ClusterShade":
            size = np.sqrt(np.abs(expected["ClusterTendency"] * expected["ClusterProminence"])) + 1e-6
        if name == "Skewness":
            size = np.sqrt(np.abs(expected["Kurtosis"])) + 1e-6
        if name in ("Imc2", "MCC"):  # roots of differences: near 0 it is the square that is accurate
            size = np.maximum(size, np.minimum(1e-9 / size, 3e-5) / rtol)
        there = found[name].get()
        np.testing.assert_array_equal(np.isnan(there), np.isnan(values), err_msg=name)
        away = np.nan_to_num(np.abs(there - values) / size)
        assert away.max() <= rtol, f"{name}: {away.max():.2e} at window {away.argmax()}"


@pytest.fixture
def compare(cupy):
    """(image, mask, family, rtol, centres=None, **settings): assert that device and host agree."""

    def check(image, mask, family, rtol, centres=None, **given):
        settings = {**SETTINGS, **given}
        if "binCount" in settings:
            del settings["binWidth"]
        there = [None if a is None else cupy.asarray(a) for a in (image, mask, centres)]
        found = Windows(there[0], there[1], SPACING, there[2]).features(family, ORDER[family], settings)
        host = Windows(image, mask, SPACING, centres).features(family, ORDER[family], settings, threads=8)
        assert_close(found, host, rtol)

    return check


def some(mask, count, seed=0):
    """Some voxels of a region, as centres."""
    every = np.argwhere(mask).astype(np.int32)
    return every[np.random.default_rng(seed).permutation(len(every))[:count]]


@pytest.mark.parametrize("kind", ["noise", "smooth"])
@pytest.mark.parametrize("given", GIVEN, ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_regions(family, given, kind, compare):
    compare(*case((11, 24, 20), 22, kind), family, 1e-6, **given)


@pytest.mark.parametrize("kind", ["noise", "smooth"])
@pytest.mark.parametrize("given", GIVEN, ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_windows(family, given, kind, compare):
    image, mask = case((9, 16, 18), 22, kind)
    for radius in (1, 2, 5):
        compare(image, mask, family, 1e-5, some(mask, 400), kernelRadius=radius, maskedKernel=True, **given)
    compare(image, mask, family, 1e-5, some(mask, 100), kernelRadius=2, maskedKernel=False, **given)


@pytest.mark.parametrize("levels", [1, 2, 64, 130, 300, 1000])
@pytest.mark.parametrize("family", FAMILIES)
def test_any_number_of_grey_levels(family, levels, compare):
    image, mask = case((12, 14, 16), levels)
    compare(image, mask, family, 1e-6)
    compare(image, mask, family, 1e-5, some(mask, 60), kernelRadius=3, maskedKernel=True)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 8), (3, 1, 40), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_odd_shapes(family, shape, compare):
    image, mask = case(shape, 5)
    compare(image, mask, family, 1e-6)
    compare(image, mask, family, 1e-5, some(mask, 99), kernelRadius=5, maskedKernel=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_large_region(family, compare):
    compare(*case((80, 70, 60), 22, "smooth", inside=0.9), family, 1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_twice_the_same_bits(family, cupy):
    image, mask = case((9, 16, 18), 22)
    centres = cupy.asarray(some(mask, 500))
    windows = Windows(cupy.asarray(image), cupy.asarray(mask), SPACING, centres)
    settings = {**SETTINGS, "kernelRadius": 2, "maskedKernel": True}
    one, other = (windows.features(family, ORDER[family], settings) for _ in range(2))
    for name, values in one.items():
        np.testing.assert_array_equal(values.get(), other[name].get())


@pytest.mark.parametrize("family", FAMILIES)
def test_little_memory_makes_more_batches(family, compare, monkeypatch):
    monkeypatch.setenv(cuda.MEMORY_LIMIT, "1e-4")
    image, mask = case((9, 12, 12), 8)
    compare(image, mask, family, 1e-6)
    compare(image, mask, family, 1e-5, some(mask, 900), kernelRadius=1, maskedKernel=True)


def test_every_source_compiles_for_this_device(cupy):
    for source, defines in VARIANTS:
        code = source.read_text(encoding="utf-8")
        cupy.RawModule(code=code, options=cuda.compile_options(source, defines)).compile()


def test_the_device_is_described(cupy):
    (first, *_) = cuda.devices()
    assert first.memory > 0
    assert first.processors > 0
    assert 0 < cuda.budget() <= first.memory
