"""``serve-challenge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fusion.cli import shared
from radstore.cli import exits, options
from radstore.cli.output import note, say


def serve_challenge(
    models: shared.Models = Path("/opt/models"),
    inputs: shared.Inputs = shared.DEFAULT_ROW,
    input_folder: Annotated[
        Path, typer.Option("--input", metavar="DIR", help="Holds images/venous-ct/*.mha.")
    ] = Path("/input"),
    output_folder: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Where detection map and likelihood go.")
    ] = Path("/output"),
    device: shared.Device = "auto",
    step: shared.Step = shared.STEP,
    mirroring: shared.Mirroring = True,
    checkpoint: shared.Checkpoint = shared.CHECKPOINT,
    engine: options.Engine = options.DEFAULT_ENGINE,
    threshold: shared.Threshold = shared.THRESHOLD,
    factor: shared.Factor = shared.FACTOR,
    most: shared.Most = shared.MOST,
    voxels: shared.Voxels = shared.VOXELS,
) -> int:
    """Predict the one CT of the PANORAMA challenge's container interface."""
    from fusion.cli.progress import Display
    from fusion.predict.candidate_rule import CandidateRule
    from fusion.predict.challenge import serve_challenge as run

    with Display() as display:
        score = run(
            models,
            input_folder=input_folder,
            output_folder=output_folder,
            inputs=inputs,
            device=device,
            step=step,
            mirroring=mirroring,
            checkpoint=checkpoint,
            engine=engine,
            rule=CandidateRule.of(threshold, factor, most=most, voxels=voxels),
            say=note,
            progress=display.count,
            doing=display.doing,
        )
    say(f"{score:.6f}")
    return exits.OK
