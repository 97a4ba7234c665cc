"""From settings to kernels: offsets, weights, grey levels, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.texture.names import FEATURES
from radstore.texture.order import FAMILIES, ORDER
from radstore.texture.windows import MAX_GLCM_LEVELS, MAX_LEVELS, NORMS, Windows, neighbour_offsets

SETTINGS = {
    "binWidth": 1.0,
    "symmetricalGLCM": True,
    "weightingNorm": None,
    "gldm_a": 0,
    "distances": [1],
    "voxelArrayShift": 0,
}


def windows(shape=(5, 6, 7), seed=0, centres=True) -> Windows:
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.7
    where = np.argwhere(mask).astype(np.int32) if centres else None
    return Windows(rng.integers(1, 9, shape).astype(np.int16), mask, (1.0, 1.0, 2.0), where)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_kernels_know_every_feature_that_has_a_value(family):
    computed = {feature.name for feature in FEATURES[family].values() if feature.status != "withdrawn"}
    assert computed <= set(ORDER[family])
    assert len(set(ORDER[family])) == len(ORDER[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_features_come_as_asked(family):
    names = list(ORDER[family])[::-2]
    found = windows().features(family, names, {**SETTINGS, "kernelRadius": 1})
    assert list(found) == names
    everything = windows().features(family, ORDER[family], {**SETTINGS, "kernelRadius": 1})
    for name in names:
        np.testing.assert_array_equal(found[name], everything[name])


def test_thirteen_neighbours_in_the_references_order():
    offsets = neighbour_offsets([1], (9, 9, 9))
    assert len(offsets) == 13
    assert offsets[0].tolist() == [1, 1, 1]
    assert offsets[-1].tolist() == [0, 0, 1]


@given(
    distances=st.sets(st.integers(1, 3), min_size=1).map(sorted),
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    plane=st.none() | st.integers(0, 2),
)
def test_offsets_are_one_half_of_a_shell(distances, shape, plane):
    offsets = {tuple(o) for o in neighbour_offsets(distances, shape, plane).tolist()}
    assert not offsets & {tuple(-step for step in o) for o in offsets}
    reach = max(distances)
    for other in np.ndindex(*(2 * reach + 1,) * 3):
        step = tuple(n - reach for n in other)
        inside = all(abs(s) < n for s, n in zip(step, shape, strict=True))
        flat = plane is None or step[plane] == 0
        expected = inside and flat and max(map(abs, step)) in distances
        assert expected == (step in offsets or tuple(-s for s in step) in offsets)


@pytest.mark.parametrize(
    ("norm", "length"), [("infinity", 4), ("euclidean", 5), ("manhattan", 7), ("no_weighting", 1)]
)
def test_norms(norm, length):
    assert NORMS[norm](np.array([[0.0, 3.0, 4.0]])).tolist() == [length]


@pytest.mark.parametrize(
    ("family", "most"), [("glcm", MAX_GLCM_LEVELS), ("gldm", MAX_LEVELS), ("firstorder", MAX_LEVELS)]
)
def test_too_many_grey_levels_are_refused_with_the_remedy(family, most):
    image = np.arange(most + 1.0).reshape(1, 1, -1)
    region = np.ones(image.shape, bool)
    with pytest.raises(ValueError, match=rf"{most + 1:,} grey levels.*widen binWidth"):
        Windows(image, region, (1.0, 1.0, 1.0)).features(family, ORDER[family][:1], SETTINGS)


def test_as_many_grey_levels_as_16_bits_hold():
    image = np.random.default_rng(0).permutation(MAX_LEVELS).reshape(15, 17, -1).astype(float)
    every = Windows(image, np.ones(image.shape, bool), (1.0, 1.0, 1.0))
    for family, name, expected in (
        ("firstorder", "Entropy", np.log2(MAX_LEVELS)),
        ("glrlm", "RunPercentage", 1),
        ("glszm", "ZoneEntropy", np.log2(MAX_LEVELS)),
        ("gldm", "SmallDependenceEmphasis", 1),
    ):
        assert every.features(family, [name], SETTINGS)[name] == pytest.approx(expected), name


def test_an_outlier_far_from_the_rest_is_refused_with_the_remedy():
    image = np.zeros((2, 2, 2))
    image[0, 0, 0] = 1e9
    with pytest.raises(
        ValueError, match=r"from 0 to 1e\+09 take more than 1,048,576 bins of 1: widen binWidth"
    ):
        Windows(image, image >= 0, (1.0, 1.0, 1.0)).features("ngtdm", ["Contrast"], SETTINGS)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_neither_threads_nor_order_nor_company_change_a_bit(family, threads):
    shape, settings = (7, 12, 11), {**SETTINGS, "kernelRadius": 2}
    whole = windows(shape)
    reference = whole.features(family, ORDER[family], settings)
    shuffled = np.random.default_rng(1).permutation(len(whole.centres))
    mixed = Windows(whole.image, whole.mask, whole.spacing, whole.centres[shuffled])
    parts = [
        Windows(whole.image, whole.mask, whole.spacing, part) for part in np.array_split(whole.centres, 3)
    ]
    again = mixed.features(family, ORDER[family], settings, threads)
    split = [part.features(family, ORDER[family], settings, threads) for part in parts]
    for name, values in reference.items():
        np.testing.assert_array_equal(again[name], values[shuffled])
        np.testing.assert_array_equal(np.concatenate([part[name] for part in split]), values)


def test_no_windows_no_values():
    empty = Windows(np.ones((3, 3, 3)), np.ones((3, 3, 3), bool), (1.0, 1.0, 1.0), np.empty((0, 3), np.int32))
    assert empty.features("glcm", ["Imc1"], {**SETTINGS, "kernelRadius": 1})["Imc1"].shape == (0,)


def test_what_needs_no_grey_levels_asks_for_no_bins():
    found = windows(centres=False).features("firstorder", ["Mean"], {"voxelArrayShift": 0})
    inside = windows().image[windows().mask]
    assert found["Mean"].tolist() == [inside.mean()]
