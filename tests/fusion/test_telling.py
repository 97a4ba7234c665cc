"""What is being done, from the whole to the detail."""

from __future__ import annotations

import pytest

from fusion.telling import Doing


def test_what_is_being_done_is_told_at_each_change() -> None:
    told: list[str] = []
    doing = Doing(told.append)
    with doing("case 7"):
        with doing("Stage 1"), doing("tile 1 of 2"):
            pass
        with pytest.raises(MemoryError), doing("Stage 2"):
            raise MemoryError
    with doing("case 8"):
        pass
    assert told == [
        "case 7",
        "case 7, Stage 1",
        "case 7, Stage 1, tile 1 of 2",
        "case 7, Stage 1",
        "case 7",
        "case 7, Stage 2",
        "case 7",  # a failure leaves nothing behind
        "",
        "case 8",
        "",
    ]
