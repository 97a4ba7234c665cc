"""What a plan learns from one case: its fingerprint, its labels, the moments of its maps and its vector.

Runs in processes of its own; a case that cannot be used is an answer, not an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from fusion.plan.cohort import Member, Reason
from fusion.plan.fingerprint import CaseFingerprint, case_fingerprint
from fusion.plan.statistics import Moments
from fusion.plan.wanted import Wanted
from fusion.regions.fallback import Fallback
from radstore.errors import BadInput, CaseError
from radstore.images.box import Box, bounding_box, placed, whole
from radstore.images.volume import Geometry, Volume
from radstore.store.query import CaseView, Snapshot
from radstore.store.regions import region_of

IMAGE = "image"  # the name of its block


@dataclass(frozen=True)
class Question:
    """What is asked of every case. Small and picklable.

    Parameters
    ----------
    snapshot
        The store, pinned.
    wanted
        What is planned: what of a case is seen, and which numbers of it are standardised.
    labels
        The plan's label values.
    lesion
        The lesion's.
    """

    snapshot: Snapshot
    wanted: Wanted
    labels: Collection[int]
    lesion: int


@dataclass(frozen=True, eq=False)
class Answer:
    """What one case says.

    Parameters
    ----------
    voxels
        Label → voxels in the whole label image, strays not among them.
    strays
        Stray label → voxels, which become background.
    seen
        Voxels of the lesion in what is seen (the ROI).
    fingerprint, maps, vector
        Of training cases; None of others.
    fallback
        Of training cases of Stage 1: where the organ lies in the body.
    error
        Why the case cannot be used; then the rest is empty.
    """

    voxels: Mapping[int, int] = field(default_factory=dict)
    strays: Mapping[int, int] = field(default_factory=dict)
    seen: int = 0
    fingerprint: CaseFingerprint | None = None
    maps: Moments | None = None
    vector: Moments | None = None
    fallback: Fallback | None = None
    error: Reason | None = None


def examine(question: Question, member: Member, training: bool) -> Answer:
    """Ask one case.

    Parameters
    ----------
    training
        Whether it is asked for what the plan's numbers come from, too.
    """
    try:
        return _examine(question, member, training)
    except (CaseError, BadInput) as error:  # BadInput: of this case's blocks
        return Answer(error=(error.message, error.remedy))


def _examine(question: Question, member: Member, training: bool) -> Answer:
    from fusion.samples.labels import on_plan
    from radstore.images.read import read_labels

    view = question.snapshot.case(member.case.id)
    ct = _Ct.of(view, member)
    labels = read_labels(member.labels)
    ct.require_grid_of(labels)
    values, strays = on_plan(labels, question.labels)
    box = _frame(question.wanted, view, ct)
    counts = np.bincount(values.ravel())
    answer = Answer(
        voxels={label: count for label, count in enumerate(counts.tolist()) if count},
        strays=strays,
        seen=int(np.count_nonzero(values[box] == question.lesion)),
    )
    if not training:
        return answer
    crop = ct.read(box)
    inner = bounding_box(crop != 0) or whole(crop.shape)  # nnU-Net cuts borders of zeros off
    spacing = ct.geometry.spacing[::-1]
    told = case_fingerprint(crop[inner], values[placed(inner, box)], spacing, ct.geometry.shape)
    maps, vector = _moments(question.wanted, view)
    fallback = None
    if rule := question.wanted.rule:  # of Stage 1: the crop is the whole CT
        organ = Volume(np.isin(values, rule.values), ct.geometry)
        fallback = Fallback.of(Volume(crop, ct.geometry), organ)
    return replace(answer, fingerprint=told, maps=maps, vector=vector, fallback=fallback)


@dataclass(frozen=True, eq=False)
class _Ct:
    """A CT: `read` gives the voxels of a box (z, y, x)."""

    geometry: Geometry
    read: Callable[[Box], np.ndarray]
    source: str

    @classmethod
    def of(cls, view: CaseView, member: Member) -> _Ct:
        """From the store where it is there, which reads no more than the box; else from its file."""
        from radstore.images.read import read_image

        entry = view.record.blocks.get(IMAGE)
        if entry is None or not entry.ok:
            volume = read_image(member.case.image)
            return cls(volume.geometry, lambda box: volume.array[box], volume.source)
        block = view.image
        grid = Geometry.from_json(block.attrs["geometry"])
        return cls(grid, lambda box: block[box].values, f"the CT of case {view.id}")

    def require_grid_of(self, other: Volume) -> None:
        """Make sure that labels or a region lie on its grid."""
        from fusion.samples.frame import require_same_grid

        nothing = np.broadcast_to(np.int8(0), self.geometry.shape)  # only the grid is compared
        require_same_grid(Volume(nothing, self.geometry, self.source), other)


def _frame(wanted: Wanted, view: CaseView, ct: _Ct) -> Box:
    """What is seen: the ROI around the region, or all."""
    if not wanted.region:
        return whole(ct.geometry.shape)
    region = region_of(view.snapshot, view.id, wanted.region).mask
    ct.require_grid_of(region)
    return wanted.roi.box(region)


def _moments(wanted: Wanted, view: CaseView) -> tuple[Moments | None, Moments | None]:
    """Of the maps' defined voxels, which all lie in the region; of the vector, one value each."""
    maps = vector = None
    if wanted.maps:
        block = view.get_maps(wanted.view)
        maps = Moments.of([block.sel(feature=name).values for name in wanted.maps])
    if wanted.vector:
        numbers = view.features(wanted.view)
        vector = Moments.of([numbers.sel(feature=name).values for name in wanted.vector])
    return maps, vector
