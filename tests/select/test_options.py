from __future__ import annotations

from typing import Any

import pytest

from radstore.errors import BadInput
from radstore.select import Options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("size", 0), ("folds", 1), ("rule", "best"), ("alpha", 0.0), ("alpha", 1.1), ("redundancy", 1.5)],
        *[("redundancy", 0.0), ("max_missing", 1.0), ("max_missing", -0.1), ("C", 0.0), ("seed", -1)],
        ("alpha", float("nan")),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: Any) -> None:
    with pytest.raises(BadInput, match=f"^{name} is {value!r}\n  → Give "):
        Options(**{name: value})
