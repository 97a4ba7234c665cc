"""``predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fusion.cli import shared
from radstore.cli import exits, options
from radstore.cli.output import failures, many, note, place, say, show_json, show_table

if TYPE_CHECKING:
    from fusion.predict.predictions import Predictions

PREDICTIONS = Path("predictions")  # a folder a row: `fusion evaluate predictions/*`


def predict(
    files: shared.Files = None,
    models: shared.Models = shared.DEFAULT_MODELS,
    inputs: shared.Inputs = shared.DEFAULT_ROW,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Where predictions go. Default: predictions/ROW."),
    ] = None,
    store: shared.Store = None,
    version: options.Version = None,
    catalog: shared.Catalog = None,
    source: options.Source = None,
    cases: options.Cases = None,
    fold: shared.Fold = None,
    limit: options.Limit = None,
    device: shared.Device = "auto",
    step: shared.Step = shared.STEP,
    mirroring: shared.Mirroring = True,
    checkpoint: shared.Checkpoint = shared.CHECKPOINT,
    engine: options.Engine = options.DEFAULT_ENGINE,
    threshold: shared.Threshold = shared.THRESHOLD,
    factor: shared.Factor = shared.FACTOR,
    most: shared.Most = shared.MOST,
    voxels: shared.Voxels = shared.VOXELS,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Keep the probability of lesion too.")
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Draw each case's three best slices.")
    ] = True,
    force: shared.Force = False,
    as_json: options.Json = False,
) -> int:
    """Predict lesion candidates and a score of each case.

    A case of a fold is predicted by the chain that held it out; files and cases of no fold by all chains,
    averaged. What a store has of a case is read from there, the rest is computed. A run that was stopped
    goes on where it stopped.
    """
    from fusion.cli.progress import Display
    from fusion.predict.api import predict as run
    from fusion.predict.candidate_rule import CandidateRule

    with Display() as display:
        done = run(
            models,
            out or PREDICTIONS / inputs,
            inputs=inputs,
            files=files or (),
            store=options.given_store(store),
            version=version,
            catalog=catalog,
            source=source,
            cases=options.case_list(cases),
            fold=fold,
            limit=limit,
            device=device,
            step=step,
            mirroring=mirroring,
            checkpoint=checkpoint,
            engine=engine,
            rule=CandidateRule.of(threshold, factor, most=most, voxels=voxels),
            probabilities=probabilities,
            pictures=pictures,
            force=force,
            progress=display.count,
            say=note,
            doing=display.doing,
        )
    if as_json:
        show_json({**done.origin.to_json(), "cases": done.cases})
    else:
        _show(done)
    failed = {case: one.error for case, one in done.cases.items() if one.error is not None}
    for line in failures(failed):
        note(line)
    return exits.SOME_FAILED if failed else exits.OK


def _show(done: Predictions) -> None:
    rows = [
        [
            case,
            "" if one.score is None else f"{one.score:.4f}",
            len(one.candidates),
            "" if one.fold is None else one.fold,
            one.status,
            "; ".join(one.notes),
        ]
        for case, one in done.cases.items()
    ]
    show_table(("case", "score", "candidates", "fold", "status", "notes"), rows)
    say()
    failed = sum(one.error is not None for one in done.cases.values())
    told = f", {failed:,} failed" if failed else ""
    say(f"{many(len(done.cases), 'case')} in {place(str(done.folder.resolve()))}{told}")
