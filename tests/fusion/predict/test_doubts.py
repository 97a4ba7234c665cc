"""Which CTs are doubted, and which are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fusion.predict.doubts import doubts
from radstore.images.volume import Volume

Ct = Callable[..., Volume]


def test_a_usual_ct_is_not_doubted(tiny_ct: Ct) -> None:
    ct = tiny_ct()
    flipped = replace(ct.geometry, direction=(-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0))
    assert doubts(ct) == doubts(replace(ct, geometry=flipped)) == ()


@pytest.mark.parametrize("value", [-1000, 0])
def test_a_ct_of_one_value(tiny_ct: Ct, value: int) -> None:
    ct = tiny_ct()
    (told,) = doubts(replace(ct, array=np.full_like(ct.array, value)))
    assert told == f"every voxel of the CT is {value}"


def test_a_ct_that_is_not_in_hu(tiny_ct: Ct) -> None:
    ct = tiny_ct()
    (told,) = doubts(replace(ct, array=ct.array - ct.array.min() + 3))
    assert "the lowest is 3): it is hardly in HU" in told


def test_sagittal_slices(tiny_ct: Ct) -> None:
    ct = tiny_ct()
    turned = replace(ct.geometry, direction=(0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    (told,) = doubts(replace(ct, geometry=turned))
    assert "axial" in told
