"""Matching and scores are picai_eval's: its published values; a box around what there is is enough."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.evaluate.cases import CaseResult
from fusion.evaluate.picai import match, quietly
from fusion.evaluate.ranking import Ranking
from fusion.evaluate.scores import score
from radstore.errors import CaseError

Boxes = tuple[tuple[int, int, int, int, float], ...]  # first and last row, first and last column, value

# Boxes in a plane with the overlaps of the ten cases that picai_eval's own tests are made of.
CASES: dict[str, tuple[Boxes, Boxes]] = {
    "case-0": ((), ()),
    "case-1": ((), ((0, 4, 0, 4, 1),)),
    "case-2": (((0, 4, 0, 4, 1),), ()),
    "case-3": (((10, 14, 10, 14, 1),), ((0, 4, 0, 4, 1),)),
    "case-4": (((0, 4, 5, 14, 1),), ((0, 4, 0, 9, 1),)),
    "case-5": (((3, 7, 3, 7, 1), (9, 13, 7, 11, 2)), ((5, 9, 5, 9, 1),)),
    "case-6": (((0, 2, 0, 19, 1), (4, 5, 10, 24, 2)), ((0, 5, 10, 19, 1),)),
    "case-7": (((0, 5, 0, 9, 1),), ((0, 1, 0, 9, 1), (4, 5, 0, 9, 1))),
    "case-8": (((0, 4, 0, 10, 1),), ((0, 4, 0, 4, 1), (0, 4, 10, 10, 1))),
    "case-9": (((0, 0, 12, 24, 1),), ((0, 0, 0, 12, 1),)),
}
# Of the cases that the shared reference does not have: (lesion, confidence, overlap).
MORE = {
    "case-7": [(1, 1.0, 1 / 3), (1, 0.0, 0.0)],
    "case-8": [(1, 1.0, 5 / 11), (1, 0.0, 0.0)],
    "case-9": [(1, 0.0, 0.0), (0, 1.0, 0.0)],
}
AUROC, AP = 0.75, 5 / 18  # of all ten


def drawn(boxes: Boxes) -> np.ndarray:
    array = np.zeros((3, 32, 32), np.float32)
    for top, bottom, left, right, value in boxes:
        array[1, top : bottom + 1, left : right + 1] = value
    return array


def published(path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    with path.open() as lines:
        for line in csv.DictReader(lines):
            found.setdefault(line["case"], {})[line["quantity"]] = float(line["value"])
    return found


def test_published_cases(shared_reference: Path) -> None:
    expected = published(shared_reference / "picai_eval_reference.csv")
    assert len(expected) == 7
    for case, values in expected.items():
        found = match(*map(drawn, CASES[case]))
        assert len(found) == values["n_entries"], case
        for at, finding in enumerate(found):
            for name, value in zip(("is_lesion", "confidence", "overlap"), finding, strict=True):
                assert value == pytest.approx(values[f"entry{at}.{name}"], abs=1e-7), (case, name)


@pytest.mark.parametrize("case", MORE)
def test_published_cases_with_several_lesions(case: str) -> None:
    found = match(*map(drawn, CASES[case]))
    np.testing.assert_allclose(found, MORE[case], atol=1e-7)


def test_published_scores() -> None:
    results = []
    for case, (candidates, lesions) in CASES.items():
        map_ = drawn(candidates)
        findings = tuple(match(map_, drawn(lesions)))
        results.append(CaseResult(case, case, "", None, "ok", float(map_.max()), findings))
    found = score(results)
    assert (found.auroc, found.ap) == (pytest.approx(AUROC), pytest.approx(AP))
    assert (found.cases, found.lesions, found.candidates) == (10, 10, 9)
    weighted = Ranking.of(results, lambda result: int(result.case[-1]), 10).metrics(np.ones((1, 10)))
    assert (weighted["auroc"][0], weighted["ap"][0]) == (pytest.approx(AUROC), pytest.approx(AP))


@settings(max_examples=15)
@given(seed=st.integers(0, 999))
def test_a_box_is_enough(seed: int) -> None:
    stream = np.random.default_rng(seed)
    candidates, lesions = np.zeros((9, 14, 14), np.float32), np.zeros((9, 14, 14), np.uint8)
    for array, value in ((candidates, 0.5), (lesions, 1), (candidates, 0.5), (lesions, 1)):
        z, y, x = stream.integers(0, 7, 3)
        array[z : z + 2, y : y + 4, x : x + 4] = value
    whole, *_ = quietly("eval").evaluate_case(candidates, lesions, min_overlap=0.10)
    np.testing.assert_array_equal(sorted(match(candidates, lesions)), sorted(whole))


def test_a_probability_map_is_no_detection_map() -> None:
    map_ = drawn(((0, 4, 0, 4, 0.5),))
    map_[1, 0, 0] = 0.25
    with pytest.raises(
        CaseError, match=r"f\.nii\.gz is no detection map: it has 2 different confidences in fewer"
    ):
        match(map_, drawn(()), "f.nii.gz")
    with pytest.raises(CaseError, match="a confidence of -1"):
        match(drawn(((0, 1, 0, 1, -1),)), drawn(()))


def test_no_banner() -> None:
    code = "from fusion.evaluate.picai import quietly; quietly('eval'); quietly('metrics')"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == ""


def test_import_is_light() -> None:
    code = (
        "import fusion.evaluate, sys; "
        "print([m for m in ('picai_eval', 'torch', 'matplotlib', 'sklearn.metrics') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
