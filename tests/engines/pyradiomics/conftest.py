"""A small case of each kind, and the library's own answer to compare with."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from radstore.images.itk import to_itk
from radstore.images.volume import Geometry, Volume

Case = tuple[Volume, Volume]


def texture(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Smooth noise around 40, float64."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.0)
    return 40 + 60 * noise / noise.std()


def blob(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """An irregular region away from the edges, with a spur one voxel thick; uint8."""
    inside = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2.0)
    distance = sum(((np.indices(shape)[a] - n / 2) / (0.34 * n)) ** 2 for a, n in enumerate(shape))
    mask = (distance < 1) & (inside > -0.03)
    z, y, x = (n // 2 for n in shape)
    mask[z, y, x : x + shape[2] // 2 - 2] = True
    return mask.astype(np.uint8)


@pytest.fixture
def case() -> Case:
    """An int16 image of odd and even sizes, oblique, and a mask."""
    shape = (13, 24, 27)
    turn = np.deg2rad(20)
    direction = (np.cos(turn), -np.sin(turn), 0.0, np.sin(turn), np.cos(turn), 0.0, 0.0, 0.0, 1.0)
    geometry = Geometry(shape[::-1], (1.1, 0.9, 2.3), (-31.0, 12.5, 4.0), tuple(map(float, direction)))
    image = Volume(np.rint(texture(shape, 1)).astype(np.int16), geometry, "image.nii")
    return image, Volume(blob(shape, 2), geometry, "mask.nii")


@pytest.fixture
def flat_case() -> Case:
    """A float32 image whose region lies in one slice."""
    shape = (9, 20, 22)
    geometry = Geometry(shape[::-1], (1.0, 1.0, 3.0))
    mask = np.zeros(shape, np.uint8)
    mask[4] = blob(shape, 3)[4]
    return Volume(texture(shape, 4).astype(np.float32), geometry), Volume(mask, geometry, "slice.nii")


@pytest.fixture
def tiny_case() -> Case:
    """A hundred voxels or so, for maps."""
    shape = (7, 11, 12)
    geometry = Geometry(shape[::-1], (1.2, 1.2, 2.5), (5.0, -7.0, 11.0))
    image = Volume(np.rint(texture(shape, 5)).astype(np.int16), geometry)
    return image, Volume(blob(shape, 6), geometry)


@pytest.fixture
def reference() -> Callable[..., dict[str, Any]]:
    """``RadiomicsFeatureExtractor.execute`` itself: (document, case, voxel=False) → what it gives."""

    def execute(document: dict[str, Any], case: Case, *, voxel: bool = False) -> dict[str, Any]:
        image, mask = (to_itk(volume) for volume in case)
        threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from radiomics.featureextractor import RadiomicsFeatureExtractor

                extractor = RadiomicsFeatureExtractor(document, additionalInfo=False)
                return dict(extractor.execute(image, mask, voxelBased=voxel))
        finally:
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)

    return execute
