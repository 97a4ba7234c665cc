"""What each row of the ablation gives the network."""

from __future__ import annotations

import pytest

from fusion.inputs import CONTROLS, ROWS, Inputs
from radstore.errors import BadInput


def test_rows_differ() -> None:
    parts = {name: (Inputs(name).maps, Inputs(name).vector, Inputs(name).region) for name in ROWS}
    assert parts == {
        "ct": (False, False, False),
        "ct+global": (False, True, False),
        "ct+maps": (True, False, False),
        "ct+maps+global": (True, True, False),
    }


def test_controls() -> None:
    assert [(Inputs(n).maps, Inputs(n).vector, Inputs(n).region) for n in CONTROLS] == [
        (False, False, True),
        (False, True, False),
    ]
    assert [name for name in (*ROWS, *CONTROLS) if Inputs(name).permuted] == ["ct+permuted"]


@pytest.mark.parametrize("name", ["", "CT", "maps", "ct+map", "ct+global+maps", "ct+region+maps"])
def test_others_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="no row") as told:
        Inputs(name)
    assert "ct+maps" in told.value.remedy
