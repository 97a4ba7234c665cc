"""The settings of lesion candidates, as typed and as refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fusion.predict.candidate_rule import CandidateRule
from radstore.errors import BadInput


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"threshold": "dynamic-v3"}, "dynamic-v2"),
        ({"threshold": 1.5}, "probability"),
        ({"threshold": float("nan")}, "probability"),
        ({"factor": 1.0}, "factor"),
        ({"factor": float("nan")}, "factor"),
        ({"most": 0}, "candidate"),
        ({"near": 4}, "odd"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        replace(CandidateRule(), **wrong)


def test_a_threshold_as_typed() -> None:
    assert CandidateRule.of("0.1", 2.5) == CandidateRule(0.1, 2.5)
    assert CandidateRule.of("dynamic-fast", 2.5) == CandidateRule("dynamic-fast", 2.5)
