"""Lesion candidates: from a probability of lesion to a few blobs, each with one confidence.

The extraction itself is Report-Guided-Annotation's (Bosma et al. 2023, doi:10.1148/ryai.230031), as the
published pipeline uses it; here stand its settings, the restriction to the neighbourhood of the predicted
pancreas, and the guarantee that evaluation needs: one confidence a connected component.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fusion.recipe import PANCREAS
from radstore.errors import BadInput
from radstore.images.volume import Geometry, Vector3, Volume
from radstore.suggest import suggest

DYNAMIC = ("dynamic", "dynamic-fast", "dynamic-v2")
"""Thresholds that follow the probabilities: the factor-th part of a lesion's own highest probability, or of
the case's (``dynamic-fast``). ``dynamic-v2`` goes on where ``dynamic`` stops at the first blob that is too
small."""


@dataclass(frozen=True)
class CandidateRule:
    """The settings of the extraction; the defaults are the published ones.

    Parameters
    ----------
    threshold
        One of `DYNAMIC`, or a fixed probability. The published baseline has ``dynamic-fast``.
    factor
        Ratio of a candidate's highest probability and the lowest in it; larger gives larger candidates. The
        published baseline has 2.5. A fixed threshold has no use for it.
    most
        Candidates a case at most; ``dynamic-fast`` and fixed thresholds keep all they find.
    voxels
        A candidate has more voxels than this.
    near
        Side, in voxels of the CT, of the cube that the predicted pancreas is dilated with; the probability
        counts only there.

    Raises
    ------
    BadInput
        If a setting cannot be one.
    """

    threshold: str | float = "dynamic-v2"
    factor: float = 15.0
    most: int = 5
    voxels: int = 10
    near: int = 5

    def __post_init__(self) -> None:
        if isinstance(self.threshold, str) and self.threshold not in DYNAMIC:
            raise BadInput(
                f"{self.threshold!r} is no threshold for lesion candidates",
                suggest(self.threshold, list(DYNAMIC), "Give a probability, or one of"),
            )
        if not isinstance(self.threshold, str) and not 0 < self.threshold <= 1:
            raise BadInput(
                f"a threshold of {self.threshold} for lesion candidates", "Give a probability, such as 0.1."
            )
        if self.factor <= 1 or self.most < 1 or self.voxels < 0 or self.near < 1 or self.near % 2 == 0:
            raise BadInput(
                f"lesion candidates with factor {self.factor:g}, at most {self.most}, more than "
                f"{self.voxels} voxels, within a cube of {self.near} voxels",
                "The factor is above 1, there is at least one candidate, and the cube's side is odd.",
            )

    @classmethod
    def of(cls, threshold: str, factor: float, **others: int) -> CandidateRule:
        """The rule for a threshold as typed: a name, or a number."""
        try:
            return cls(float(threshold), factor, **others)
        except ValueError:
            return cls(threshold, factor, **others)

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``predictions.json``."""
        return asdict(self)


@dataclass(frozen=True)
class Candidate:
    """One blob that may be a lesion.

    Parameters
    ----------
    confidence
        The highest probability in it.
    voxels
        How many voxels it has.
    centre_mm
        Its centre of mass (x, y, z) in mm, LPS.
    """

    confidence: float
    voxels: int
    centre_mm: Vector3

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Candidate:
        """The inverse of `dataclasses.asdict`."""
        x, y, z = value["centre_mm"]
        return cls(float(value["confidence"]), int(value["voxels"]), (x, y, z))


def lesion_candidates(
    probability: Volume, labels: Volume, rule: CandidateRule | None = None
) -> tuple[Volume, list[Candidate]]:
    """The candidates of a case, near the pancreas that was predicted for it.

    Parameters
    ----------
    probability
        Of lesion, float [z, y, x].
    labels
        Predicted structures on the same grid.
    rule
        The settings; by default the published ones.

    Returns
    -------
    map, candidates
        float32 on the same grid: 0, or the confidence of the candidate; and the candidates, best first.
    """
    rule = rule or CandidateRule()
    near = np.where(near_pancreas(labels.array, rule.near), probability.array, np.float32(0))
    found = extract_candidates(np.ascontiguousarray(near, dtype=np.float32), rule)
    return Volume(found, probability.geometry, probability.source), describe(found, probability.geometry)


def case_score(candidates: Sequence[Candidate]) -> float:
    """The case's score: its highest confidence, 0 where there is no candidate."""
    return max((candidate.confidence for candidate in candidates), default=0.0)


def near_pancreas(labels: np.ndarray, side: int) -> np.ndarray:
    """Where the predicted pancreas (`PANCREAS`) is, dilated by a cube of `side` voxels; bool [z, y, x]."""
    from scipy.ndimage import maximum_filter

    return maximum_filter(np.isin(labels, PANCREAS), size=side, mode="constant", cval=0)


def extract_candidates(probability: np.ndarray, rule: CandidateRule) -> np.ndarray:
    """The detection map of a probability map, float32 [z, y, x]: each component has one confidence.

    Parameters
    ----------
    probability
        float32 [z, y, x], 0 where no candidate may be.
    """
    found = np.zeros(probability.shape, np.float32)
    box = _box(probability)
    if box is not None:
        blobs = _extract()(
            probability[box],  # what is 0 cannot change the result, and is most of a CT
            threshold=rule.threshold,
            min_voxels_detection=rule.voxels,
            num_lesions_to_extract=rule.most,
            dynamic_threshold_factor=rule.factor,
        )[0]
        found[box] = one_confidence_each(blobs.astype(np.float32))
    return found


def one_confidence_each(found: np.ndarray) -> np.ndarray:
    """The map with every connected component (26 neighbours) at its highest confidence.

    Two candidates that touch become one: picai_eval refuses a map with more confidences than components.
    """
    from scipy.ndimage import label, maximum

    components, count = label(found, structure=np.ones((3, 3, 3)))
    highest = np.zeros(count + 1, found.dtype)
    highest[1:] = maximum(found, components, range(1, count + 1))
    return highest[components]


def describe(found: np.ndarray, geometry: Geometry) -> list[Candidate]:
    """The candidates in a detection map, best first."""
    from scipy.ndimage import center_of_mass, label

    components, count = label(found, structure=np.ones((3, 3, 3)))
    voxels = np.bincount(components.ravel(), minlength=count + 1)
    centres = center_of_mass(components > 0, components, range(1, count + 1))
    firsts = [tuple(map(int, at)) for at in _first_voxels(components, count)]
    candidates = [
        Candidate(float(found[first]), int(voxels[at]), geometry.point((x, y, z)))
        for at, (first, (z, y, x)) in enumerate(zip(firsts, centres, strict=True), start=1)
    ]
    return sorted(candidates, key=lambda candidate: -candidate.confidence)


def _first_voxels(components: np.ndarray, count: int) -> np.ndarray:
    """Index (z, y, x) of one voxel of each component."""
    numbers, places = np.unique(components, return_index=True)
    places = places[numbers > 0]
    return np.stack(np.unravel_index(places, components.shape), axis=1) if count else np.empty((0, 3), int)


def _box(array: np.ndarray) -> tuple[slice, ...] | None:
    """The box of what is not 0."""
    from scipy.ndimage import find_objects

    return next(iter(find_objects((array != 0).astype(np.uint8))), None)


def _extract() -> Any:
    with contextlib.redirect_stdout(io.StringIO()):  # a banner
        from report_guided_annotation import extract_lesion_candidates
    return extract_lesion_candidates
