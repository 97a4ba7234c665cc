"""``regions``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fusion.cli import shared
from radstore.cli import exits, options
from radstore.cli.output import failures, many, note, place, say, show_json
from radstore.errors import BadInput
from radstore.split.roll import some

if TYPE_CHECKING:
    from fusion.regions import RegionsReport


def regions(
    fold: Annotated[
        int | None,
        typer.Option("--fold", min=0, metavar="K", help="Of the chain: its Stage 1 did not train on it."),
    ] = None,
    stage: Annotated[int, typer.Option("--stage", metavar="1", help="Which stage predicts them.")] = 1,
    models: shared.Models = shared.DEFAULT_MODELS,
    catalog: options.CatalogFile = options.DEFAULT_CATALOG,
    store: options.CatalogsStore = None,
    source: options.Source = None,
    cases: options.Cases = None,
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="NAME", help="Its name in the store. Default: stage1-foldK."),
    ] = None,
    nested: Annotated[
        bool,
        typer.Option(
            "--nested",
            help="Training cases of fold J by the model without J and K (plan and train it: --without).",
        ),
    ] = False,
    paper: Annotated[
        bool,
        typer.Option("--paper", help="One Stage 1 for all cases, those it trained on too: optimistic."),
    ] = False,
    device: shared.Device = "auto",
    message: options.Message = "",
    as_json: options.Json = False,
) -> int:
    """Predict the region of each case with Stage 1 and keep it in the store.

    Cases of fold K and external ones by the model of fold K; a case of another fold j by the model of fold j,
    which has not seen it. Then `radstore build --region stage1-foldK` computes vectors and maps in them. Done
    cases are skipped; a case that fails is recorded with the reason, and the others go on.
    """
    if stage != 1:
        raise BadInput(f"--stage {stage} predicts no regions", "Stage 1 does: leave it out.")
    if (fold is None) != paper:
        raise BadInput("a chain has a fold, or is of paper mode", "Give either --fold K or --paper.")
    from fusion.cli.progress import Display
    from fusion.regions import predict_regions

    with Display() as display:
        report = predict_regions(
            models,
            options.given_store(store),
            options.catalog_file(catalog),
            fold,
            device=device,
            nested=nested,
            name=region,
            source=source,
            cases=options.case_list(cases),
            message=message,
            progress=display.count,
            say=note,
            doing=display.doing,
        )
    for line in report.notes:
        note(f"note: {line}")
    for line in failures(report.failed):
        note(line)
    for case in report.earlier:
        note(f"{case}: its region of an earlier run stays in the store")
    show_json(report) if as_json else _tell(report, place(report.store))
    if report.interrupted:
        note("stopped; what was finished is committed, the same command goes on from there")
        return exits.INTERRUPTED
    return exits.SOME_FAILED if report.failed else exits.OK


def _tell(report: RegionsReport, where: str) -> None:
    """The result for people."""
    failed = f", {len(report.failed):,} failed" if report.failed else ""
    there = f", {len(report.unchanged):,} were there" if report.unchanged else ""
    say(f"region {report.region}: {many(len(report.predicted), 'case')} predicted{there}{failed}")
    if report.fallback:
        said = "Stage 1 found nothing of the region; a stated box stands in"
        say(f"fallback in {some(report.fallback)}: {said} (--json names each)")
    cases = len(report.predicted) + len(report.unchanged)
    if cases and len(report.fallback) == cases:
        note("note: Stage 1 found nothing in any case: look at its progress.png, train it longer")
    say(f"{where} is at version {report.version.number}")
