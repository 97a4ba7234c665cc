"""`PlanReport`: what a plan is like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fusion.recipe import Recipe
from fusion.samples.preparation import CONFIGURATION


@dataclass(frozen=True)
class PlanReport:
    """What a plan is like.

    Parameters
    ----------
    name
        Of the plan, and of its training blocks (``training/<name>``).
    folder
        Where ``plans.json`` and ``dataset.json`` lie.
    plans, dataset_json
        Their content, for the fullest row.
    training, held_out
        Cases that the fingerprint and the statistics come from, and those of the fold.
    strays
        Case → how many voxels had a stray label (7, 8), which became background.
    left_out
        Case → why it is not used.
    notes
        What the user should know.
    failed
        Case → error, of those whose training block could not be made.
    """

    name: str
    folder: Path
    plans: Mapping[str, Any]
    dataset_json: Mapping[str, Any]
    training: tuple[str, ...]
    held_out: tuple[str, ...]
    strays: Mapping[str, int]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    failed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def summary(self) -> tuple[str, ...]:
        """What the network is like and what it is given, in a few lines."""
        found = self.plans["configurations"][CONFIGURATION]
        network, recipe = found["architecture"]["arch_kwargs"], Recipe.from_plans(self.plans)
        return (
            f"spacing {_shown(found['spacing'])} mm, patch {_shown(found['patch_size'])} voxels (z, y, x), "
            f"batch {found['batch_size']}",
            f"{network['n_stages']} stages of {', '.join(map(str, network['features_per_stage']))} features",
            f"{len(recipe.maps)} maps, {len(recipe.vector)} numbers in the vector",
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        return {**{part.name: getattr(self, part.name) for part in fields(self)}, "folder": str(self.folder)}


def _shown(values: Sequence[float]) -> str:
    return " × ".join(f"{value:.4g}" for value in values)
