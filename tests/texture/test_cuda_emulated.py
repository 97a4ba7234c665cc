"""The CUDA kernels and the Python that calls them, run on the CPU by an emulation: the CPU kernels' numbers.

What can go wrong only on a device (its compiler, its memory, its speed) is left to ``tests/gpu``; races and
missing barriers show here under ``make tsan``.
"""

from __future__ import annotations

import numpy as np
import pytest

from radstore.texture import device
from radstore.texture.device import region as regions
from radstore.texture.device import windows as placing
from radstore.texture.windows import FAMILIES, ORDER, Windows

SETTINGS = {
    "binWidth": 1.0,
    "distances": [1],
    "symmetricalGLCM": True,
    "weightingNorm": None,
    "gldm_a": 0,
    "voxelArrayShift": 0,
}
SPACING = (0.8, 0.8, 2.5)
# What two orders of summation may differ by; roots of differences near zero and sums that cancel more.
TOLERANCE = {
    "MCC": (1e-6, 1e-7),
    "Imc2": (1e-6, 1e-7),
    "ClusterShade": (1e-9, 1e-6),
    "Skewness": (1e-9, 1e-9),
}


def case(shape=(4, 5, 6), levels=8, inside=0.6, seed=0):
    """A noisy image and a region with holes."""
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < inside
    mask[tuple(n // 2 for n in shape)] = True
    return rng.integers(1, levels + 1, shape).astype(np.float32), mask


@pytest.fixture
def compare(emulated):
    """(image, mask, family, voxel=False, **settings): assert that device and host agree."""

    def check(image, mask, family, *, voxel=False, windows=None, **given):
        settings = {**SETTINGS, **({"kernelRadius": 1, "maskedKernel": True} if voxel else {}), **given}
        if "binCount" in settings:
            del settings["binWidth"]
        centres = np.argwhere(mask).astype(np.int32)[:windows] if voxel else None
        host = Windows(image, mask, SPACING, centres)
        there = [None if a is None else emulated.asarray(a) for a in (image, mask, centres)]
        on_device = Windows(there[0], there[1], SPACING, there[2])
        expected = host.features(family, ORDER[family], settings)
        found = on_device.features(family, ORDER[family], settings)
        for name, values in expected.items():
            assert type(found[name]).__module__ == "cupy"
            rtol, atol = TOLERANCE.get(name, (1e-10, 1e-12))
            np.testing.assert_allclose(found[name].get(), values, rtol, atol, err_msg=name)

    return check


@pytest.mark.parametrize("voxel", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family, voxel, compare):
    compare(*case(), family, voxel=voxel)


MATRIX_SETTINGS = [
    {"symmetricalGLCM": False},
    {"distances": [2]},
    {"distances": [1, 2], "gldm_a": 1},
    {"force2D": True, "force2Ddimension": 0},
    {"force2D": True, "force2Ddimension": 2, "distances": [2]},
    {"weightingNorm": "euclidean"},
    {"weightingNorm": "manhattan", "symmetricalGLCM": False},
    {"weightingNorm": "no_weighting", "force2D": True, "force2Ddimension": 1},
    {"binCount": 3, "gldm_a": 2},
    {"voxelArrayShift": 300},
]


@pytest.mark.parametrize("voxel", [False, True])
@pytest.mark.parametrize("given", MATRIX_SETTINGS, ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_setting(family, given, voxel, compare):
    compare(*case((3, 4, 4)), family, voxel=voxel, **given)


@pytest.mark.parametrize("voxel", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("shape", "levels", "inside"),
    [
        ((1, 1, 1), 1, 1),
        ((1, 5, 6), 5, 0.7),
        ((4, 4, 4), 1, 0.5),
        ((5, 6, 7), 2, 0.05),
        ((2, 3, 4), 300, 1.0),
    ],
    ids=str,
)
def test_odd_regions(shape, levels, inside, family, voxel, compare):
    compare(*case(shape, levels, inside), family, voxel=voxel)


@pytest.mark.parametrize("family", FAMILIES)
def test_windows_wider_than_the_image_and_unmasked_ones(family, compare):
    compare(*case((2, 3, 4)), family, voxel=True, kernelRadius=5)
    compare(*case((3, 4, 4)), family, voxel=True, maskedKernel=False)


def test_runs_with_a_gap_keep_their_direction(compare):
    image = np.array([[[3, 1, 3, 1, 2]]], np.float32)
    for norm in (None, "infinity"):
        for voxel in (False, True):
            compare(image, image > 1, "glrlm", voxel=voxel, kernelRadius=2, weightingNorm=norm)


def test_zones_of_all_sizes(compare):
    """A spiral, a plane and single voxels: large zones beside those that have a table."""
    image = np.full((3, 9, 9), 2, np.float32)
    image[0, ::2, ::2] = 5
    image[1] = 3
    for lane, at in enumerate(range(0, 9, 2)):
        image[2, at], image[2, at, 0 if lane % 2 else -1] = 4, 2
    for voxel in (False, True):
        compare(image, image > 0, "glszm", voxel=voxel, kernelRadius=4)


# How a call may be spread over teams and memory, made small enough to happen with a few voxels.
@pytest.fixture
def arrange(emulated, monkeypatch):
    def several_warps_a_window():
        monkeypatch.setattr(placing, "SMALL_WINDOW", 0)

    def one_block_one_team():
        monkeypatch.setattr(placing, "SMALL_WINDOW", 0)
        monkeypatch.setattr(placing, "SMALL_BLOCK", 0)
        monkeypatch.setattr(device.matrices, "OWN_MATRIX", 0)
        monkeypatch.setattr(device.matrices, "OWN_MATRIX_MCC", 0)

    def little_shared_memory():
        monkeypatch.setitem(emulated.FACTS, "sharedMemPerMultiprocessor", 3 * 2048)
        monkeypatch.setattr(regions, "SHARED", 1400)

    def lists_of_cells():
        little_shared_memory()
        monkeypatch.setattr(device.matrices, "LISTED", 0)

    def little_memory():
        monkeypatch.setenv("RADSTORE_GPU_MEMORY", "1e-6")

    return {rule.__name__: rule for rule in (
        several_warps_a_window, one_block_one_team, little_shared_memory, lists_of_cells, little_memory
    )}  # fmt: skip


@pytest.mark.parametrize("voxel", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "rule",
    [
        "several_warps_a_window",
        "one_block_one_team",
        "little_shared_memory",
        "lists_of_cells",
        "little_memory",
    ],
)
def test_however_a_call_is_spread(rule, family, voxel, compare, arrange):
    arrange[rule]()
    compare(*case((3, 4, 5), levels=6), family, voxel=voxel)
    if family in ("glcm", "glrlm"):
        compare(*case((3, 3, 4), levels=6), family, voxel=voxel, weightingNorm="euclidean")


@pytest.mark.parametrize("voxel", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rule", ["several_warps_a_window", "one_block_one_team"])
def test_lanes_wait_for_each_other(rule, family, voxel, compare, arrange, monkeypatch):
    """Few windows and small blocks: `make tsan` runs this with a thread of the system for each lane."""
    monkeypatch.setattr(regions, "DESCRIBE_THREADS", 64)
    monkeypatch.setattr(regions, "COUNT_THREADS", 32)
    arrange[rule]()
    image, mask = case((2, 3, 4), levels=4, inside=0.8)
    compare(image, mask, family, voxel=voxel, windows=2, force2D=True, force2Ddimension=0)
    if family in ("glcm", "glrlm"):
        compare(image, mask, family, voxel=voxel, windows=1, weightingNorm="euclidean")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_number_of_blocks_changes_no_bit(family, emulated, monkeypatch):
    image, mask = case()
    centres = emulated.asarray(np.argwhere(mask).astype(np.int32))
    answers = []
    for processors in (1, 3):
        monkeypatch.setitem(emulated.FACTS, "multiProcessorCount", processors)
        emulated.forget()
        windows = Windows(emulated.asarray(image), emulated.asarray(mask), SPACING, centres)
        answers.append(windows.features(family, ORDER[family], {**SETTINGS, "kernelRadius": 1}))
    for name, values in answers[0].items():
        np.testing.assert_array_equal(values.get(), answers[1][name].get())


def test_only_what_is_wanted(emulated):
    image, mask = (emulated.asarray(a) for a in case())
    found = Windows(image, mask, SPACING).features("glcm", ["Imc1", "Contrast"], SETTINGS)
    assert list(found) == ["Imc1", "Contrast"]
    assert [values.shape for values in found.values()] == [(1,), (1,)]


def test_sums_beyond_32_bits(compare, emulated):
    image, mask = case((3, 4, 4))
    image[0, 0, 0], mask[0, 0, 0] = 1e6, True
    for distances, kernel in (([1], "ngtdm_windows"), ([1, 2], "ngtdm_windows_wide")):
        emulated.launched.clear()
        compare(image, mask, "ngtdm", voxel=True, kernelRadius=4, distances=distances)
        assert emulated.launched == [kernel]
