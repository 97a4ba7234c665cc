"""The paired permutation test and Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.evaluate.bootstrap import Draws
from fusion.evaluate.cases import CaseResult
from fusion.evaluate.compare import compare, holm, in_ranks
from fusion.evaluate.scores import score


def sharper(results: list[CaseResult], power: float) -> list[CaseResult]:
    """The same ranks on another scale."""
    return [
        replace(
            r,
            score=r.score**power,
            findings=tuple(f._replace(confidence=f.confidence**power) for f in r.findings),
        )
        for r in results
    ]


def test_identical_rows(draw_cohort: Callable) -> None:
    results = draw_cohort()
    for other in (list(results), list(reversed(results)), sharper(results, 3)):
        for one in compare({"a": results, "b": other}, Draws.of(results, 50)):
            assert (one.p, one.exact, one.permutations) == (1.0, True, 1)
            assert one.difference == pytest.approx(0)


def test_exact_against_all_swaps_by_hand(draw_cohort: Callable) -> None:
    first, second = in_ranks(draw_cohort(1, 8)), in_ranks(draw_cohort(2, 8, skill=2))
    ways = []
    for swapped in product((False, True), repeat=8):
        ours = [b if swap else a for a, b, swap in zip(first, second, swapped, strict=True)]
        theirs = [a if swap else b for a, b, swap in zip(first, second, swapped, strict=True)]
        ways.append(score(theirs).ap - score(ours).ap)
    expected = np.mean(np.abs(ways) >= abs(ways[0]) - 1e-12)
    rows = {"a": draw_cohort(1, 8), "b": draw_cohort(2, 8, skill=2)}
    found = compare(rows, Draws.of(first, 50))[0]
    assert (found.metric, found.exact, found.permutations) == ("ap", True, 256)
    assert found.p == pytest.approx(expected)
    assert found.difference == pytest.approx(score(rows["b"]).ap - score(rows["a"]).ap)


def test_a_better_row_is_found_and_drawn_p_agrees_with_exact(draw_cohort: Callable) -> None:
    rows = {"a": draw_cohort(0, 12, skill=-1), "b": draw_cohort(0, 12, skill=3)}
    draws = Draws.of(rows["a"], 200)
    exact, drawn = compare(rows, draws)[1], compare(rows, draws, permutations=255)[1]
    assert (exact.exact, drawn.exact, drawn.permutations) == (True, False, 255)
    assert drawn.p == pytest.approx(exact.p, abs=0.1)
    big = {"a": draw_cohort(0, 100, skill=-1), "b": draw_cohort(0, 100, skill=3)}
    found = compare(big, Draws.of(big["a"], 200), permutations=500)[1]
    assert found.p == pytest.approx(1 / 501)
    assert found.interval.low > 0


def test_p_is_uniform_where_nothing_differs(draw_cohort: Callable) -> None:
    values = []
    for seed in range(60):
        rows = {"a": draw_cohort(2 * seed, 20), "b": draw_cohort(2 * seed + 1, 20)}
        values.append(compare(rows, Draws.of(rows["a"], 2), permutations=99)[0].p)
    assert 0.35 < np.mean(values) < 0.65
    assert np.mean(np.array(values) <= 0.1) < 0.25


def test_the_scale_of_a_row_does_not_matter(draw_cohort: Callable) -> None:
    first, second = draw_cohort(0), draw_cohort(1)
    draws = Draws.of(first, 50)
    plain, scaled = (
        compare({"a": first, "b": row}, draws, permutations=200) for row in (second, sharper(second, 4))
    )
    assert [one.p for one in plain] == [one.p for one in scaled]


def test_patients_are_swapped_whole(draw_cohort: Callable) -> None:
    rows = {"a": draw_cohort(0, 12, patients=4), "b": draw_cohort(1, 12, patients=4)}
    assert compare(rows, Draws.of(rows["a"], 10))[0].permutations == 2**4


def test_pairs_and_against(draw_cohort: Callable) -> None:
    rows = {name: draw_cohort(at, 8) for at, name in enumerate("abc")}
    draws = Draws.of(rows["a"], 10)
    assert len(compare(rows, draws)) == 9
    assert {(one.first, one.second) for one in compare(rows, draws, "b")} == {("b", "a"), ("b", "c")}


def test_not_defined(make: Callable[..., CaseResult]) -> None:
    rows = {"a": [make("x", 0.5, [(True, 0.5)])], "b": [make("x", 0.4, [(True, 0.4), (False, 0.6)])]}
    found = compare(rows, Draws.of(rows["a"], 10))
    assert found[0].difference == -0.5
    assert math.isnan(found[1].p)
    assert math.isnan(found[1].p_holm)


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm(values: list[float]) -> None:
    found = holm(values)
    np.testing.assert_allclose(found, closure(values))
    assert all(corrected >= p for corrected, p in zip(found, values, strict=True))
    ordered = [found[at] for at in np.argsort(values)]
    assert ordered == sorted(ordered)
    assert holm([*values, math.nan])[:-1] == found


def closure(values: list[float]) -> list[float]:
    """Holm's is the closed test of Bonferroni's: the largest p of all sets of hypotheses with this one."""
    sets = [s for size in range(1, len(values) + 1) for s in combinations(range(len(values)), size)]
    p = {s: min(1.0, len(s) * min(values[at] for at in s)) for s in sets}
    return [max(p[s] for s in sets if at in s) for at in range(len(values))]
