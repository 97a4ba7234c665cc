"""Numbers as people read them."""

from __future__ import annotations

from fusion.evaluate.tables import number


def test_no_negative_zero() -> None:
    assert (number(-0.0), number(-0.0001, "+"), number(-0.25, "+")) == ("0.000", "+0.000", "-0.250")
