"""The door to picai_eval: what it is asked, on as few voxels as it needs, and without its banner."""

from __future__ import annotations

import contextlib
import io
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

import numpy as np

from radstore.errors import CaseError
from radstore.images.box import bounding_box

MIN_OVERLAP = 0.10
"""Intersection over union from which a candidate has found a lesion."""


class Finding(NamedTuple):
    """A lesion (found or missed) or a false candidate of one case: picai_eval's entry.

    Parameters
    ----------
    lesion
        Whether there is a lesion.
    confidence
        Of the candidate; 0 for a lesion that none was matched to.
    overlap
        Intersection over union of the two; 0 for a miss and for a false candidate.
    """

    lesion: bool
    confidence: float
    overlap: float


def quietly(module: str) -> ModuleType:
    """A module of picai_eval, imported without the banner that it prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return import_module(f"picai_eval.{module}")


def match(candidates: np.ndarray, lesions: np.ndarray, what: str = "the detection map") -> list[Finding]:
    """Match candidates to lesions as picai_eval does: as many as possible, then with as much overlap.

    Only the box around all that is not 0 is looked at: nothing outside can change the result.

    Parameters
    ----------
    candidates
        float32 (z, y, x): 0 outside candidates, each candidate (26-connected) one confidence.
    lesions
        Mask (z, y, x); its 26-connected components are the lesions.
    what
        What messages name.

    Raises
    ------
    CaseError
        If `candidates` is no detection map: negative, or with several confidences in one component.
    """
    box = bounding_box((candidates != 0) | (lesions != 0))
    if box is None:
        return []
    evaluate_case = quietly("eval").evaluate_case
    try:
        entries, *_ = evaluate_case(candidates[box], lesions[box] != 0, min_overlap=MIN_OVERLAP)
    except ValueError as error:
        raise CaseError(
            f"{what} is no detection map: {_why(candidates[box])}",
            "Give each connected candidate one positive confidence, and 0 elsewhere; a probability map has "
            "to go through candidate extraction (`fusion predict`) first.",
        ) from error
    return [
        Finding(bool(lesion), float(confidence), float(overlap)) for lesion, confidence, overlap in entries
    ]


def _why(candidates: np.ndarray) -> str:
    if candidates.min() < 0:
        return f"it has a confidence of {candidates.min():g}"
    distinct = np.unique(candidates[candidates != 0]).size
    return f"it has {distinct:,} different confidences in fewer connected components"
