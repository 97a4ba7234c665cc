"""The first half: what radiomics alone is worth, from the catalog to an SVM on ten features."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.plan import Plan
from pipelines.step import Command, Step, verb

CATALOG, CHECKED, SELECTED = "catalog.json", "check.json", "selected"


def _cases(plan: Plan) -> tuple[object, ...]:
    """Which numbers of which cases, for ``check`` and ``build``."""
    return (
        *("--features", plan.features, "--catalog", plan.catalog, "--store", plan.store),
        *("--region", plan.region, "--source", plan.source, "--limit", plan.limit),
    )


def _check(plan: Plan, sample: int, into: str) -> list[Command]:
    sampled = ("--sample", sample, "--seed", plan.seed)
    jobs = ("--jobs", plan.jobs) if sample else ()
    return [verb("radstore", "check", *_cases(plan), *sampled, *jobs, "--json", into=into)]


def _split(plan: Plan) -> list[Command]:
    where = ("--catalog", plan.catalog, "--store", plan.store, "--source", plan.source)
    return [verb("radstore", "split", "--k", plan.folds, "--seed", plan.seed, "--label", plan.label, *where)]


def _build(plan: Plan) -> list[Command]:
    # --no-check: the step before has looked at the features, on more cases
    return [verb("radstore", "build", *_cases(plan), "--workers", plan.jobs, "--no-check")]


def _select(plan: Plan, fold: int | None) -> Command:
    return verb(
        *("radstore", "select"),
        *("--store", plan.place, "--view", plan.view, "--label", plan.label, "--fold", fold),
        *("--folds", plan.selection_folds, "--seed", plan.seed),
        *("--permutations", plan.permutations if plan.permutations and fold is None else None),
        *("--jobs", plan.jobs, "--out", plan.out / f"{_selection(fold)}.yaml", "--force"),
    )


def _selection(fold: int | None) -> str:
    return SELECTED if fold is None else f"{SELECTED}.fold{fold}"


def selections(plan: Plan, folds: Iterable[int | None]) -> str | None:
    """Digest of what selections left; a spec is missing where nothing was selected."""
    names = [_selection(fold) for fold in folds]
    return plan.files([f"{name}.json" for name in names], [f"{name}.yaml" for name in names])


def _table(plan: Plan) -> list[Any]:
    return [plan.built(), plan.folded(), plan.found(), plan.view, plan.label, plan.selection_folds, plan.seed]


def sources(plan: Plan) -> list[str]:
    """What the report on this half is made of."""
    chains = [f"{_selection(fold)}.json" for fold in range(plan.folds)]
    return [CATALOG, CHECKED, f"{SELECTED}.json", f"{SELECTED}.png", *chains]


def _found(catalog: Mapping[str, Any]) -> str:
    """How many cases there are and would be refused."""
    return f"{catalog['cases']:,} cases, {len(catalog['refused']):,} refused"


def flags(checked: Mapping[str, Any]) -> list[str]:
    """How many features have which flag."""
    found = checked["examined"]
    counts = Counter(flag["kind"] for flag in found["flags"])
    head = f"{found['features']:,} features looked at on {len(found['cases'])} cases"
    return [head, *(f"{kind}: {count:,}" for kind, count in counts.items())]


RADIOMICS: tuple[Step, ...] = (
    Step(
        "catalog",
        "what there is, and what would be refused",
        lambda plan: _check(plan, 0, CATALOG),
        lambda plan: [plan.found(), plan.spec.hash, plan.region],
        lambda plan: plan.files([CATALOG]),
        lambda plan: _found(json.loads((plan.out / CATALOG).read_text(encoding="utf-8"))),
    ),
    Step(
        "split",
        "who is held out: by patient, stratified by label and lesion size; all cases, whatever the limit",
        _split,
        lambda plan: [plan.found(limited=False), plan.folds, plan.seed, plan.label],
        Plan.folded,
    ),
    Step(
        "check",
        "what the features are worth, on a sample",
        lambda plan: _check(plan, 6, CHECKED),
        lambda plan: [plan.found(), plan.spec.hash, plan.region, plan.seed],
        lambda plan: plan.files([CHECKED]),
        lambda plan: "; ".join(flags(json.loads((plan.out / CHECKED).read_text(encoding="utf-8")))),
    ),
    Step(
        "features",
        "every feature of every case",
        _build,
        lambda plan: [plan.found(), plan.spec.hash, plan.region],
        Plan.built,
    ),
    Step(
        "select",
        "ten features, on all labelled cases (optimistic), and what the procedure is worth on others",
        lambda plan: [_select(plan, None)],
        lambda plan: [*_table(plan), plan.permutations],
        lambda plan: selections(plan, [None]),
    ),
    Step(
        "svm",
        "ten features and a linear SVM for each fold of the split, scored on the cases of that fold",
        lambda plan: [_select(plan, fold) for fold in range(plan.folds)],
        lambda plan: [*_table(plan), plan.folds],
        lambda plan: selections(plan, range(plan.folds)),
        lambda plan: "; ".join(map(plan.told, range(plan.folds))),
    ),
)
