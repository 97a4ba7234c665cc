"""The consensus values, and the page that tells of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.ibsi import Value, phantom, report, responses, validation

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ibsi.md"


def missed(values: list[Value]) -> list[Value]:
    return [value for value in values if value.feature and not value.agrees(value.ibsi)]


def test_every_consensus_value_of_the_phantom_is_met(shared_data: Path, shared_reference: Path) -> None:
    values = phantom(shared_data, shared_reference)
    assert sum(bool(value.feature) for value in values) == 269
    assert not missed(values)
    # what only IBSI's definitions give
    assert {v.feature for v in values if v.feature and not v.agrees(v.pyradiomics)} == {
        "shape_MinorAxisLength",
        "shape_LeastAxisLength",
        "firstorder_Kurtosis",
    }


def test_every_value_of_the_validation_cts_is_met(shared_data: Path, shared_reference: Path) -> None:
    values = validation(shared_data, shared_reference)
    assert len(values) == 220
    assert not missed(values)


def test_every_response_map_that_radstore_has_is_met(shared_data: Path, shared_reference: Path) -> None:
    found = responses(shared_data, shared_reference)
    assert {response.name for response in found if response.ibsi is not None} == {"2_b", "5_a_1", "7_a_1"}
    assert all(response.ibsi <= response.tolerance for response in found if response.ibsi is not None)


@pytest.mark.parametrize(
    ("value", "agrees"),
    [(0.3244, True), (0.3236, True), (0.3251, False), (0.33, False), (float("nan"), False)],
)
def test_a_value_agrees_that_rounds_to_the_consensus(value: float, agrees: bool) -> None:
    consensus = Value("", "", "", "", "", "", 0.324, 0.0, value, value, value)
    assert consensus.agrees(value) is agrees


def test_the_page_is_what_the_benchmark_says(shared_data: Path, shared_reference: Path) -> None:
    assert PAGE.read_text(encoding="utf-8") == report(shared_data, shared_reference), (
        "docs/ibsi.md is stale: run `python -m benchmarks.ibsi DATA REFERENCE > docs/ibsi.md`"
    )
