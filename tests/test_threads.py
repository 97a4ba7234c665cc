from __future__ import annotations

import pytest

from radstore.images.itk import set_threads
from radstore.threads import threads, usable_cores, use_threads


@pytest.fixture(autouse=True)
def _afterwards():
    yield
    set_threads(1)
    use_threads(None)


def test_all_cores_unless_told_otherwise():
    use_threads(None)
    assert threads() == usable_cores() >= 1
    use_threads(3)
    assert threads() == 3


def test_workers_bound_itk_and_our_kernels_together():
    set_threads(2)
    assert threads() == 2
