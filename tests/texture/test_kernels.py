"""The kernels give PyRadiomics' numbers: any region, any grey levels, any setting, both modes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from radstore.texture.order import FAMILIES

ROI = 1e-6
MAPS = 1e-5


def examples(count):
    """So many; the fixtures only answer questions, so hypothesis may ask them again and again."""
    return settings(
        max_examples=count,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def regions(shape):
    """How a mask may look on a grid of `shape`: (seed) → bool array with at least one voxel."""

    def scattered(rng):
        return rng.random(shape) < 0.3

    def solid(rng):
        return rng.random(shape) < 0.9

    def everything(rng):
        return np.ones(shape, bool)

    def one_slice(rng):
        mask = np.zeros(shape, bool)
        mask[shape[0] // 2] = rng.random(shape[1:]) < 0.8
        return mask

    def two_parts(rng):
        mask = np.ones(shape, bool)
        mask[:, shape[1] // 2] = False
        return mask

    def block_and_a_voxel_alone(rng):
        mask = np.zeros(shape, bool)
        mask[: max(1, shape[0] // 2), : max(1, shape[1] // 2), : max(1, shape[2] // 2)] = True
        mask[-1, -1, -1] = True
        return mask

    return (scattered, solid, everything, one_slice, two_parts, block_and_a_voxel_alone)


def textures(shape):
    """How intensities may look: (rng, levels) → float32 in [1, levels]."""

    def noise(rng, levels):
        return rng.integers(1, levels + 1, shape)

    def smooth(rng, levels):
        field = gaussian_filter(rng.normal(size=shape), 1.0)
        return np.ceil((field - field.min()) / (np.ptp(field) or 1) * levels)

    def two_flat_halves(rng, levels):
        return np.where(np.arange(shape[2]) < shape[2] / 2, 1, levels) * np.ones(shape)

    def flat(rng, levels):
        return np.full(shape, levels)

    return (noise, smooth, two_flat_halves, flat)


@st.composite
def cases(draw, sizes, levels):
    shape = draw(st.tuples(*[st.integers(*sizes)] * 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = draw(st.sampled_from(regions(shape)))(rng)
    if not mask.any():
        mask[tuple(n // 2 for n in shape)] = True
    image = draw(st.sampled_from(textures(shape)))(rng, draw(levels))
    return image.astype(np.float32), mask


@st.composite
def matrix_settings(draw):
    """Any setting that changes a texture matrix; most keep their defaults."""
    every = {
        "distances": st.sampled_from([[1], [1], [2], [1, 2]]),
        "symmetricalGLCM": st.booleans(),
        "weightingNorm": st.sampled_from([None, "infinity", "euclidean", "manhattan", "no_weighting"]),
        "gldm_a": st.integers(0, 3),
        "voxelArrayShift": st.sampled_from([0, 300]),
        "spacing": st.sampled_from([(1.0, 1.0, 1.0), (0.7, 0.7, 2.5), (1.1, 0.9, 1.0)]),
    }
    chosen = {name: draw(values) for name, values in every.items() if draw(st.booleans())}
    if draw(st.integers(0, 3)) == 0:
        chosen |= {"force2D": True, "force2Ddimension": draw(st.integers(0, 2))}
    if draw(st.integers(0, 4)) == 0:
        chosen["binCount"] = draw(st.integers(1, 20))
    return chosen


@pytest.mark.parametrize("family", FAMILIES)
@examples(100)
@given(case=cases((1, 8), st.sampled_from([2, 3, 8, 24])), given_settings=matrix_settings())
def test_regions(family, case, given_settings, ours, theirs, rounding_settled, assert_parity):
    reference = theirs(*case, family, **given_settings)
    assert_parity(ours(*case, family, **given_settings), reference, ROI)


@pytest.mark.parametrize("family", FAMILIES)
@examples(6)
@given(case=cases((6, 12), st.just(300)), symmetric=st.booleans())
def test_regions_of_hundreds_of_grey_levels(
    family, case, symmetric, ours, theirs, rounding_settled, assert_parity
):
    mine = ours(*case, family, symmetricalGLCM=symmetric)
    assert_parity(mine, theirs(*case, family, symmetricalGLCM=symmetric), ROI)


@pytest.mark.parametrize("family", FAMILIES)
@examples(50)
@given(
    case=cases((1, 4), st.sampled_from([2, 5, 12])),
    given_settings=matrix_settings(),
    radius=st.integers(1, 5),
    masked=st.booleans(),
)
def test_windows(family, case, given_settings, radius, masked, ours, theirs, rounding_settled, assert_parity):
    asked = {**given_settings, "kernelRadius": radius, "maskedKernel": masked}
    reference = theirs(*case, family, voxel=True, **asked)
    assert_parity(ours(*case, family, voxel=True, **asked), reference, MAPS)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@examples(60)
@given(
    case=cases((3, 8), st.sampled_from([2, 12, 40])),
    given_settings=matrix_settings(),
    radius=st.integers(1, 3),
    masked=st.booleans(),
)
def test_larger_windows(
    family, case, given_settings, radius, masked, ours, theirs, rounding_settled, assert_parity
):
    asked = {**given_settings, "kernelRadius": radius, "maskedKernel": masked}
    reference = theirs(*case, family, voxel=True, **asked)
    assert_parity(ours(*case, family, voxel=True, **asked), reference, MAPS)


@pytest.fixture
def edge_case():
    """A flat block, a rough block, and one voxel alone; float32."""
    image = np.random.default_rng(3).integers(1, 9, (3, 4, 14)).astype(np.float32)
    image[:, :, :4] = 5
    mask = np.zeros(image.shape, bool)
    mask[:, :, :9] = True
    mask[1, 1, 12] = True
    return image, mask


def at(values, mask, z, y, x):
    """The value of a map at one voxel."""
    return values[np.flatnonzero((np.argwhere(mask) == (z, y, x)).all(axis=1))[0]]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_voxel_alone(family, edge_case, ours):
    image, mask = edge_case
    found = {name: at(v, mask, 1, 1, 12) for name, v in ours(image, mask, family, voxel=True).items()}
    if family in ("glcm", "glrlm"):
        assert np.isnan(list(found.values())).all()
    elif family == "ngtdm":
        assert found == {"Coarseness": 1e6, "Busyness": 0, "Complexity": 0, "Contrast": 0, "Strength": 0}
    else:
        assert np.isfinite(list(found.values())).all()
    if family == "firstorder":
        assert found["Skewness"] == found["Kurtosis"] == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_flat_window_of_a_region_that_is_not_flat(family, edge_case, ours, theirs):
    image, mask = edge_case
    found = {name: at(v, mask, 1, 1, 1) for name, v in ours(image, mask, family, voxel=True).items()}
    reference = {name: at(v, mask, 1, 1, 1) for name, v in theirs(image, mask, family, voxel=True).items()}
    assert np.isfinite(list(found.values())).all()
    assert found == pytest.approx(reference, rel=1e-6, abs=1e-12)
    if family == "glcm":
        assert found["Correlation"] == 1
        assert found["Imc1"] == found["Imc2"] == found["MCC"] == 0
    for name, value in found.items():
        if name.endswith("Entropy") and abs(reference[name]) < 1e-12:  # log2(1 + ε), not 0
            assert value == pytest.approx(reference[name], rel=1e-6), name
    if family == "firstorder":
        assert found["Skewness"] == found["Kurtosis"] == 0
    if family == "ngtdm":
        assert found == {"Coarseness": 1e6, "Busyness": 0, "Complexity": 0, "Contrast": 0, "Strength": 0}


def test_one_grey_level_has_an_mcc_of_one(ours):
    flat = np.ones((3, 4, 5), np.float32)
    assert ours(flat, flat == 1, "glcm")["MCC"] == 1


def test_a_flat_window_of_any_value_has_no_spread(ours):
    flat = np.full((3, 4, 5), 1 / 3)  # 60 × ⅓ / 60 is not ⅓
    found = ours(flat, flat > 0, "firstorder")
    assert found["Variance"] == found["Skewness"] == found["Kurtosis"] == 0


@pytest.mark.parametrize("norm", ["infinity", "euclidean", "manhattan"])
def test_weights_that_underflow_to_zero_are_no_pairs(norm, ours, theirs, rounding_settled, assert_parity):
    rng = np.random.default_rng(5)
    image = rng.integers(1, 5, (4, 5, 6)).astype(np.float32)
    asked = {"spacing": (1.0, 1.0, 40.0), "weightingNorm": norm}
    for family in ("glcm", "glrlm"):
        mine = ours(image, image > 1, family, **asked)
        assert_parity(mine, theirs(image, image > 1, family, **asked), ROI)
    asked["spacing"] = (40.0, 40.0, 40.0)
    assert np.isnan(list(ours(image, image > 1, "glcm", **asked).values())).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_grid_around_a_region_changes_nothing(family, ours):
    rng = np.random.default_rng(8)
    image, mask = rng.integers(1, 9, (5, 6, 7)).astype(np.float32), rng.random((5, 6, 7)) < 0.6
    wide = np.pad(image, 4, constant_values=77), np.pad(mask, 4)
    for voxel in (False, True):
        one = ours(image, mask, family, voxel=voxel)
        other = ours(*wide, family, voxel=voxel)
        for name, values in one.items():
            np.testing.assert_array_equal(values, other[name])


@pytest.mark.parametrize("axes", [(0, 2, 1), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("family", FAMILIES)
def test_no_axis_is_special(family, axes, ours, assert_parity):
    rng = np.random.default_rng(9)
    image, mask = rng.integers(1, 9, (5, 6, 7)).astype(np.float32), rng.random((5, 6, 7)) < 0.6
    turned = ours(image.transpose(axes), mask.transpose(axes), family)
    assert_parity(turned, ours(image, mask, family), 1e-11)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_grid_without_neighbours_is_a_voxel_alone(family, ours):
    one = np.full((1, 1, 1), 3, np.float32)
    for voxel in (False, True):
        found = np.array([np.squeeze(v) for v in ours(one, one > 0, family, voxel=voxel).values()])
        assert np.isnan(found).all() if family in ("glcm", "glrlm") else np.isfinite(found).all()
