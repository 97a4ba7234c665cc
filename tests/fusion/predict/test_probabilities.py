"""Averages over chains whose boxes differ."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fusion.predict.probabilities import Probabilities, average
from radstore.images.volume import Geometry

GRID = Geometry((9, 8, 7))


def somewhere(seed: int) -> Probabilities:
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 4, 3)
    high = low + rng.integers(1, 4, 3)
    array = rng.random((3, *(high - low))).astype(np.float32)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return Probabilities(array / array.sum(axis=0), (z, y, x), GRID)


def whole(one: Probabilities) -> np.ndarray:
    """On the full grid, background outside the box."""
    full = np.zeros((3, *GRID.shape), np.float32)
    full[0] = 1
    full[:, *one.box] = one.array
    return full


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=5))
def test_the_mean_is_that_of_the_whole_grids(seeds: list[int]) -> None:
    several = [somewhere(seed) for seed in seeds]
    found, expected = average(several), np.mean([whole(one) for one in several], axis=0)
    np.testing.assert_allclose(whole(found), expected, atol=1e-6)
    np.testing.assert_allclose(found.of(2).array, expected[2], atol=1e-6)
    certain = np.sort(expected, axis=0)[-1] - np.sort(expected, axis=0)[-2] > 1e-5
    np.testing.assert_array_equal(found.labels().array[certain], expected.argmax(axis=0)[certain])
