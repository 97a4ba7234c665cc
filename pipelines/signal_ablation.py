"""Does an nnU-Net gain from radiomics where texture, and nothing else, tells a PDAC? And where nothing does?

    python -m pipelines.signal_ablation --out signal_ablation                     # a GPU
    python -m pipelines.signal_ablation --out signal_ablation --preset cpu --device cpu --jobs 2

Two phantom cohorts of the same patients, with and without the signal; each row of the ablation trained with
several seeds on each; AP and AUROC of held-out cases over seeds and patients. A run that was stopped goes on
where it stopped, and more ``--seeds`` or ``--rows`` are added to what is there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fusion.evaluate.cases import CaseResult
from fusion.inputs import ROWS
from pipelines.signal_cohort import Cohort
from pipelines.signal_design import COHORTS, CPU, GPU, Design
from radstore.cli import exits
from radstore.errors import BadInput, RadstoreError

Train = Callable[..., object]
Say = Callable[[str], None]
BASE = "ct"
"""The row that others are compared with."""


@dataclass(frozen=True)
class Effort:
    """How much of the design is run, and by what; nothing of it changes a result.

    Parameters
    ----------
    rows
        Of the ablation.
    seeds
        How many trainings of each row and fold.
    device, jobs
        As the verbs have them.
    resamples
        Of the bootstrap.
    """

    rows: tuple[str, ...] = ROWS
    seeds: int = 5
    device: str = "auto"
    jobs: int | None = None
    resamples: int = 2_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment; returns the exit code."""
    asked = _arguments(argv)
    try:
        design = _design(asked)
        effort = Effort(_rows(asked.rows), asked.seeds, asked.device, asked.jobs, asked.resamples)
        run(design, effort, asked.out)
    except RadstoreError as error:
        print(f"signal_ablation: {error}", file=sys.stderr)
        return exits.BAD_INPUT
    except KeyboardInterrupt:
        print("signal_ablation: stopped; the same command goes on", file=sys.stderr)
        return exits.INTERRUPTED
    return exits.OK


def run(design: Design, effort: Effort, out: Path, say: Say = print) -> Path:
    """Both cohorts, from the phantom to the report; returns the report's path.

    Raises
    ------
    BadInput
        If `out` holds results of another design, or a step cannot be done.
    """
    from pipelines.signal_report import write

    design.claim(out)
    cohorts = [Cohort(design, name, out / name) for name in COHORTS]
    prepared = {cohort.name: cohort.prepare(effort.jobs, say) for cohort in cohorts}
    trainings(cohorts, effort, say)
    say("evaluating")
    found = {
        cohort.name: prepared[cohort.name] | {"results": evaluated(cohort, effort)} for cohort in cohorts
    }
    report = write(out, design, effort.resamples, BASE, found)
    say(f"report: {report}")
    return report


def trainings(cohorts: Sequence[Cohort], effort: Effort, say: Say = print) -> None:
    """Train and predict every seed of every row, seed by seed: a run that is stopped has whole seeds."""
    from fusion.predict.api import predict
    from fusion.train.api import train

    todo = [(seed, cohort, row) for seed in range(effort.seeds) for cohort in cohorts for row in effort.rows]
    for number, (seed, cohort, row) in enumerate(todo, start=1):
        began = time.perf_counter()
        for fold in range(cohort.design.tested):
            one(cohort, row, seed, fold, effort.device, train, predict)
        spent = time.perf_counter() - began
        say(f"{cohort.name}: {row}, seed {seed} ({number} of {len(todo)}): {spent:.0f} s")


def one(cohort: Cohort, row: str, seed: int, fold: int, device: str, train: Train, predict: Train) -> None:
    """Train a row with a seed on a fold and predict the held-out cases; what is done already is skipped."""
    name, design = model_name(row, seed), cohort.design
    budget = {"epochs": design.epochs, "steps": design.steps, "validation_steps": 1, "save_every": 10}
    where = {"store": str(cohort.store), "device": device, "say": _quiet}
    train(cohort.models, 2, fold, row, name=name, resume=True, seed=seed, **budget, **where)
    out = cohort.predictions(row, seed)
    predict(
        cohort.models,
        out,
        inputs=name,
        catalog=cohort.catalog,
        fold=fold,
        step=design.tile_step,
        mirroring=False,
        pictures=False,
        **where,
    )


def evaluated(cohort: Cohort, effort: Effort) -> dict[str, list[list[CaseResult]]]:
    """Row → [seed][case]; the evaluation of each seed is left beside the predictions."""
    from fusion.evaluate import evaluate

    rows: dict[str, list[list[CaseResult]]] = {row: [] for row in effort.rows}
    for seed in range(effort.seeds):
        folders: Mapping[str, Any] = {row: cohort.predictions(row, seed) for row in effort.rows}
        against = BASE if BASE in folders else None
        found = evaluate(
            folders, cohort.catalog, against=against, resamples=effort.resamples, jobs=effort.jobs
        )
        found.write(cohort.folder / "evaluation" / f"seed{seed}")
        for row, results in found.results.items():
            rows[row].append([results[case] for case in sorted(results)])
    return rows


def model_name(row: str, seed: int) -> str:
    """What the model folder of a seed is called."""
    return f"{row}-seed{seed}"


def _design(asked: argparse.Namespace) -> Design:
    preset = {"gpu": GPU, "cpu": CPU}[asked.preset]
    given = {name: getattr(asked, name) for name in ("cases", "epochs", "steps", "tested")}
    return replace(preset, **{name: value for name, value in given.items() if value is not None})


def _rows(text: str) -> tuple[str, ...]:
    rows = tuple(row.strip() for row in text.split(","))
    if unknown := [row for row in rows if row not in ROWS]:
        raise BadInput(f"--rows: there is no row {unknown[0]!r}", f"The rows are {', '.join(ROWS)}.")
    if BASE not in rows:
        raise BadInput(f"--rows {text}: without {BASE!r} there is nothing to compare with", f"Add {BASE}.")
    return rows


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipelines.signal_ablation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("signal_ablation"), help="everything goes here"
    )
    parser.add_argument("--preset", choices=("gpu", "cpu"), default="gpu", help="the design (default: gpu)")
    parser.add_argument("--cases", type=int, help="of each cohort, instead of the preset's")
    parser.add_argument(
        "--tested", type=int, help="how many folds are held out in turn, instead of the preset's"
    )
    parser.add_argument("--epochs", type=int, help="of each training, instead of the preset's")
    parser.add_argument("--steps", type=int, help="of each epoch, instead of the preset's")
    parser.add_argument("--rows", default=",".join(ROWS), help="separated by commas (default: the four)")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each row and fold (default: 5)")
    parser.add_argument("--resamples", type=int, default=2_000, help="of the bootstrap (default: 2000)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--jobs", type=int, help="processes at work (default: one a core)")
    return parser.parse_args(argv)


def _quiet(_: str) -> None:
    """What trainings say of device and regions is the same 200 times."""


if __name__ == "__main__":
    sys.exit(main())
