"""The paper, end to end: from a catalog of CTs to what radiomics adds to an nnU-Net.

    python -m pipelines.panorama --catalog catalog.yaml --out panorama

Every step is commands that can be typed alone; they are printed. A step whose results are there and were made
from the same is skipped. What was done stands in ``OUT/steps.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pipelines.plan import Plan
from pipelines.stages import ALL_ROWS, rows_of
from pipelines.step import Command, Step
from pipelines.steps import STEPS
from radstore.canonical import digest_of
from radstore.cli import exits
from radstore.errors import BadInput, RadstoreError
from radstore.output_file import writing
from radstore.suggest import suggest

HERE = Path(__file__).parent
LEDGER = "steps.json"
# What stands for the words that are printed: the programs of this very environment.
PROGRAMS = {
    "radstore": (sys.executable, "-m", "radstore"),
    "fusion": (sys.executable, "-m", "fusion"),
    "python": (sys.executable,),
}


class Stopped(RadstoreError):
    """A command of a step did not end well."""

    def __init__(self, step: Step, code: int) -> None:
        super().__init__(
            f"the step {step.name} stopped with exit code {code}",
            "What it said stands above. Steps that are done stay done: run the pipeline again.",
        )
        self.code = code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the pipeline; returns the exit code: 0, or that of the command that stopped it."""
    try:
        plan, steps = _asked(argv)
        run(plan, steps)
    except Stopped as stopped:
        print(f"pipeline: {stopped}", file=sys.stderr)
        return stopped.code
    except RadstoreError as error:
        print(f"pipeline: {error}", file=sys.stderr)
        return exits.BAD_INPUT
    except KeyboardInterrupt:
        print("pipeline: stopped", file=sys.stderr)
        return exits.INTERRUPTED
    return exits.OK


def run(plan: Plan, steps: Sequence[Step] = STEPS) -> list[str]:
    """Run steps that are not done; returns the names of those that were run.

    Raises
    ------
    Stopped
        If a command fails; what was done before is kept.
    BadInput
        If catalog, spec or store cannot be used.
    """
    ran = []
    for step in steps:
        needs = digest_of(step.needs(plan))
        if _ledger(plan).get(step.name) == {"needs": needs, "leaves": step.leaves(plan)}:
            print(f"{step.name}: skipped, done from the same before", flush=True)
            continue
        print(f"{step.name}: {step.purpose}", flush=True)
        for command in step.commands(plan):
            _execute(plan, step, command)
        _note(plan, step, needs)
        if step.tell:
            print(f"  {step.tell(plan)}", flush=True)
        ran.append(step.name)
    return ran


def _execute(plan: Plan, step: Step, command: Command) -> None:
    print(f"  $ {_typed(plan, command)}", flush=True)
    program, *rest = command.words
    path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
    with writing(plan.out / command.into) if command.into else nullcontext() as aside:
        with aside.open("w") if aside else nullcontext() as file:
            words = [*PROGRAMS[program], *rest]
            code = subprocess.run(words, stdout=file, env=os.environ | {"PYTHONPATH": path}).returncode
        some = program != "python" and code == exits.SOME_FAILED
        if code != exits.OK and not some:
            raise Stopped(step, code)
    if some:
        print(f"  {step.name}: not everything went well (exit code {code}); going on", flush=True)


def _typed(plan: Plan, command: Command) -> str:
    into = f" > {shlex.quote(str(plan.out / command.into))}" if command.into else ""
    return shlex.join(command.words) + into


def _ledger(plan: Plan) -> dict[str, Any]:
    try:
        found = json.loads((plan.out / LEDGER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BadInput(
            f"{plan.out / LEDGER} is not JSON: {error}", "Delete it: every step is run."
        ) from error
    return found if isinstance(found, dict) else {}


def _note(plan: Plan, step: Step, needs: str) -> None:
    """Write down that a step is done."""
    if (left := step.leaves(plan)) is None:
        raise BadInput(
            f"the step {step.name} ended, but not all that it should leave behind is there",
            f"See what it said; the results lie in {plan.out} and {plan.place}.",
        )
    done: Mapping[str, Any] = _ledger(plan) | {step.name: {"needs": needs, "leaves": left}}
    with writing(plan.out / LEDGER) as aside:
        aside.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")


def _asked(argv: Sequence[str] | None) -> tuple[Plan, list[Step]]:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.panorama", description=(__doc__ or "").split("\n")[0]
    )
    names = [step.name for step in STEPS]
    parser.add_argument("--catalog", "-c", type=Path, default=Path("catalog.yaml"), help="what and where")
    parser.add_argument(
        "--features", "-f", type=Path, default=HERE / "panorama-1486.yaml", help="which numbers"
    )
    parser.add_argument("--store", "-s", help="default: the one that the catalog names")
    parser.add_argument("--out", "-o", type=Path, default=Path("panorama"), help="folder of the results")
    parser.add_argument("--source", help="split, compute and train on this source of the catalog only")
    parser.add_argument(
        "--external", default="", help="sources of an external test, separated by commas; needs --source"
    )
    parser.add_argument("--limit", type=int, help="compute the first N cases only")
    parser.add_argument("--folds", type=int, default=5, help="of the split")
    parser.add_argument(
        "--selection-folds", type=int, default=10, help="of the cross-validation in a selection"
    )
    parser.add_argument(
        "--permutations", type=int, default=0, help="of the labels, for a null; 100 are enough"
    )
    parser.add_argument("--region", default="pancreas", help="in which region")
    parser.add_argument("--label", default="label", help="the column with the class")
    parser.add_argument("--seed", type=int, default=0, help="of folds, samples and permutations")
    parser.add_argument("--jobs", type=int, help="processes at work; default: one a core")
    parser.add_argument("--device", default="auto", help="where networks run: auto, cpu, cuda")
    parser.add_argument(
        "--rows", default="", help=f"of the ablation, separated by commas: {','.join(ALL_ROWS)}"
    )
    parser.add_argument(
        "--otherwise", type=Path, help="the spec of a fold whose selection finds nothing; the report says so"
    )
    parser.add_argument(
        "--nested",
        action="store_true",
        help="a Stage 1 for each pair of folds too: masks know no label of their chain's fold",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="three folds, tiny networks, a minute of training: a check of the plumbing",
    )
    parser.add_argument("--steps", help=f"only these, separated by commas: {','.join(names)}")
    asked = vars(_quick(parser, argv).parse_args(argv))
    asked["rows"] = rows_of(asked["rows"])
    asked["external"] = tuple(name.strip() for name in asked["external"].split(",") if name.strip())
    wanted = [name.strip() for name in (asked.pop("steps") or ",".join(names)).split(",")]
    for name in wanted:
        if name not in names:
            raise BadInput(f"--steps: there is no step {name!r}", suggest(name, names, "The steps are"))
    return Plan(**asked), [step for step in STEPS if step.name in wanted]


def _quick(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.ArgumentParser:
    """With --quick other defaults; what is typed beside it still holds."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--quick", action="store_true")
    if first.parse_known_args(argv)[0].quick:
        parser.set_defaults(folds=3, selection_folds=3, otherwise=HERE.parent / "selected.yaml")
    return parser


if __name__ == "__main__":
    sys.exit(main())
