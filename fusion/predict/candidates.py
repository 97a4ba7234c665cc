"""Lesion candidates: from a probability of lesion to a few blobs, each with one confidence.

The rules are those of Report-Guided-Annotation (Bosma et al. 2023, doi:10.1148/ryai.230031), as the published
pipeline uses it, restricted to the neighbourhood of the predicted pancreas; its results come out voxel for
voxel (test). Its own code visits the whole image once for every component, which takes minutes where a
network is not certain of anything and there are thousands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fusion.predict.candidate_rule import CandidateRule
from fusion.recipe import PANCREAS
from radstore.images.box import bounding_box
from radstore.images.volume import Geometry, Vector3, Volume

LEAST = 0.01  # a dynamic extraction stops below this probability
NEIGHBOURS = np.ones((3, 3, 3), bool)  # voxels that share a face, an edge or a corner


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
