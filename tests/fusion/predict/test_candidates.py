"""Lesion candidates against Report-Guided-Annotation's own numbers, and what evaluation needs of them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.predict.candidate_rule import CandidateRule
from fusion.predict.candidates import (
    Candidate,
    case_score,
    describe,
    extract_candidates,
    lesion_candidates,
    near_pancreas,
    one_confidence_each,
)
from radstore.images.read import read_image
from radstore.images.volume import Geometry, Volume

BASELINE = CandidateRule("dynamic-fast", 2.5)


def volume(array: np.ndarray) -> Volume:
    z, y, x = array.shape
    return Volume(array, Geometry((x, y, z), (0.5, 0.5, 2.0), (10.0, 20.0, 30.0)))


def test_the_reference_numbers_come_out(shared_data: Path, shared_reference: Path) -> None:
    folder = shared_data / "report_guided_annotation"
    with (shared_reference / "report_guided_annotation_reference.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 25
    for row in rows:
        (image,) = folder.glob(f"{row['case']}*")
        probability = read_image(image)
        rule = CandidateRule.of(row["threshold"], 2.5)
        found = extract_candidates(probability.array.astype(np.float32), rule)
        got = describe(found, probability.geometry)
        expected = sorted(
            zip(json.loads(row["confidences"]), json.loads(row["voxels_per_candidate"]), strict=True),
            key=lambda pair: -pair[0][1],
        )
        assert [candidate.voxels for candidate in got] == [voxels for _, voxels in expected], row
        confidences = [confidence for (_, confidence), _ in expected]
        assert [candidate.confidence for candidate in got] == pytest.approx(confidences, abs=1e-4), row
        assert case_score(got) == pytest.approx(float(row["max_value"]), rel=1e-4), row
        assert np.count_nonzero(found) == float(row["n_voxels"]), row


def test_only_the_neighbourhood_of_the_predicted_pancreas_counts() -> None:
    probability = np.zeros((9, 30, 30), np.float32)
    probability[3:6, 5:9, 5:9] = 0.8
    probability[3:6, 20:24, 20:24] = 0.9
    labels = np.zeros(probability.shape, np.uint8)
    labels[4, 6, 10] = 5  # a duct: a cube of 5 around it reaches the first blob's last column
    labels[4, 22, 22] = 2  # a vein: does not count
    found, (candidate,) = lesion_candidates(volume(probability), volume(labels))
    assert near_pancreas(labels, 5).sum() == 125
    assert candidate.voxels == np.count_nonzero(found.array[3:6, 5:9, 8]) == 12
    assert candidate.confidence == pytest.approx(0.8)


def test_a_candidate_says_where_it_lies() -> None:
    probability = np.zeros((9, 30, 30), np.float32)
    probability[3:6, 5:10, 6:11] = 0.5
    probability[4, 7, 8] = 0.75
    labels = np.where(probability > 0, 1, 0).astype(np.uint8)
    found, (candidate,) = lesion_candidates(volume(probability), volume(labels))
    assert candidate == Candidate(0.75, 75, (10.0 + 8 * 0.5, 20.0 + 7 * 0.5, 30.0 + 4 * 2.0))
    assert set(np.unique(found.array)) == {0.0, 0.75}
    assert found.array.dtype == np.float32


def test_without_a_pancreas_or_a_lesion_the_score_is_zero() -> None:
    nothing = volume(np.zeros((4, 5, 6), np.float32))
    certain = volume(np.ones((4, 5, 6), np.float32))
    labels = volume(np.zeros((4, 5, 6), np.uint8))
    for probability in (nothing, certain):
        found, candidates = lesion_candidates(probability, labels)
        assert not found.array.any()
        assert case_score(candidates) == 0.0


def test_the_box_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    small = rng.random((6, 12, 12), np.float32) ** 4
    large = np.zeros((20, 40, 30), np.float32)
    large[5:11, 9:21, 11:23] = small
    for rule in (CandidateRule(), BASELINE, CandidateRule("dynamic", 4.0), CandidateRule(0.3, voxels=2)):
        found = extract_candidates(large, rule)
        np.testing.assert_array_equal(found[5:11, 9:21, 11:23], extract_candidates(small, rule))
        assert np.count_nonzero(found) == np.count_nonzero(found[5:11, 9:21, 11:23])


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["dynamic", "dynamic-fast", "dynamic-v2", 0.2, 0.6]),
    st.sampled_from([1.5, 2.5, 15.0]),
    st.integers(0, 12),
)
def test_every_component_has_one_confidence(
    seed: int, threshold: str | float, factor: float, voxels: int
) -> None:
    from scipy.ndimage import gaussian_filter, label

    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.random((7, 11, 13)), rng.uniform(0, 1.5))
    probability = ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)
    probability = np.round(probability, int(rng.integers(1, 5)))  # ties too
    found = extract_candidates(probability, CandidateRule(threshold, factor, voxels=voxels))
    components, count = label(found, structure=np.ones((3, 3, 3)))
    for number in range(1, count + 1):
        assert len(np.unique(found[components == number])) == 1
    candidates = describe(found, volume(found).geometry)
    assert len(candidates) == count
    assert all(candidate.voxels > voxels for candidate in candidates)
    assert sum(candidate.voxels for candidate in candidates) == np.count_nonzero(found)
    if isinstance(threshold, str) and threshold != "dynamic-fast":
        assert count <= 5


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["dynamic", "dynamic-fast", "dynamic-v2", 0.2, 0.6]),
    st.sampled_from([1.5, 2.5, 15.0]),
    st.integers(0, 12),
)
def test_it_is_report_guided_annotation_voxel_for_voxel(
    seed: int, threshold: str | float, factor: float, voxels: int
) -> None:
    with contextlib.redirect_stdout(io.StringIO()):  # a banner
        from report_guided_annotation import extract_lesion_candidates
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.random((6, 12, 14)), rng.uniform(0, 1.2)) ** rng.integers(1, 6)
    probability = (noise / noise.max() * rng.choice([0.02, 0.5, 1.0])).astype(np.float32)
    probability = np.round(probability, int(rng.integers(1, 6)))  # ties too
    theirs, confidences, _ = extract_lesion_candidates(
        probability,
        threshold=threshold,
        min_voxels_detection=voxels,
        num_lesions_to_extract=5,
        dynamic_threshold_factor=factor,
    )
    rule = CandidateRule(threshold, factor, voxels=voxels)
    found = extract_candidates(probability, rule)
    np.testing.assert_array_equal(found, theirs)
    mine = [candidate.confidence for candidate in describe(found, volume(found).geometry)]
    assert mine == sorted((float(one) for _, one in confidences if one), reverse=True)


def test_picai_eval_takes_what_it_would_have_refused() -> None:
    from picai_eval.eval import evaluate_case

    touching = np.zeros((4, 8, 8), np.float32)
    touching[:, 1:3, 1:4], touching[:, 3:5, 1:4] = 0.9, 0.4
    lesion = (touching == np.float32(0.9)).astype(np.uint8)
    with pytest.raises(ValueError, match="softmax"):
        evaluate_case(touching, lesion)
    rows, score, *_ = evaluate_case(one_confidence_each(touching), lesion)
    assert len(rows) == 1
    assert score == pytest.approx(0.9)
