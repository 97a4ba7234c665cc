from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from radstore.catalog import Case
from radstore.quality.draws import generator, sample


def cases(*sizes: int, studies: int = 1) -> list[Case]:
    """So many cases of each source."""
    return [
        Case(f"{source}-{at}", f"{source}-{at // studies}", f"source{source}", Path("x"))
        for source, size in enumerate(sizes)
        for at in range(size)
    ]


def test_every_source_has_its_share() -> None:
    found = sample(cases(100, 3, 100), 9, 0)
    assert [sum(case.source == f"source{at}" for case in found) for at in range(3)] == [3, 3, 3]


def test_patients_before_their_second_studies() -> None:
    found = sample(cases(20, studies=4), 5, 0)
    assert len({case.patient for case in found}) == 5


@given(st.integers(0, 9), st.randoms())
def test_the_order_of_the_cases_does_not_matter(seed: int, random: object) -> None:
    shuffled = cases(9, 5)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sample(shuffled, 6, seed) == sample(cases(9, 5), 6, seed)


def test_seeds_draw_other_cases_and_numbers() -> None:
    assert sample(cases(50), 6, 0) != sample(cases(50), 6, 1)
    one, same, other = (
        generator(seed, "case", kind).random(4) for seed, kind in ((0, "a"), (0, "a"), (0, "b"))
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()


def test_fewer_cases_than_asked() -> None:
    assert len(sample(cases(3), 6, 0)) == 3
