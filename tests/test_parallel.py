from __future__ import annotations

import os
import time
import warnings

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from radstore.errors import RadstoreError
from radstore.parallel import run

kept: list[np.ndarray] = []


def power(base: int, exponent: int) -> int:
    return base**exponent


def most_threads() -> int:
    np.ones((2, 2)) @ np.ones((2, 2))  # loads the linear algebra
    return max(pool["num_threads"] for pool in threadpool_info())


def test_results_stand_in_the_order_of_the_arguments_for_any_number_of_processes():
    arguments = [(base, 2) for base in range(7)]
    assert run(power, arguments, jobs=1) == run(power, arguments, jobs=2) == [0, 1, 4, 9, 16, 25, 36]


def test_progress_counts_every_task():
    told: list[tuple[int, int]] = []
    run(power, [(1, 1), (2, 2)], jobs=1, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]


def test_a_task_has_one_thread_of_the_linear_algebra():
    assert run(most_threads, [()], jobs=1) == [1]


def _die(number: int) -> int:
    if number == 1:
        os._exit(1)
    return number


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(RadstoreError, match="a process died") as told:
        run(_die, [(0,), (1,)], 2)
    assert "--jobs" in told.value.remedy


def keeping(number: int) -> int:
    """A task that keeps more than joblib allows a process."""
    kept.append(np.ones(50_000_000))
    time.sleep(1.1)  # joblib looks once a second
    return number


def test_a_process_that_is_replaced_since_it_keeps_much_is_no_news():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert run(keeping, [(number,) for number in range(4)], jobs=2) == [0, 1, 2, 3]
    assert said == []
