from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.report.selection import figure, write_figure
from radstore.select import Options, select_features
from radstore.select.cohort import Cohort


@pytest.fixture
def cohort() -> Cohort:
    rng = np.random.default_rng(0)
    ids = np.array([f"c{n:02d}" for n in range(40)])
    positive = np.arange(40) % 2 == 0
    values = rng.normal(size=(40, 12))
    values[:, :2] += 2 * positive[:, None]
    names = tuple(f"original_glcm_Feature{n:02d}" for n in range(12))
    return Cohort(values, positive, ids, ids, names)


def text_of(axes: Any) -> str:
    labels = [label.get_text() for label in (*axes.get_yticklabels(), *axes.texts)]
    return "\n".join([axes.get_title(), axes.get_xlabel(), *labels])


def test_panels_say_what_they_show(cohort: Cohort) -> None:
    found = select_features(cohort, Options(size=2, folds=4), permutations=3, jobs=1)
    frequency, roc, single, null = figure(found).axes
    assert "original_glcm_Feature00" in text_of(frequency)
    assert "share of 4 folds" in text_of(frequency)
    assert f"{found.nested.honest}" in text_of(roc)
    assert len(roc.lines) == 4 + 2  # the folds, their mean, the diagonal
    assert "on the cases it was selected on" in text_of(single)
    assert "nested AUROC of 3 permutations" in text_of(null)


def test_without_a_null_and_without_features(cohort: Cohort, tmp_path: Path) -> None:
    found = select_features(cohort, Options(size=2, folds=4, alpha=1e-12), jobs=1)
    assert len(figure(found).axes) == 3
    write_figure(found, tmp_path / "selected.png")
    assert (tmp_path / "selected.png").read_bytes().startswith(b"\x89PNG")
