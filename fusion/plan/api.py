"""`plan`: from a store and a catalog to nnU-Net plans and training blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fusion.folds import split_of
from fusion.plan.checks import refused, require_lesions, roi_notes, stray_notes, strays
from fusion.plan.cohort import Cohort, cohort_of
from fusion.plan.examine import Answer, Question, examine
from fusion.plan.fingerprint import dataset_fingerprint
from fusion.plan.names import plan_folder, write_plan
from fusion.plan.overrides import Overrides
from fusion.plan.plans import make_plans
from fusion.plan.report import PlanReport
from fusion.plan.statistics import Standards, standards
from fusion.plan.wanted import Wanted, wanted_of
from fusion.protocol import tell
from fusion.recipe import NO_FOLD, Recipe
from fusion.regions.fallback import Fallback
from fusion.regions.out_of_fold import require_out_of_fold
from fusion.regions.rule import RegionRule
from fusion.roi import Roi
from fusion.samples import forget, materialise
from radstore.catalog import Catalog, load_catalog
from radstore.parallel import run
from radstore.spec import Spec
from radstore.split.roll import some
from radstore.store.query import Snapshot, open_store

LESION = "lesion"  # the name of its label
Progress = Callable[[str, int, int], None]
"""Told what is done, and how many of how many cases."""


def plan(
    stage: int,
    fold: int | None = None,
    *,
    without: int | None = None,
    models: str | Path = "models",
    catalog: str | Path | Catalog = "catalog.yaml",
    store: str | None = None,
    source: str | None = None,
    features: str | Path | Spec | None = None,
    settings: Sequence[str] = (),
    region: str | None = None,
    roi: Roi | None = None,
    rule: RegionRule | None = None,
    overrides: Overrides | None = None,
    paper: bool = False,
    nested: bool = False,
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
    without
        Stage 1 of nested chains: another fold, above `fold`, that gives no number to the plan either.
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
    rule
        Stage 1: how its labels will become regions; the fallback is fitted here. Default: `RegionRule()`.
    overrides
        What the user fixes instead of the planner.
    paper
        Whether a region or a selection that saw the held-out cases is allowed: scores are then optimistic.
    nested
        Stage 2: refuse regions of training cases whose model saw labels of the held-out fold.
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
    wanted = wanted_of(stage, fold, features, settings, region, roi, rule, paper, without, nested)
    loaded = catalog if isinstance(catalog, Catalog) else load_catalog(catalog)
    snapshot = open_store(store or loaded.store)
    recipe = _recipe(wanted, snapshot)
    cohort = cohort_of(snapshot, loaded, source, wanted.held)
    cohort = cohort.without(wanted.lacking(cohort.members)).checked(skip_failed)
    leaks = _leaks(wanted, snapshot, cohort)
    answers = _ask(wanted, snapshot, cohort, recipe, jobs, progress)
    cohort = cohort.without(refused(answers)).checked(skip_failed)
    require_lesions(cohort, answers, lesion := recipe.labels[LESION])
    maps, vector = _standards(wanted, cohort, answers)
    fitted = _region_rule(wanted, cohort, answers)
    recipe = replace(recipe, maps=maps.channels, vector=vector.channels, region_rule=fitted)
    plans, dataset = make_plans(_fingerprint(cohort, answers), len(cohort.training), recipe, overrides)
    found = strays(cohort, answers)
    protocol = map(tell, Recipe.from_plans(plans).protocol)
    told = (*protocol, *leaks, *roi_notes(cohort, answers, lesion), *maps.notes, *vector.notes)
    report = PlanReport(
        name=wanted.name,
        folder=plan_folder(models, wanted.name),
        plans=plans,
        dataset_json=dataset,
        training=tuple(member.case.id for member in cohort.training),
        held_out=tuple(member.case.id for member in cohort.held_out),
        strays=found,
        left_out=dict(cohort.left_out),
        notes=told if samples else (*told, *stray_notes(found)),
    )
    if samples:
        report = _materialised(report, snapshot, loaded, source, jobs, progress)
    write_plan(models, wanted.name, plans, dataset)  # last: of a run that is killed there is no plan
    return report


def _recipe(wanted: Wanted, snapshot: Snapshot) -> Recipe:
    """Without statistics, which the training cases give."""
    return Recipe(
        stage=wanted.stage,
        fold=NO_FOLD if wanted.fold is None else wanted.fold,
        roi=wanted.roi,
        region=wanted.region,
        view=wanted.view,
        spec=wanted.spec.document if wanted.spec else {},
        spec_hash=wanted.spec.hash if wanted.spec else "",
        paper_mode=wanted.paper,
        store=f"{snapshot.bucket.location}@{snapshot.version.number}",
        without=() if wanted.without is None else (wanted.without,),
        split=split_of(snapshot) if wanted.held else "",
        nested=wanted.nested,
        unknown_selection=wanted.unknown_selection,
    )


def _leaks(wanted: Wanted, snapshot: Snapshot, cohort: Cohort) -> tuple[str, ...]:
    """What selection and regions know of the held-out cases' labels; refused outside paper mode."""
    if not wanted.region:
        return ()
    fold = NO_FOLD if wanted.fold is None else wanted.fold
    ids = [member.case.id for member in cohort.members]
    of_regions = require_out_of_fold(
        snapshot, wanted.region, fold, ids, paper=wanted.paper, nested=wanted.nested
    )
    return (*filter(None, [wanted.leak]), *of_regions)


