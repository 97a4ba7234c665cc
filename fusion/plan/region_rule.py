"""How a Stage-1 model's labels become regions: its rule, the fallback fitted on its training cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from fusion.regions.fallback import Fallback
from fusion.regions.rule import RegionRule


def region_rule(rule: RegionRule | None, fitted: Iterable[Fallback | None]) -> dict[str, Any]:
    """As it stands in the recipe; empty without a rule (Stage 2).

    Parameters
    ----------
    rule
        What the user wants; its own fallback stays where no training case has the organ.
    fitted
        Of each training case; None where it has no organ.
    """
    if rule is None:
        return {}
    found = [one for one in fitted if one is not None]
    return replace(rule, fallback=_mean(found) if found else rule.fallback).to_json()


def _mean(found: list[Fallback]) -> Fallback:
    """Each case counts the same, as in `Fallback.fit` of all at once."""
    cx, cy, cz = np.mean([one.centre for one in found], axis=0).round(4).tolist()
    x, y, z = np.mean([one.size_mm for one in found], axis=0).round(1).tolist()
    return Fallback((cx, cy, cz), (x, y, z), sum(one.cases for one in found))
