"""Windows that roll along x have the numbers of windows computed one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radstore.texture import windows as module
from radstore.texture.order import FAMILIES, ORDER
from radstore.texture.windows import Windows

SETTINGS = {
    "binWidth": 1.0,
    "symmetricalGLCM": True,
    "weightingNorm": None,
    "gldm_a": 0,
    "distances": [1],
    "voxelArrayShift": 0,
    "kernelRadius": 2,
}


@st.composite
def grids(draw):
    """An image, and a mask with gaps that may touch the border; axes of 1 to 14 voxels, the last up to 90."""
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 8)), draw(st.sampled_from([1, 2, 5, 14, 90])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = rng.integers(1, draw(st.sampled_from([2, 5, 12, 70, 300])) + 1, shape).astype(np.float64)
    if draw(st.booleans()):
        image = np.sort(image, axis=2)  # long runs, large zones, flat windows
    mask = rng.random(shape) < draw(st.sampled_from([0.1, 0.6, 1.0]))
    mask.flat[rng.integers(mask.size)] = True
    return image, mask


any_settings = st.fixed_dictionaries(
    {
        "kernelRadius": st.integers(1, 5),
        "maskedKernel": st.booleans(),
        "distances": st.sampled_from([[1], [1, 2], [3]]),
        "gldm_a": st.integers(0, 2),
        "symmetricalGLCM": st.booleans(),
        "weightingNorm": st.sampled_from([None, None, "manhattan"]),
        "voxelArrayShift": st.sampled_from([0, 500]),
        "force2D": st.booleans(),
        "force2Ddimension": st.integers(0, 2),
    }
)


def describe(image, mask, family, asked, centres=None, threads=1, wanted=None):
    where = np.argwhere(mask).astype(np.int32) if centres is None else centres
    of = Windows(image, mask, (1.0, 1.0, 2.0), where)
    return of.features(family, wanted or ORDER[family], {**SETTINGS, **asked}, threads)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=60)
@given(grid=grids(), asked=any_settings)
def test_rolling_is_computing_one_by_one(family, grid, asked):
    rolled = describe(*grid, family, asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROLLING", False)
        alone = describe(*grid, family, asked)
    for name, values in alone.items():
        spread = 1e-9 * max(1.0, np.nanmax(np.abs(values), initial=0.0))  # what cancels is near zero
        np.testing.assert_allclose(rolled[name], values, rtol=1e-9, atol=spread, err_msg=name)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=25)
@given(grid=grids(), asked=any_settings, data=st.data())
def test_a_window_has_the_same_bits_wherever_its_strip_begins(family, grid, asked, data):
    image, mask = grid
    together = describe(image, mask, family, asked, threads=2)
    centres = np.argwhere(mask).astype(np.int32)
    for w in data.draw(st.lists(st.integers(0, len(centres) - 1), min_size=1, max_size=6)):
        alone = describe(image, mask, family, asked, centres[w : w + 1])
        for name, values in together.items():
            assert values[w].tobytes() == alone[name][0].tobytes(), name


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=10)
@given(grid=grids(), asked=any_settings)
def test_a_feature_has_the_same_bits_whatever_is_wanted_beside_it(family, grid, asked):
    everything = describe(*grid, family, asked)
    for name in ORDER[family]:
        found = describe(*grid, family, asked, wanted=[name])[name]
        assert found.tobytes() == everything[name].tobytes(), name


def test_a_large_offset_leaves_first_order_moments_exact():
    rng = np.random.default_rng(4)
    image = rng.choice([-1.0, 1.0], (5, 6, 20))
    mask = np.ones(image.shape, bool)
    near, far = (describe(image + at, mask, "firstorder", {}) for at in (0.0, 2.0**20))
    for name in ("Variance", "Skewness", "Kurtosis", "MeanAbsoluteDeviation", "InterquartileRange"):
        np.testing.assert_allclose(far[name], near[name], rtol=1e-9, atol=1e-9)
