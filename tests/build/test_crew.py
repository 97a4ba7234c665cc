from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.build.crew import READERS, Crew, with_gpus
from radstore.build.devices import Device
from radstore.build.needs import Needs, crew_that_fits
from radstore.errors import BadInput


def cards(count: int) -> tuple[Device, ...]:
    return tuple(Device(number, "Card", 1 << 30, str(number)) for number in range(count))


@pytest.mark.parametrize(
    ("gpus", "cases", "cores", "asked", "found"),
    [
        (1, 100, 16, None, (1, READERS)),
        (8, 1000, 64, None, (8, 56)),  # no more than there are cores
        (1, 100, 1, None, (1, 1)),  # but one
        (4, 3, 64, None, (3, 3)),  # no more than there are cases
        (2, 100, 4, 9, (2, 9)),  # as asked
    ],
)
def test_sizes(gpus: int, cases: int, cores: int, asked: int | None, found: tuple[int, int]) -> None:
    crew = with_gpus(cards(gpus), cases, cores, asked)
    assert (len(crew.devices), crew.readers) == found
    assert crew.processes == sum(found)


@given(gpus=st.integers(1, 16), cases=st.integers(1, 3000), cores=st.integers(1, 256))
def test_always_somebody_to_read_and_to_compute(gpus: int, cases: int, cores: int) -> None:
    crew = with_gpus(cards(gpus), cases, cores, None)
    assert 1 <= len(crew.devices) <= gpus
    assert 1 <= crew.readers <= READERS * len(crew.devices)
    assert crew.processes <= max(cores, len(crew.devices) + 1)
    assert crew.threads(cores) >= 1


def test_readers_are_given_up_for_memory() -> None:
    needs = Needs(case_bytes=100, disk_bytes=0, free_bytes=800, looked_at=1, image_bytes=10)
    crew = with_gpus(cards(1), 100, 64, None)
    assert needs.memory(Crew(devices=cards(1), readers=2)) == 100 + 3 * 2 * 10 + 2 * 3 * 10
    fitting = crew_that_fits(needs, crew, given=False)
    assert 1 <= fitting.readers < crew.readers
    assert needs.memory(fitting) <= 640 < needs.memory(Crew(devices=cards(1), readers=fitting.readers + 1))
    with pytest.raises(BadInput, match="not enough memory: 1 GPUs and 20 readers need about"):
        crew_that_fits(needs, Crew(devices=cards(1), readers=20), given=True)
    with pytest.raises(BadInput, match="not enough memory: 9 GPUs and 1 readers") as error:
        crew_that_fits(needs, Crew(devices=cards(9), readers=20), given=False)
    assert "--gpus" in error.value.remedy
