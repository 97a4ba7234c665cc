"""A small cohort with labels and predictions on disk, and results without any images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusion.evaluate.cases import CaseResult
from fusion.evaluate.picai import Finding
from fusion.predict.origin import Origin
from fusion.predict.predictions import CasePrediction, Predictions, Written
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume

GRID = Geometry((12, 11, 10), (2.0, 2.0, 3.0), (-10.0, 20.0, 5.0))
CATALOG = """\
store: ./store
sources:
  inner:
    driver: files
    args: {image: "inner/images/{case}.nii.gz", labels: "inner/labels/{case}.nii.gz", table: inner.csv,
           case_column: case, patient_column: patient}
    regions: {pancreas: [1, 4, 5], lesion: [1]}
  outer:
    driver: files
    args: {image: "outer/images/{case}.nii.gz", labels: "outer/labels/{case}.nii.gz", table: outer.csv,
           case_column: case, patient_column: patient}
    regions: {lesion: [2], parenchyma: [1]}
"""
BOX = (slice(2, 5), slice(3, 6), slice(4, 7))
ELSEWHERE = (slice(7, 9), slice(8, 10), slice(1, 4))
Make = Callable[..., CaseResult]


def result(
    case: str, score: float = 0.0, findings: Sequence[tuple[bool, float]] = (), **others: Any
) -> CaseResult:
    """A result without images; findings are (lesion, confidence)."""
    known = {"patient": f"P{case}", "source": "inner", "fold": 0, "status": "ok", **others}
    made = tuple(Finding(lesion, confidence, 0.5 * lesion) for lesion, confidence in findings)
    return CaseResult(case=case, score=score, findings=made, **known)


def cohort(
    seed: int = 0, cases: int = 40, skill: float = 1.0, patients: int | None = None
) -> list[CaseResult]:
    """Random results: half positive, some lesions missed, some false candidates, some ties."""
    stream = np.random.default_rng(seed)
    made = []
    for at in range(cases):
        positive, findings = at % 2 == 0, []
        if positive:
            seen = stream.random() < 0.8
            findings.append((True, _confidence(stream, skill) if seen else 0.0))
        findings += [(False, _confidence(stream, 0)) for _ in range(stream.integers(0, 3))]
        patient = f"P{at % patients if patients else at}"
        score = max([confidence for _, confidence in findings], default=0.0)
        made.append(result(f"c{at:03}", score, findings, patient=patient, fold=at % 3))
    return made


def _confidence(stream: np.random.Generator, skill: float) -> float:
    return round(float(1 / (1 + np.exp(-skill - stream.normal()))), 2) + 0.01


@dataclass(frozen=True)
class Site:
    """A catalog on disk, and a way to write predictions for its cases."""

    folder: Path

    @property
    def catalog(self) -> Path:
        return self.folder / "catalog.yaml"

    def predict(
        self,
        name: str,
        cases: Mapping[str, Sequence[tuple[tuple[slice, ...], float]]],
        row: str = "ct",
        source: str = "inner",
        fold: int | None = 0,
        origin: Mapping[str, Any] | None = None,
        **said: Any,
    ) -> Path:
        """Write a folder: case → where its candidates are and how sure of each."""
        predictions = Predictions.start(self.folder / name, Origin(row, **(origin or {})))
        for case, candidates in cases.items():
            drawn = np.zeros(GRID.shape, np.float32)
            for box, confidence in candidates:
                drawn[box] = confidence
            images = Written(Volume(drawn, GRID), Volume((drawn > 0).astype(np.uint8), GRID))
            score = float(drawn.max())
            predictions.add(case, CasePrediction(score, fold=fold, source=source, **said), images)
        return self.folder / name


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Source ``inner``: a1, a2 (one patient), b, c (negative), d (no labels); ``outer``: x, y (negative)."""
    tables = {
        "inner": "case,patient,scanner,age\na1,A,one,60\na2,A,one,61\nb,B,two,70\nc,C,two,50\nd,D,two,40\n",
        "outer": "case,patient,scanner,age\nx,X,one,60\ny,Y,,61\n",
    }
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    for source, table in tables.items():
        (tmp_path / f"{source}.csv").write_text(table)
        for line in table.splitlines()[1:]:
            case = line.split(",")[0]
            labels = np.zeros(GRID.shape, np.uint8)
            labels[1:6, 1:8, 1:9] = 4 if source == "inner" else 1
            if case in ("a1", "b", "x"):
                labels[BOX] = 1 if source == "inner" else 2
            write_volume(
                Volume(np.zeros(GRID.shape, np.int16), GRID), tmp_path / source / "images" / f"{case}.nii.gz"
            )
            if case != "d":
                write_volume(Volume(labels, GRID), tmp_path / source / "labels" / f"{case}.nii.gz")
    return Site(tmp_path)


@pytest.fixture(scope="session")
def make() -> Make:
    return result


@pytest.fixture(scope="session")
def draw_cohort() -> Callable[..., list[CaseResult]]:
    return cohort
