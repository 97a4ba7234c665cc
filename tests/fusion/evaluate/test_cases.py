"""One case: truth and predictions that cannot be used, and what was drawn by whose values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusion.evaluate.cases import CaseResult, judge
from fusion.evaluate.rows import gather
from fusion.evaluate.truth import Truth, relabelled, structures
from fusion.predict.predictions import CasePrediction, Predictions
from radstore.catalog import Case, load_catalog
from radstore.errors import CaseError
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume

BOX = (slice(2, 5), slice(3, 6), slice(4, 7))
ELSEWHERE = (slice(7, 9), slice(8, 10), slice(1, 4))


def case_of(site: Any, case: str, source: str = "inner") -> Case:
    return load_catalog(site.catalog).cases(source, [case])[0]


def judged(site: Any, case: str, folder: Path, source: str = "inner") -> CaseResult:
    row = {"ct": gather({"ct": folder})["ct"][case]}
    made = judge(case_of(site, case, source), row)
    assert not isinstance(made, CaseError), made
    return made["ct"]


def test_found_missed_false(site: Any) -> None:
    folder = site.predict("p", {"a1": [(BOX, 0.75), (ELSEWHERE, 0.25)], "b": [(ELSEWHERE, 0.5)], "c": []})
    found = judged(site, "a1", folder)
    assert found.findings == ((True, 0.75, 1.0), (False, 0.25, 0.0))
    assert (found.score, found.positive, found.patient, found.status) == (0.75, True, "A", "ok")
    assert found.lesions_mm == pytest.approx(((6 * 27 * 12 / np.pi) ** (1 / 3),))
    assert found.dice["lesion"] == pytest.approx(2 * 27 / (27 + 27 + 12))
    assert found.dice["parenchyma"] == 0
    missed = judged(site, "b", folder)
    assert missed.findings == ((True, 0.0, 0.0), (False, 0.5, 0.0))
    healthy = judged(site, "c", folder)
    assert (healthy.findings, healthy.score, healthy.positive, healthy.lesions_mm) == ((), 0.0, False, ())
    assert np.isnan(healthy.dice["lesion"])


def failed(folder: Path, case: str) -> Path:
    error = {"step": "region", "message": "m", "remedy": "r"}
    Predictions.open(folder).add(case, CasePrediction(None, "failed", fold=0, source="inner", error=error))
    return folder


def cut(folder: Path, case: str) -> Path:
    path = folder / f"{case}.candidates.nii.gz"
    path.write_bytes(path.read_bytes()[:60])
    return folder


def removed(folder: Path, case: str) -> Path:
    (folder / f"{case}.labels.nii.gz").unlink()
    return folder


def elsewhere(folder: Path, case: str) -> Path:
    grid = Geometry((12, 11, 10), (2.0, 2.0, 3.0), (-10.0, 20.0, 8.0))
    write_volume(Volume(np.zeros(grid.shape, np.float32), grid), folder / f"{case}.candidates.nii.gz")
    return folder


def soft(folder: Path, case: str) -> Path:
    grid = Geometry((12, 11, 10), (2.0, 2.0, 3.0), (-10.0, 20.0, 5.0))
    ramp = np.linspace(0, 1, 1320, dtype=np.float32).reshape(grid.shape)
    write_volume(Volume(ramp, grid), folder / f"{case}.candidates.nii.gz")
    return folder


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (failed, "m"),
        (cut, "cannot be read"),
        (removed, "does not exist"),
        (elsewhere, "does not lie on the CT's grid: origin"),
        (soft, "is no detection map"),
    ],
)
def test_what_failed_counts_as_nothing_found(site: Any, damage: Callable, said: str) -> None:
    folder = damage(site.predict("p", {"b": [(BOX, 0.75)], "c": [(BOX, 0.75)]}), "b")
    found = judged(site, "b", folder)
    assert (found.status, found.score, found.findings) == ("failed", 0.0, ((True, 0.0, 0.0),))
    assert found.dice["lesion"] == 0
    assert found.error is not None
    assert said in found.error["message"]
    healthy = judged(site, "c", damage(folder, "c"))
    assert (healthy.status, healthy.score, healthy.findings) == ("failed", 0.0, ())


def test_truth_that_cannot_be_used(site: Any) -> None:
    folder = site.predict("p", {"d": [], "b": []})
    rows = {"ct": gather({"ct": folder})["ct"]["d"]}
    made = judge(case_of(site, "d"), rows)
    assert isinstance(made, CaseError)
    assert "has no label file" in made.message
    grid = Geometry((12, 11, 9), (2.0, 2.0, 3.0), (-10.0, 20.0, 5.0))
    path = site.folder / "inner/labels/b.nii.gz"
    write_volume(Volume(np.zeros(grid.shape, np.uint8), grid), path)
    with pytest.raises(CaseError, match="does not lie on its CT's grid: size"):
        Truth.of(case_of(site, "b"))


def test_another_score_than_the_maps_is_said(site: Any) -> None:
    folder = site.predict("p", {"b": [(BOX, 0.75)]})
    index = folder / "predictions.json"
    index.write_text(index.read_text().replace('"score": 0.75', '"score": 0.5'))
    found = judged(site, "b", folder)
    assert (found.score, found.notes) == (0.5, ("its score 0.5 is not that of its highest candidate, 0.75",))


def test_values_of_structures(site: Any) -> None:
    assert structures(case_of(site, "b")) == {name: (at,) for at, name in enumerate(STRUCTURES, 1)}
    assert structures(case_of(site, "x", "outer")) == {"lesion": (2,), "parenchyma": (1,)}
    other = relabelled(np.array([[[0, 1, 2, 3]]]), {"lesion": (2,), "parenchyma": (1, 2)})
    assert other.tolist() == [[[0, 4, 1, 0]]]
    folder = site.predict("o", {"x": [(BOX, 0.5)]}, source="outer", fold=None)
    found = judged(site, "x", folder, "outer")
    assert found.dice["lesion"] == 1
    assert np.isnan(found.dice["veins"])


STRUCTURES = ("lesion", "veins", "arteries", "parenchyma", "duct", "bile_duct")
