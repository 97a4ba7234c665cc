"""A small case, and what it means that two extractions are the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from radiomics import setVerbosity

Case = tuple[sitk.Image, sitk.Image]


@pytest.fixture(autouse=True, scope="module")
def quiet() -> None:
    setVerbosity(60)


@pytest.fixture(scope="module")
def case() -> Case:
    """A noisy image and a ragged region of label 3 in a mask that has other labels too."""
    rng = np.random.default_rng(3)
    image = sitk.GetImageFromArray(rng.normal(0, 60, (9, 11, 12)).astype(np.int16))
    inside = np.zeros((9, 11, 12), np.uint8)
    inside[2:7, 2:9, 3:10] = 3 * (rng.random((5, 7, 7)) < 0.9)
    inside[0, 0, 0] = 1
    mask = sitk.GetImageFromArray(inside)
    for volume in (image, mask):
        volume.SetSpacing((1.0, 1.0, 2.0))
        volume.SetOrigin((-7.0, 3.0, 11.5))
    return image, mask


@pytest.fixture(scope="session")
def assert_same() -> Callable[..., None]:
    """Same keys in the same order, same types, same numbers; diagnostics equal."""

    def check(ours: Mapping[str, Any], theirs: Mapping[str, Any], rtol: float = 1e-6) -> None:
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            assert type(ours[key]) is type(value), key
            if key.startswith("diagnostics_"):
                assert repr(ours[key]) == repr(value), key
            elif isinstance(value, sitk.Image):
                _same_image(ours[key], value, rtol, key)
            else:
                assert (ours[key].dtype, ours[key].shape) == (np.float64, value.shape), key
                np.testing.assert_allclose(ours[key], value, rtol=rtol, atol=1e-12, err_msg=key)

    return check


def _same_image(ours: sitk.Image, theirs: sitk.Image, rtol: float, name: str) -> None:
    for what in ("GetSize", "GetOrigin", "GetSpacing", "GetDirection", "GetPixelID"):
        assert getattr(ours, what)() == getattr(theirs, what)(), (name, what)
    arrays = (sitk.GetArrayViewFromImage(image) for image in (ours, theirs))
    np.testing.assert_allclose(*arrays, rtol=rtol, atol=1e-12, err_msg=name)
