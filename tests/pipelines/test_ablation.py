"""The report's section on the ablation, from an evaluation as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.ablation import METRICS, blocks
from pipelines.page import Table
from pipelines.stages import EVALUATION


def cohort(name: str, *, external: bool) -> dict[str, Any]:
    """A cohort with one row; without folds there is no mean over them."""
    mean = None if external else 0.5
    row = {
        "spread": {metric: {"mean": mean, "sd": mean} for metric in METRICS},
        "pooled": {
            "scores": {"cases": 4, "positives": 2} | dict.fromkeys(METRICS, 0.75),
            "intervals": {metric: {"low": 0.25, "high": None} for metric in METRICS},
        },
    }
    return {"name": name, "external": external, "rows": {"ct": row}, "comparisons": [], "notes": []}


@pytest.fixture
def evaluated(tmp_path: Path) -> Path:
    folder = tmp_path / EVALUATION
    folder.mkdir()
    found = {"cohorts": [cohort("own", external=False), cohort("outer", external=True)], "notes": []}
    (folder / "evaluation.json").write_text(json.dumps(found))
    return tmp_path


def test_nothing_without_an_evaluation(tmp_path: Path) -> None:
    assert blocks(tmp_path) == []


def test_external_cases_have_no_folds_and_no_columns_for_them(evaluated: Path) -> None:
    told = blocks(evaluated)
    own, outer = (block for block in told if isinstance(block, Table))
    pooled = ["0.750 (0.250 to –)"] * len(METRICS)
    assert [list(row) for row in own.rows] == [["ct", *["0.500 ± 0.500"] * len(METRICS), *pooled]]
    assert [list(row) for row in outer.rows] == [["ct", *pooled]]
    assert len(own.head) == 1 + 2 * len(METRICS)
    assert list(outer.head) == ["row", *METRICS.values()]
    first, second = (block for block in told if isinstance(block, str) and block.startswith("Table"))
    assert ("over folds" in first, "over folds" in second) == (True, False)
