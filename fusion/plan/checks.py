"""What the cases' labels must be like, once all were looked at."""

from __future__ import annotations

from collections.abc import Mapping

from fusion.plan.cohort import Cohort, Reason
from fusion.plan.examine import Answer
from fusion.samples.labels import STRAY
from radstore.errors import BadInput

SHOWN = 3  # cases named in a note


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
    found = {member.case.id: answers[member.case.id].strays for member in cohort.members}
    return {case: count for case, count in found.items() if count}


def label_notes(cohort: Cohort, answers: Mapping[str, Answer], lesion: int) -> tuple[str, ...]:
    """What of the labels the user should know."""
    notes = []
    if found := strays(cohort, answers):
        total = sum(found.values())
        values = ", ".join(map(str, STRAY))
        notes.append(f"{total:,} voxels with a stray label ({values}) of {_some(found)} became background")
    outside = {
        member.case.id: answer.voxels.get(lesion, 0) - answer.seen
        for member in cohort.members
        if (answer := answers[member.case.id]).voxels.get(lesion, 0) > answer.seen
    }
    if outside:
        notes.append(
            f"{sum(outside.values()):,} lesion voxels of {_some(outside)} lie outside the ROI: misses"
        )
    return tuple(notes)


def _some(cases: Mapping[str, int]) -> str:
    names = sorted(cases)
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"{'case' if len(names) == 1 else 'cases'} {', '.join(names[:SHOWN])}{more}"
