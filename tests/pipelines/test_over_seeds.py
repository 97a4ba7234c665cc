"""Means over seeds and their intervals, against draws made one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.evaluate.cases import CaseResult
from fusion.evaluate.picai import Finding
from fusion.evaluate.scores import score
from pipelines.over_seeds import Resampled, differences, over_seeds

Results = list[CaseResult]


def trained(seed: int, skill: float = 1.0, cases: int = 24) -> Results:
    """One training's results: half of the cases with a lesion, two cases a patient."""
    stream = np.random.default_rng(seed)
    made = []
    for at in range(cases):
        positive = at % 4 < 2
        confidence = round(float(stream.normal(skill * positive)), 1) + 5.0
        missed = positive and stream.random() < 0.2
        findings = [Finding(True, 0.0 if missed else confidence, 0.5)] if positive else []
        if missed or not positive:
            findings.append(Finding(False, confidence, 0.0))
        made.append(CaseResult(f"c{at:02}", f"P{at // 2}", "phantom", 0, "ok", confidence, tuple(findings)))
    return made


def repeated(results: Results, draws: Resampled, number: int) -> Results:
    """The cases of a draw, each as often as its patient was drawn."""
    times = dict(zip(draws.patients.patients, draws.patients.weights[number].tolist(), strict=True))
    return [
        CaseResult(f"{one.case}x{copy}", one.patient, "", 0, "ok", one.score, one.findings)
        for one in results
        for copy in range(times[one.patient])
    ]


def test_draws_are_those_made_one_by_one() -> None:
    rows = [trained(seed) for seed in range(3)]
    draws = Resampled.of(rows[0], seeds=3, resamples=12)
    means = draws.means(rows)
    for number, seeds in enumerate(draws.seeds):
        scores = [score(repeated(rows[seed], draws, number)) for seed in seeds]
        for metric in ("ap", "auroc"):
            slow = np.mean([one.metrics()[metric] for one in scores])
            assert means[metric][number] == pytest.approx(slow)


def test_mean_and_sd_are_of_the_seeds() -> None:
    rows = [trained(seed) for seed in range(4)]
    found = over_seeds({"ct": rows}, Resampled.of(rows[0], 4, 50))["ct"]["auroc"]
    values = [score(one).auroc for one in rows]
    assert found.values == pytest.approx(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.sd == pytest.approx(np.std(values, ddof=1))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 2.0))
def test_intervals_hold_the_estimate(first: int, skill: float) -> None:
    rows = {
        "ct": [trained(first + n, skill) for n in range(5)],
        "ct+maps": [trained(first + 9) for _ in range(5)],
    }
    draws = Resampled.of(rows["ct"][0], 5, 300, seed=first)
    for row in (*over_seeds(rows, draws).values(), *differences(rows, draws, "ct").values()):
        assert row["auroc"].interval.low <= row["auroc"].mean <= row["auroc"].interval.high


def test_seeds_that_differ_widen_the_interval() -> None:
    same = [trained(0)] * 5
    various = [trained(0, skill) for skill in (0.0, 0.5, 1.0, 1.5, 2.0)]
    draws = Resampled.of(same[0], 5, 500)
    narrow, wide = (over_seeds({"ct": rows}, draws)["ct"]["auroc"].interval for rows in (same, various))
    assert wide.high - wide.low > narrow.high - narrow.low


def test_equal_seeds_leave_the_patients_interval() -> None:
    """Not a narrower one: five networks on the same patients are no five cohorts."""
    rows = [trained(0)] * 5
    once, five = (over_seeds({"ct": rows[:n]}, Resampled.of(rows[0], n, 400))["ct"]["ap"] for n in (1, 5))
    assert five.interval.low == pytest.approx(once.interval.low)
    assert five.interval.high == pytest.approx(once.interval.high)


def test_differences_are_in_pairs() -> None:
    rows = {"ct": [trained(seed) for seed in range(3)], "ct+maps": [trained(seed) for seed in range(3)]}
    found = differences(rows, Resampled.of(rows["ct"][0], 3, 100), "ct")["ct+maps"]["ap"]
    assert (found.mean, found.interval.low, found.interval.high) == (0, 0, 0)
    assert list(differences(rows, Resampled.of(rows["ct"][0], 3, 10), "ct")) == ["ct+maps"]


def test_the_order_of_cases_does_not_matter() -> None:
    rows = [trained(seed) for seed in range(2)]
    turned = [one[::-1] for one in rows]
    straight, back = (
        over_seeds({"ct": these}, Resampled.of(these[0], 2, 60))["ct"]["ap"] for these in (rows, turned)
    )
    assert straight.interval == back.interval
    assert straight.mean == pytest.approx(back.mean)
