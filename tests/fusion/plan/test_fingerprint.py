"""The fingerprint is nnU-Net's, without its folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fusion.nnunet  # noqa: F401
from fusion.plan.fingerprint import SAMPLES, case_fingerprint, dataset_fingerprint
from radstore.errors import BadInput
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume


def noise(shape: tuple[int, ...] = (6, 7, 8), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(-900, 900, shape).astype(np.int16), random.integers(0, 7, shape).astype(np.int8)


def test_a_case_is_fingerprinted_as_nnunet_does(tmp_path: Path) -> None:
    from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import (
        DatasetFingerprintExtractor,
    )
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    ct, labels = noise()
    ct[0] = 0  # a border that nnU-Net cuts off
    grid = Geometry((8, 7, 6), (0.7, 0.8, 2.5))
    image = write_volume(Volume(ct, grid), tmp_path / "a_0000.nii.gz")
    seg = write_volume(Volume(labels, grid), tmp_path / "a.nii.gz")
    shape, spacing, intensities, _, size = DatasetFingerprintExtractor.analyze_case(
        [str(image)], str(seg), SimpleITKIO, SAMPLES
    )
    ours = case_fingerprint(ct[1:], labels[1:], grid.spacing[::-1], ct.shape)
    assert ours.shape == tuple(shape)
    np.testing.assert_allclose(ours.spacing, spacing, rtol=1e-6)
    assert ours.relative_size == pytest.approx(float(size))
    np.testing.assert_array_equal(ours.intensities, intensities[0])


def test_every_case_counts_the_same() -> None:
    small = case_fingerprint(np.full((2, 2, 2), 10.0), np.ones((2, 2, 2)), (1, 1, 1), (2, 2, 2))
    large = case_fingerprint(np.full((9, 9, 9), 30.0), np.ones((9, 9, 9)), (1, 1, 1), (9, 9, 9))
    found = dataset_fingerprint([small, large])["foreground_intensity_properties_per_channel"]["0"]
    assert found["mean"] == 20.0
    assert (found["min"], found["max"], found["std"]) == (10.0, 30.0, 10.0)


def test_a_case_without_foreground_gives_its_shape_alone() -> None:
    ct, labels = noise()
    nothing = case_fingerprint(ct, np.zeros_like(labels), (2, 1, 1), (12, 7, 8))
    found = dataset_fingerprint([nothing, case_fingerprint(ct, labels, (2, 1, 1), ct.shape)])
    alone = dataset_fingerprint([case_fingerprint(ct, labels, (2, 1, 1), ct.shape)])
    properties = "foreground_intensity_properties_per_channel"
    assert found[properties] == alone[properties]
    assert len(found["spacings"]) == 2
    assert found["median_relative_size_after_cropping"] == 0.75


def test_no_foreground_at_all_is_refused() -> None:
    ct, labels = noise()
    with pytest.raises(BadInput, match="no voxel of 1 training cases has a label above 0"):
        dataset_fingerprint([case_fingerprint(ct, np.zeros_like(labels), (1, 1, 1), ct.shape)])
