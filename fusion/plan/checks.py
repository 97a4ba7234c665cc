"""What the cases' labels must be like, once all were looked at."""

from __future__ import annotations

from collections.abc import Mapping

from fusion.plan.cohort import Cohort, Reason
from fusion.plan.examine import Answer
from fusion.samples.labels import STRAY
from radstore.errors import BadInput
from radstore.split.roll import some


def refused(answers: Mapping[str, Answer]) -> dict[str, Reason]:
    """Case → why it cannot be used."""
    return {case: answer.error for case, answer in answers.items() if answer.error}


def require_lesions(cohort: Cohort, answers: Mapping[str, Answer], lesion: int) -> None:
    """Make sure that every fold has a lesion: without one it can be neither learnt from nor scored.

    Raises
    ------
    BadInput
        Naming the folds without.
    """
    folds = {member.fold for member in cohort.members}
    having = {member.fold for member in cohort.members if answers[member.case.id].voxels.get(lesion, 0) > 0}
    if without := sorted(folds - having):
        listed = ", ".join(map(str, without))
        raise BadInput(
            f"{cohort.where}: no case of fold {listed} has a lesion (label {lesion})",
            "Split again (`radstore split`, with fewer folds or stratified by lesion size).",
        )


def strays(cohort: Cohort, answers: Mapping[str, Answer]) -> dict[str, int]:
    """Case → voxels with a stray label, which become background."""
    found = {member.case.id: sum(answers[member.case.id].strays.values()) for member in cohort.members}
    return {case: count for case, count in found.items() if count}


def stray_notes(found: Mapping[str, int]) -> tuple[str, ...]:
    """What the user should know of stray labels (`fusion.samples` says it too, of what a network sees)."""
    if not found:
        return ()
    values = ", ".join(map(str, STRAY))
    total = sum(found.values())
    return (f"{total:,} voxels with a stray label ({values}) of {some(found)} count as background",)


def roi_notes(cohort: Cohort, answers: Mapping[str, Answer], lesion: int) -> tuple[str, ...]:
    """Which lesions no network of this plan can see whole."""
    outside = {
        member.case.id: answer.voxels.get(lesion, 0) - answer.seen
        for member in cohort.members
        if (answer := answers[member.case.id]).voxels.get(lesion, 0) > answer.seen
    }
    if not outside:
        return ()
    return (f"{sum(outside.values()):,} lesion voxels of {some(outside)} lie outside the ROI: misses",)
