"""The second half: Stage 1, regions out of fold, maps in them, Stage 2 row by row, predictions, evaluation.

Every fold K has a chain of its own: its Stage 1 and its ten features have not seen the cases of fold K.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from fusion.inputs import CONTROLS, ROWS
from fusion.train.settings import model_folder
from pipelines.plan import Plan
from pipelines.step import Command, Step, verb
from radstore.errors import BadInput
from radstore.store.table import FEATURES, REGION
from radstore.suggest import suggest

MODELS, PREDICTIONS, EVALUATION = "models", "predictions", "evaluation"
REFERENCE = "ct-sgd"
"""nnU-Net as shipped, on the CT alone: the outside reference."""
ALL_ROWS = (*ROWS, *CONTROLS, REFERENCE)


def rows_of(text: str) -> tuple[str, ...]:
    """The rows in a list separated by commas; all, if it is empty.

    Raises
    ------
    BadInput
        If one is not known.
    """
    rows = tuple(dict.fromkeys(row.strip() for row in text.split(",") if row.strip())) or ALL_ROWS
    for row in rows:
        if row not in ALL_ROWS:
            raise BadInput(f"--rows: there is no row {row!r}", suggest(row, ALL_ROWS, "The rows are"))
    return rows


def sources(plan: Plan) -> list[str]:
    """What the report on this half is made of."""
    plans = [f"{MODELS}/plans/stage2-fold{fold}/plans.json" for fold in range(plan.folds)]
    return [f"{EVALUATION}/evaluation.json", *plans]


def _region(fold: int) -> str:
    return f"stage1-fold{fold}"


def _view(plan: Plan, fold: int) -> str:
    return f"{plan.chosen(fold).stem}@{_region(fold)}"


def _where(plan: Plan, source: str | None = None) -> tuple[object, ...]:
    """Catalog, store and source: that which is trained on, or another."""
    return "--catalog", plan.catalog, "--store", plan.store, "--source", source or plan.source


def _held_out(plan: Plan, stage: int) -> list[tuple[int, ...]]:
    """The folds that each model of a stage holds out: one; of nested chains' Stage 1 also each pair."""
    folds = range(plan.folds)
    return [*((fold,) for fold in folds), *(combinations(folds, 2) if plan.nested and stage == 1 else ())]


def _typed(held: tuple[int, ...]) -> tuple[object, ...]:
    return tuple(word for pair in zip(("--fold", "--without"), held, strict=False) for word in pair)


def _nested(plan: Plan) -> tuple[str, ...]:
    return ("--nested",) if plan.nested else ()


def _models(plan: Plan) -> tuple[object, ...]:
    return "--models", plan.out / MODELS


def _plan(plan: Plan, stage: int) -> Iterator[Command]:
    budget = plan.budget.stage1 if stage == 1 else plan.budget.stage2
    for held in _held_out(plan, stage):
        fold = held[0]
        features = plan.chosen(fold)  # for Stage 1 too: that there are none is said before hours of training
        chain = ("--features", features, "--region", _region(fold), *_nested(plan)) if stage == 2 else ()
        options = (*_typed(held), *chain, *budget, "--skip-failed", "--jobs", plan.jobs)
        yield verb("fusion", "plan", "--stage", stage, *options, *_models(plan), *_where(plan))


def _train(plan: Plan, stage: int, row: str) -> Iterator[Command]:
    inputs = ("ct", "--optimiser", "sgd") if row == REFERENCE else (row,)
    budget = plan.budget.train1 if stage == 1 else plan.budget.train2
    for held in _held_out(plan, stage):
        what = ("--stage", stage, *_typed(held), "--inputs", *inputs)
        how = (*budget, "--seed", plan.seed, "--device", plan.device, "--continue", "--force")
        yield verb("fusion", "train", *what, *how, *_models(plan), "--store", plan.place)


def _regions(plan: Plan) -> Iterator[Command]:
    for source in plan.sources:
        for fold in range(plan.folds):
            how = ("--fold", fold, *_nested(plan), "--device", plan.device)
            yield verb("fusion", "regions", *how, *_models(plan), *_where(plan, source))


def _maps(plan: Plan) -> Iterator[Command]:
    for source in plan.sources:
        for fold in range(plan.folds):
            which = ("--features", plan.chosen(fold), "--region", _region(fold), "--limit", plan.limit)
            yield verb("radstore", "build", *which, *_where(plan, source), "--workers", plan.jobs)


