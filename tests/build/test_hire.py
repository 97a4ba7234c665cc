from __future__ import annotations

import pytest

from radstore.build import hire
from radstore.build.hire import jobs_that_fit
from radstore.build.needs import Needs
from radstore.errors import BadInput


def needs(fit: int) -> Needs:
    """Of cases of which so many fit into memory."""
    return Needs(case_bytes=1000, disk_bytes=0, free_bytes=1251 * fit, looked_at=1)


def test_one_a_core_as_far_as_memory_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hire, "cores", lambda: 4)
    assert [jobs_that_fit(needs(fit), None) for fit in (9, 4, 3, 1)] == [4, 4, 3, 1]


def test_as_many_as_asked_or_none() -> None:
    assert jobs_that_fit(needs(3), 3) == 3
    with pytest.raises(BadInput, match="not enough memory: 3 workers need"):
        jobs_that_fit(needs(2), 3)


def test_with_nothing_to_compute_it_is_what_was_asked() -> None:
    assert (jobs_that_fit(None, None), jobs_that_fit(None, 5)) == (None, 5)
