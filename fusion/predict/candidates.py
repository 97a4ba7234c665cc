"""Lesion candidates: from a probability of lesion to a few blobs, each with one confidence.

The rules are those of Report-Guided-Annotation (Bosma et al. 2023, doi:10.1148/ryai.230031), as the published
pipeline uses it, restricted to the neighbourhood of the predicted pancreas; its results come out voxel for
voxel (test). Its own code visits the whole image once for every component, which takes minutes where a
network is not certain of anything and there are thousands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fusion.recipe import PANCREAS
from radstore.errors import BadInput
from radstore.images.box import bounding_box
from radstore.images.volume import Geometry, Vector3, Volume
from radstore.suggest import suggest

DYNAMIC = ("dynamic", "dynamic-fast", "dynamic-v2")
"""Thresholds that follow the probabilities: the factor-th part of a lesion's own highest probability, or of
the case's (``dynamic-fast``). ``dynamic-v2`` goes on where ``dynamic`` stops at the first blob that is too
small."""

LEAST = 0.01  # a dynamic extraction stops below this probability
NEIGHBOURS = np.ones((3, 3, 3), bool)  # voxels that share a face, an edge or a corner


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
    box = bounding_box(probability)
    if box is not None:
        part = probability[box].astype(np.float32)  # what is 0 cannot change the result, and is most of a CT
        follows = rule.threshold in ("dynamic", "dynamic-v2")
        found[box] = one_confidence_each(_one_by_one(part, rule) if follows else _all_at_once(part, rule))
    return found


def _all_at_once(probability: np.ndarray, rule: CandidateRule) -> np.ndarray:
    """The components above one threshold, each at its highest probability."""
    fixed = probability.max() / rule.factor if isinstance(rule.threshold, str) else rule.threshold
    components, peaks = _components(probability, fixed, rule.voxels)
    return peaks[components]


def _one_by_one(probability: np.ndarray, rule: CandidateRule) -> np.ndarray:
    """The most probable component first; then, without it, the next one: each has a threshold of its own.

    One that touches an earlier one is dropped: it is that one's rim.
    """
    from scipy.ndimage import binary_dilation

    rest, found, count = probability.copy(), np.zeros_like(probability), 0
    while count < rule.most and rest.max() >= LEAST:
        threshold = rest.max() / rule.factor
        components, peaks = _components(rest, threshold, rule.voxels)
        if not peaks.any():  # all too small
            if rule.threshold == "dynamic":
                break
            rest[rest > threshold] = 0
            continue
        best = components == peaks.argmax()
        if not (best & binary_dilation(found > 0, structure=NEIGHBOURS)).any():
            found[best] = peaks.max()
            count += 1
        rest[best] = 0
    return found


def _components(array: np.ndarray, threshold: float, voxels: int) -> tuple[np.ndarray, np.ndarray]:
    """The components from a threshold on, numbered, and by number their peaks: 0 for those too small."""
    from scipy.ndimage import label

    components, count = label(array >= threshold, structure=NEIGHBOURS)
    peaks = _peaks(array, components, count)
    peaks[np.bincount(components.ravel(), minlength=count + 1) <= voxels] = 0
    peaks[0] = 0
    return components, peaks


def _peaks(array: np.ndarray, components: np.ndarray, count: int) -> np.ndarray:
    """The highest value of each component, by its number; of number 0, what is around them, 0."""
    peaks = np.zeros(count + 1, array.dtype)
    inside = components > 0
    np.maximum.at(peaks, components[inside], array[inside])
    return peaks


def one_confidence_each(found: np.ndarray) -> np.ndarray:
    """The map with every connected component (26 neighbours) at its highest confidence.

    Two candidates that touch become one: picai_eval refuses a map with more confidences than components.
    """
    from scipy.ndimage import label

    components, count = label(found, structure=NEIGHBOURS)
    return _peaks(found, components, count)[components]


def describe(found: np.ndarray, geometry: Geometry) -> list[Candidate]:
    """The candidates in a detection map, best first."""
    from scipy.ndimage import center_of_mass, label

    box = bounding_box(found)
    if box is None:
        return []
    components, count = label(found[box], structure=NEIGHBOURS)
    voxels = np.bincount(components.ravel(), minlength=count + 1)
    peaks = _peaks(found[box], components, count)
    centres = center_of_mass(components > 0, components, range(1, count + 1))
    first = [side.start for side in box]
    candidates = [
        Candidate(
            float(peaks[at]), int(voxels[at]), geometry.point((x + first[2], y + first[1], z + first[0]))
        )
        for at, (z, y, x) in enumerate(centres, start=1)
    ]
    return sorted(candidates, key=lambda candidate: -candidate.confidence)