def _predict(plan: Plan) -> Iterator[Command]:
    for row in plan.rows:
        out = plan.out / PREDICTIONS / row
        options = ("--out", out, "--force", *plan.budget.predict, "--device", plan.device)
        for source in plan.sources:
            yield verb("fusion", "predict", "--inputs", row, *options, *_models(plan), *_where(plan, source))


def _evaluate(plan: Plan) -> list[Command]:
    folders = [plan.out / PREDICTIONS / row for row in plan.rows]
    trained_on = ("--trained-on", plan.source) if plan.external else ()
    options = ("--catalog", plan.catalog, "--out", plan.out / EVALUATION, "--seed", plan.seed, *trained_on)
    against = ("--against", "ct") if "ct" in plan.rows else ()
    return [verb("fusion", "evaluate", *folders, *options, *against, "--jobs", plan.jobs)]


def _plans(plan: Plan, stage: int) -> str | None:
    from fusion.plan import plan_folder, plan_name

    names = [plan_name(stage, *held) for held in _held_out(plan, stage)]
    files = plan.files(
        [f"{plan_folder(MODELS, name)}/{file}.json" for name in names for file in ("plans", "dataset")]
    )
    blocks = plan.blocks([f"training/{name}" for name in names], every=False)
    return files and blocks and files + blocks


def _trained(plan: Plan, stage: int) -> str | None:
    chains = [
        f"{model_folder(MODELS, stage, row, *held)}/fold_{held[0]}"
        for row in (plan.rows if stage == 2 else ("",))
        for held in _held_out(plan, stage)
    ]
    return plan.files([f"{chain}/checkpoint_final.pth" for chain in chains])


def _kept(plan: Plan) -> str | None:
    return plan.blocks([REGION + _region(fold) for fold in range(plan.folds)], every=False)


def _mapped(plan: Plan) -> str | None:
    return plan.blocks([FEATURES + _view(plan, fold) for fold in range(plan.folds)], every=False)


STAGES: tuple[Step, ...] = (
    Step(
        "stage1-plan",
        "Stage 1: nnU-Net's plan for each fold, and its samples",
        lambda plan: list(_plan(plan, 1)),
        lambda plan: [plan.found(), plan.folded(), plan.folds, plan.budget.stage1],
        lambda plan: _plans(plan, 1),
    ),
    Step(
        "stage1-train",
        "Stage 1: one model a fold finds the pancreas on the coarse CT",
        lambda plan: list(_train(plan, 1, "ct")),
        lambda plan: [_plans(plan, 1), plan.folds, plan.budget.train1, plan.seed],
        lambda plan: _trained(plan, 1),
    ),
    Step(
        "regions",
        "the regions of each chain, predicted out of fold, into the store",
        lambda plan: list(_regions(plan)),
        lambda plan: [_trained(plan, 1), plan.found(external=True), *_nested(plan)],
        _kept,
    ),
    Step(
        "maps",
        "each chain's features and maps in its regions",
        lambda plan: list(_maps(plan)),
        lambda plan: [
            _kept(plan),
            plan.external,
            [plan.chosen(fold).read_text() for fold in range(plan.folds)],
        ],
        _mapped,
    ),
    Step(
        "stage2-plan",
        "Stage 2: one plan a chain for all rows, and the samples",
        lambda plan: list(_plan(plan, 2)),
        lambda plan: [_mapped(plan), plan.folded(), plan.folds, plan.budget.stage2, *_nested(plan)],
        lambda plan: _plans(plan, 2),
    ),
    Step(
        "stage2-train",
        "Stage 2: every row of the ablation on every fold",
        lambda plan: [command for row in plan.rows for command in _train(plan, 2, row)],
        lambda plan: [_plans(plan, 2), plan.rows, plan.folds, plan.budget.train2, plan.seed],
        lambda plan: _trained(plan, 2),
    ),
    Step(
        "predict",
        "every case by the chain that has not seen it: candidates and scores",
        lambda plan: list(_predict(plan)),
        lambda plan: [
            _trained(plan, 1),
            _trained(plan, 2),
            _mapped(plan),
            plan.found(external=True),
            plan.budget.predict,
        ],
        lambda plan: plan.files([f"{PREDICTIONS}/{row}/predictions.json" for row in plan.rows]),
    ),
    Step(
        "evaluate",
        "the ablation's table: AP, AUROC, intervals, tests between rows",
        _evaluate,
        lambda plan: [
            plan.files([f"{PREDICTIONS}/{row}/predictions.json" for row in plan.rows]),
            plan.found(external=True),
            plan.seed,
        ],
        lambda plan: plan.files([f"{EVALUATION}/evaluation.json"]),
    ),
)
