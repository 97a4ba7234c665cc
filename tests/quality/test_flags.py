"""What is flagged, from values alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from radstore.quality.flags import (
    CONSTANT,
    DUPLICATE,
    MASK_ALONE,
    MEANINGLESS,
    ONE_LEVEL,
    REMEDIES,
    UNDEFINED,
    UNSTABLE,
    Flag,
    flagged,
)
from radstore.quality.icc import icc
from radstore.spec import Spec

NAMES = [
    "original_firstorder_Mean",
    "original_glcm_Contrast",
    "original_glcm_Imc1",
    "original_shape_MeshVolume",
]
FEATURES = Spec.from_dict({"features": NAMES}).graph("roi").features
CASES = 6


def values(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(10, 1, (CASES, len(NAMES)))


def flags(change: Any = None, levels: Any = None, stability: Any = None) -> list[Flag]:
    """The flags of values that `change` has spoilt."""
    real, other = values(0), values(1)
    other[:, 3] = real[:, 3]  # shape
    if change:
        change(real, other)
    return flagged(FEATURES, real, other, levels or {}, stability)


def kinds(found: list[Flag]) -> dict[str, str]:
    return {flag.feature: flag.kind for flag in found}


def test_nothing_is_wrong() -> None:
    assert flags() == []


def test_a_shape_feature_may_depend_on_the_mask_alone_but_no_other() -> None:
    def same(real: np.ndarray, other: np.ndarray) -> None:
        other[:, 1] = real[:, 1] * (1 + 1e-13)

    assert kinds(flags(same)) == {NAMES[1]: MASK_ALONE}

    def almost(real: np.ndarray, other: np.ndarray) -> None:
        same(real, other)
        other[2, 1] *= 1.0001  # one image told apart

    assert flags(almost) == []


def test_constant_whatever_its_size() -> None:
    def flat(real: np.ndarray, other: np.ndarray) -> None:
        real[:, 0], real[:, 1] = 0.0, 1e-12
        real[:, 2] = 1e9 + np.arange(CASES) * 10  # varies by 1e-8

    assert kinds(flags(flat)) == {NAMES[0]: CONSTANT, NAMES[1]: CONSTANT}


@pytest.mark.parametrize(("missing", "told"), [(1, False), (2, True), (6, True)])
def test_undefined_in_more_than_a_fifth(missing: int, told: bool) -> None:
    def holes(real: np.ndarray, _: np.ndarray) -> None:
        real[:missing, 2] = [np.nan, np.inf, np.nan, -np.inf, np.nan, np.nan][:missing]

    found = flags(holes)
    assert (UNDEFINED in {flag.kind for flag in found}) == told
    if told:
        assert found[0].numbers == {"undefined": missing, "cases": CASES}


def test_one_grey_level() -> None:
    found = flags(
        levels={NAMES[1]: np.array([1.0, 1.0, 3.0, 1, 1, 1]), NAMES[2]: np.array([2.0] * 5 + [1.0])}
    )
    assert kinds(found) == {NAMES[1]: ONE_LEVEL}
    assert found[0].message == "one grey level in 5 of 6 cases (binWidth 25)"


def test_a_duplicate_names_the_earlier_one() -> None:
    def repeat(real: np.ndarray, other: np.ndarray) -> None:
        for table in (real, other):
            table[:, 2] = -2 * table[:, 0] + 5

    found = flags(repeat)
    assert kinds(found) == {NAMES[2]: DUPLICATE}
    assert found[0].numbers["duplicate_of"] == NAMES[0]
    assert found[0].numbers["r"] == pytest.approx(-1)


def test_a_duplicate_among_a_few_cases_alone_is_chance() -> None:
    def by_chance(real: np.ndarray, _: np.ndarray) -> None:
        real[:, 2] = real[:, 0]

    assert flags(by_chance) == []


def test_of_three_alike_one_is_kept() -> None:
    def repeat(real: np.ndarray, other: np.ndarray) -> None:
        for table in (real, other):
            table[:, 1], table[:, 2] = 3 * table[:, 0], table[:, 0] - 1

    assert kinds(flags(repeat)) == {NAMES[1]: DUPLICATE, NAMES[2]: DUPLICATE}


def test_unstable_only_if_sure() -> None:
    random = np.random.default_rng(0)
    cases = random.normal(size=(CASES, 1, len(NAMES)))
    moved = cases + 0.01 * random.normal(size=(CASES, 4, len(NAMES)))
    moved[:, :, 1] += [0, 5, -5, 10]  # the outline moves it more than the case
    found = flags(stability=icc(moved))
    assert kinds(found) == {NAMES[1]: UNSTABLE}
    assert found[0].numbers["icc_high"] < 0.5
    wide = icc(moved[:2])  # two cases: the interval is wide
    assert flags(stability=wide) == []


def test_every_flag_has_a_remedy_and_advice_is_not_an_error() -> None:
    assert set(REMEDIES) == {CONSTANT, ONE_LEVEL, MASK_ALONE, UNDEFINED, DUPLICATE, UNSTABLE}
    assert set(REMEDIES) - MEANINGLESS == {DUPLICATE, UNSTABLE}
