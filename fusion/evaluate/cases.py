"""One case: how what each row predicted matches what was drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fusion.evaluate.dice import dice
from fusion.evaluate.picai import Finding, match
from fusion.evaluate.truth import TOLERANCE, Truth
from fusion.predict.predictions import CasePrediction
from fusion.protocol import Protocol
from radstore.catalog import Case
from radstore.errors import CaseError, ReadError
from radstore.images.read import read_image, read_labels
from radstore.images.volume import Volume

SAME_SCORE = 1e-4  # of the index and of the map: the one is text, the other float32


@dataclass(frozen=True)
class CaseResult:
    """What one row made of one case.

    Parameters
    ----------
    case, patient, source
        Which.
    fold
        Whose chain predicted it because it was held out there; None: all chains did, an external case.
    status
        Of the prediction: ``ok``, ``fallback`` or ``failed``; a failed one has score 0 and no candidates.
    score
        The case's likelihood of cancer.
    findings
        Lesions and false candidates, as picai_eval matches them.
    lesions_mm
        Of each drawn lesion the diameter of the sphere of its volume, mm.
    dice
        Structure → Dice, NaN where it was not drawn.
    error
        Of a failure: ``step``, ``message``, ``remedy``.
    notes
        What is odd about it.
    """

    case: str
    patient: str
    source: str
    fold: int | None
    status: str
    score: float
    findings: tuple[Finding, ...]
    lesions_mm: tuple[float, ...] = ()
    dice: Mapping[str, float] = field(default_factory=dict)
    error: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()

    @property
    def positive(self) -> bool:
        """Whether a lesion was drawn."""
        return any(finding.lesion for finding in self.findings)


@dataclass(frozen=True)
class Predicted:
    """What one row says of one case, and where its images lie. Small: it travels to workers.

    Parameters
    ----------
    said
        Its line in the index of its folder.
    candidates, labels
        The detection map and the structures, on the CT's grid.
    protocol
        How out of fold that is.
    """

    said: CasePrediction
    candidates: Path
    labels: Path
    protocol: Protocol = ()


def judge(case: Case, rows: Mapping[str, Predicted]) -> dict[str, CaseResult] | CaseError:
    """What each row made of a case; or why its truth cannot be used, and so the case is left out.

    The truth is read once for all rows. A prediction that failed, or whose files cannot be used, counts as
    score 0 without candidates, and says so: leaving it out would reward failing.
    """
    try:
        truth = Truth.of(case)
    except CaseError as error:
        return error
    return {row: _result(case, truth, predicted) for row, predicted in rows.items()}


def _result(case: Case, truth: Truth, predicted: Predicted) -> CaseResult:
    said = predicted.said
    if said.status == "failed":
        return _failed(case, truth, said, said.error)
    try:
        candidates = _on_grid(read_image(predicted.candidates), truth)
        labels = _on_grid(read_labels(predicted.labels), truth)
        findings = match(candidates, truth.lesions, str(predicted.candidates))
    except CaseError as error:
        told = {"step": error.step, "message": error.message, "remedy": error.remedy}
        return _failed(case, truth, said, told)
    highest = float(candidates.max(initial=0))
    score = highest if said.score is None else float(said.score)
    return _made(case, truth, said, said.status, score, findings, labels, notes=_differs(score, highest))


def _failed(case: Case, truth: Truth, said: CasePrediction, error: Mapping[str, str] | None) -> CaseResult:
    nothing = np.zeros(truth.labels.shape, np.uint8)
    missed = match(nothing.astype(np.float32), truth.lesions)
    told = error or {"step": "predict", "message": "the prediction failed and does not say why", "remedy": ""}
    return _made(case, truth, said, "failed", 0.0, missed, nothing, error=told)


def _made(
    case: Case,
    truth: Truth,
    said: CasePrediction,
    status: str,
    score: float,
    findings: list[Finding],
    labels: np.ndarray,
    error: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
) -> CaseResult:
    return CaseResult(
        case=case.id,
        patient=case.patient,
        source=case.source,
        fold=said.fold,
        status=status,
        score=score,
        findings=tuple(findings),
        lesions_mm=truth.lesions_mm,
        dice=dice(labels, truth.labels, truth.drawn),
        error=error,
        notes=notes,
    )


def _on_grid(volume: Volume, truth: Truth) -> np.ndarray:
    differs = truth.geometry.mismatch(volume.geometry, TOLERANCE)
    if differs is not None:
        raise ReadError(
            f"{volume.source} does not lie on the CT's grid: {differs} (CT against prediction)",
            "Predict this case again: predictions are written on the grid of their CT.",
        )
    return volume.array


def _differs(score: float, highest: float) -> tuple[str, ...]:
    if math.isclose(score, highest, rel_tol=0, abs_tol=SAME_SCORE):
        return ()
    return (f"its score {score:.4g} is not that of its highest candidate, {highest:.4g}",)
