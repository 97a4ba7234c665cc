from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radstore.images.box import around, bounding_box, first_and_size, grown, inside, placed, sides, whole

MASKS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(0, 1))


@given(MASKS)
def test_the_box_holds_every_voxel_and_is_the_smallest(mask):
    box = bounding_box(mask)
    where = np.argwhere(mask)
    if box is None:
        assert not len(where)
        return
    assert [span.start for span in box] == where.min(axis=0).tolist()
    assert [span.stop - 1 for span in box] == where.max(axis=0).tolist()
    first, size = first_and_size(box)
    assert first.tolist() == where.min(axis=0)[::-1].tolist()
    assert size.tolist() == list(sides(box))[::-1]


@given(MASKS.filter(lambda mask: mask.any()), st.tuples(*[st.integers(0, 3)] * 3))
def test_there_and_back(mask, margin):
    box = bounding_box(mask)
    outer = grown(box, margin, mask.shape)
    assert placed(inside(box, outer), outer) == box
    assert around([box, outer]) == outer
    assert around([outer, whole(mask.shape)]) == whole(mask.shape)
    np.testing.assert_array_equal(mask[outer][inside(box, outer)], mask[box])
