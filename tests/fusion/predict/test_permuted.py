"""The permuted control's plan; whose vector a case is given is tested with the chain."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from fusion.predict.permuted import plan_there


def store_with(*plans: str) -> Any:
    blocks = {f"training/{plan}": None for plan in plans}
    return SimpleNamespace(manifest={"a": SimpleNamespace(blocks=blocks)})


def test_the_folds_own_plan_in_paper_mode_too_else_that_of_all_folds() -> None:
    assert plan_there(store_with("stage2-fold0", "stage2"), 0) == "stage2-fold0"
    assert plan_there(store_with("stage2", "stage2-fold1"), 0) == "stage2"
