"""Where the labels are: bounded, the same every time, no label lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fusion.samples import labels
from fusion.samples.sample import class_locations


@given(hnp.arrays(np.int8, (3, 4, 5), elements=st.integers(0, 4)))
def test_few_voxels_are_all_there(seg: np.ndarray) -> None:
    found = labels.locations(seg)
    assert found.dtype == np.int32
    assert sorted(map(tuple, found[:, 1:].tolist())) == sorted(map(tuple, np.argwhere(seg > 0).tolist()))
    assert all(seg[z, y, x] == label for label, z, y, x in found)


def test_many_voxels_are_drawn() -> None:
    seg = np.ones((30, 30, 30), np.int8)
    seg[0, 0, :2] = 2
    found = labels.locations(seg)
    np.testing.assert_array_equal(found, labels.locations(seg))
    ones = found[found[:, 0] == 1]
    assert len(ones) == labels.LOCATIONS
    assert len(np.unique(ones, axis=0)) == labels.LOCATIONS
    assert len(found) == labels.LOCATIONS + 2
    assert abs(ones[:, 1].mean() - 14.5) < 0.5  # from everywhere


def test_as_nnunet_wants_them() -> None:
    found = class_locations(np.array([[2, 3, 4, 5], [1, 6, 7, 8]], np.int32), (1, 2, 3))
    assert {label: rows.tolist() for label, rows in found.items()} == {1: [[0, 6, 7, 8]], 2: [[0, 3, 4, 5]], 3: []}
    assert found[3].shape == (0, 4)


def test_no_labels() -> None:
    assert labels.locations(np.zeros((2, 2, 2), np.int8)).shape == (0, 4)
