from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from radstore.phantom.people import study


@settings(deadline=None, max_examples=20)
@given(index=st.integers(0, 10_000))
def test_twelve_cases_are_half_pdac(index: int) -> None:
    people = [study(12 * (index // 12) + k) for k in range(12)]
    assert sum(who.pdac for who in people) == 6
    truth = {who.patient: who.pdac for who in people}
    assert all(truth[who.patient] == who.pdac for who in people)
    assert len(truth) == 10
