"""``train``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fusion.cli import shared
from fusion.train.settings import OPTIMISERS
from radstore.cli import exits, options
from radstore.cli.output import note, say

if TYPE_CHECKING:
    from fusion.train.settings import Epoch


def train(
    stage: Annotated[int, typer.Option("--stage", min=1, max=2, metavar="1|2", help="Which stage.")],
    fold: Annotated[int, typer.Option("--fold", min=0, metavar="K", help="The fold that is held out.")],
    inputs: Annotated[
        str,
        typer.Option(
            "--inputs",
            metavar="ROW",
            help="Of Stage 2: ct, ct+global, ct+maps, ct+maps+global; controls: ct+region, ct+permuted.",
        ),
    ] = "ct",
    models: Annotated[
        Path, typer.Option("--models", metavar="DIR", help="The folder of plans and models.")
    ] = shared.DEFAULT_MODELS,
    store: Annotated[
        str | None,
        typer.Option("--store", "-s", metavar="PATH|URL", help="The store. Default: the one planned from."),
    ] = None,
    channels: Annotated[
        str | None,
        typer.Option("--channels", metavar="MAP,MAP,…", help="Only these maps, separated by commas."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Of the row's folder. Default: as --inputs."),
    ] = None,
    without: Annotated[
        int | None,
        typer.Option(
            "--without", min=0, metavar="J", help="Stage 1 of nested chains: leave out this fold too."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, metavar="N", help="How many. Default: 1000.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, metavar="N", help="Of an epoch. Default: 250.")
    ] = None,
    validation_steps: Annotated[
        int | None,
        typer.Option("--validation-steps", min=1, metavar="N", help="Of an epoch. Default: 50."),
    ] = None,
    optimiser: Annotated[
        str | None,
        typer.Option(
            "--optimiser",
            metavar="NAME",
            help=f"{' or '.join(OPTIMISERS)} (nnU-Net as shipped, the outside reference). Default: adamw.",
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", metavar="X", help="Learning rate at the start. Default: the optimiser's."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Default: 0.")] = None,
    compile_: Annotated[
        bool | None,
        typer.Option("--compile/--no-compile", help="torch.compile. Default: on a GPU."),
    ] = None,
    device: Annotated[str, typer.Option("--device", metavar="NAME", help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=0,
            metavar="N",
            help="Processes that prepare patches. Default: none on the CPU, nnU-Net's choice with a GPU.",
        ),
    ] = None,
    init_from: Annotated[
        Path | None,
        typer.Option("--init-from", metavar="FILE", help="Start from a checkpoint of nnU-Net's or ours."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--continue", help="Go on with what lies in the folder, with its settings.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Begin anew; with --continue: if what lies there cannot be continued."),
    ] = False,
    ddp: Annotated[
        bool,
        typer.Option("--ddp", help="One process a GPU: torchrun --nproc-per-node N -m fusion train … --ddp"),
    ] = False,
) -> int:
    """Train a stage on all folds but one.

    Writes a model folder in nnU-Net's layout, <models>/stage1/chainK or <models>/stage2/ROW/chainK. A
    training that was stopped goes on behind its last whole epoch with --continue.
    """
    from fusion.train.api import train as run

    changed: dict[str, Any] = {
        "epochs": epochs,
        "steps": steps,
        "validation_steps": validation_steps,
        "optimiser": optimiser,
        "rate": rate,
        "seed": seed,
        "compile": compile_,
    }
    folder = run(
        models,
        stage,
        fold,
        inputs,
        store=options.given_store(store),
        channels=None if channels is None else [part.strip() for part in channels.split(",")],
        name=name,
        without=without,
        device=device,
        init_from=init_from,
        resume=resume,
        force=force,
        ddp=ddp or None,
        workers=workers,
        progress=_tell,
        say=note,
        **{setting: value for setting, value in changed.items() if value is not None},
    )
    if os.environ.get("RANK", "0") == "0":  # of several that torchrun started, one speaks
        say(str(folder))
    return exits.OK


def _tell(epoch: Epoch) -> None:
    note(
        f"epoch {epoch.number} of {epoch.of}: loss {epoch.train_loss:.3f}, "
        f"held out {epoch.validation_loss:.3f}, Dice {epoch.dice:.3f}, {epoch.seconds:.1f} s"
    )