def _ask(
    wanted: Wanted,
    snapshot: Snapshot,
    cohort: Cohort,
    recipe: Recipe,
    jobs: int | None,
    progress: Progress | None,
) -> dict[str, Answer]:
    """Case → what it says; each is read once, in processes."""
    question = Question(snapshot, wanted, tuple(recipe.labels.values()), recipe.labels[LESION])
    tasks = [(question, member, member.fold not in cohort.held) for member in cohort.members]
    answers = run(examine, tasks, jobs, partial(progress, "cases looked at") if progress else None)
    return {member.case.id: answer for member, answer in zip(cohort.members, answers, strict=True)}


def _fingerprint(cohort: Cohort, answers: Mapping[str, Answer]) -> dict[str, Any]:
    found = [answers[member.case.id].fingerprint for member in cohort.training]
    return dataset_fingerprint([one for one in found if one is not None])


def _standards(wanted: Wanted, cohort: Cohort, answers: Mapping[str, Answer]) -> tuple[Standards, Standards]:
    """Of the maps and of the vector, over the training cases."""
    told = [answers[member.case.id] for member in cohort.training]
    maps = standards(wanted.maps, [one.maps for one in told if one.maps], "map")
    vector = standards(wanted.vector, [one.vector for one in told if one.vector], "number of the vector")
    return maps, vector


def _region_rule(wanted: Wanted, cohort: Cohort, answers: Mapping[str, Answer]) -> dict[str, Any]:
    """How Stage 1's labels become regions, with the fallback of its training cases; empty for Stage 2."""
    if wanted.rule is None:
        return {}
    found = [one for member in cohort.training if (one := answers[member.case.id].fallback) is not None]
    return replace(wanted.rule, fallback=Fallback.mean(found)).to_json()


def _materialised(
    report: PlanReport,
    snapshot: Snapshot,
    catalog: Catalog,
    source: str | None,
    jobs: int | None,
    progress: Progress | None,
) -> PlanReport:
    cases = sorted((*report.training, *report.held_out))
    made = materialise(
        snapshot.bucket.location,
        catalog,
        report.plans,
        report.dataset_json,
        report.name,
        cases=cases,
        source=source,
        jobs=jobs,
        progress=partial(progress, "samples made") if progress else None,
    )
    gone = forget(snapshot.bucket.location, report.name, keep=cases)
    told = (f"samples of an earlier plan were taken out: {some(gone)}",) if gone else ()
    return replace(report, failed=made.failed, notes=(*report.notes, *made.notes, *told))
