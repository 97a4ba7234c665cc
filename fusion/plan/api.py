"""`plan`: from a store and a catalog to nnU-Net plans and training blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusion.plan.overrides import Overrides
from fusion.recipe import Roi
from radstore.catalog import Catalog
from radstore.spec import Spec

Progress = Callable[[str, int, int], None]
"""Told what is done, and how many of how many cases."""


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
    failed: Mapping[str, Mapping[str, str]]


def plan(
    stage: int,
    fold: int | None = None,
    *,
    models: str | Path = "models",
    catalog: str | Path | Catalog = "catalog.yaml",
    store: str | None = None,
    source: str | None = None,
    features: str | Path | Spec | None = None,
    settings: Sequence[str] = (),
    region: str | None = None,
    roi: Roi | None = None,
    overrides: Overrides | None = None,
    paper: bool = False,
    skip_failed: bool = False,
    samples: bool = True,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> PlanReport:
    """Plan a stage for a fold: fingerprint and statistics of its training cases, plans by nnU-Net's planner.

    Writes ``<models>/plans/<plan name>/{plans.json, dataset.json}`` for the fullest row, and makes the
    training blocks ``training/<plan name>`` of all labelled cases in the store.

    Parameters
    ----------
    stage
        1 (whole CT, 9 × 4.5 × 4.5 mm unless overridden) or 2 (ROI).
    fold
        Which fold is held out; None (with `paper`): none, one plan for all folds.
    models
        The folder of plans and models.
    catalog, store, source
        Where cases and store are, as for `radstore.build.build`; the store has folds (`radstore split`).
    features, settings
        Stage 2: the spec that maps and vector were built with, and changes to it.
    region
        Stage 2: the region they were built in, ``stage1-foldK``; in paper mode also one of the catalog.
    roi
        Stage 2: what is seen around the region; default: `Roi()`.
    overrides
        What the user fixes instead of the planner.
    paper
        Whether a region or a selection that saw the held-out cases is allowed: scores are then optimistic.
    skip_failed
        Leave out cases that cannot be used, instead of refusing; they are listed.
    samples
        Whether to make the training blocks.
    jobs
        Processes at work; default: one a core.
    progress
        Told of each case.

    Raises
    ------
    BadInput
        If anything does not fit; nothing is written then.
    """
    raise BadInput("not yet", "")
