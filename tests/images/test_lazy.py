from __future__ import annotations

import numpy as np

from radstore.images.lazy import Lazy


def test_only_what_is_read_is_made():
    made = []

    def double(values):
        made.append(values.size)
        return values * 2.0

    array = np.arange(60).reshape(3, 4, 5)
    lazy = Lazy(array, double, np.dtype(float))
    assert lazy.shape == (3, 4, 5)
    np.testing.assert_array_equal(lazy[1:2, 0:2, 3:5], 2.0 * array[1:2, 0:2, 3:5])
    assert made == [4]
