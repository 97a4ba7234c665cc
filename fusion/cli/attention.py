"""``attention``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fusion.cli import shared
from fusion.telling import Doing
from radstore.cli import exits, options
from radstore.cli.output import failures, note, place, say
from radstore.errors import CaseError

if TYPE_CHECKING:
    from fusion.predict.attention import Written


def attention(
    files: shared.Files = None,
    models: shared.Models = shared.DEFAULT_MODELS,
    inputs: shared.Inputs = shared.DEFAULT_ROW,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the maps go.")] = Path(
        "attention"
    ),
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
) -> int:
    """Show where the global vector looks in a case: a map in the CT's geometry, and a picture.

    1 means: looked at as if all of the tile were looked at alike.
    """
    from fusion.cli.progress import Display
    from fusion.device import choose_device
    from fusion.predict.attention import export_attention
    from fusion.predict.models import Models
    from fusion.predict.studies import find_studies

    studies = find_studies(
        files or (),
        options.given_store(store),
        version,
        catalog,
        source=source,
        cases=options.case_list(cases),
        fold=fold,
        limit=limit,
    )
    chosen, why = choose_device(device)
    note(f"running on {chosen}: {why}")
    failed = {}
    with Display() as display:
        trained = Models(
            models, inputs, chosen, step, mirroring, checkpoint, engine, note, Doing(display.doing)
        )
        display.count(0, len(studies))
        for done, (study, made) in enumerate(export_attention(trained, studies, out), start=1):
            display.count(done, len(studies))
            if isinstance(made, CaseError):
                failed[study.id] = {"step": made.step, "message": made.message, "remedy": made.remedy}
            else:
                _tell(study.id, made)
    for line in failures(failed):
        note(line)
    return exits.SOME_FAILED if failed else exits.OK


def _tell(case: str, made: Written) -> None:
    say(f"{case}: {', '.join(place(str(path.resolve())) for path in (made.map, made.picture))}")
    for line in made.notes:
        note(f"note: {case}: {line}")
