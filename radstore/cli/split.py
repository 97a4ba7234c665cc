"""``split``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radstore.cli import exits, options
from radstore.cli.output import LISTED, counting, many, note, place, say, show_json, show_table

if TYPE_CHECKING:
    from radstore.split import SplitReport


def split(
    k: Annotated[int, typer.Option("--k", "-k", min=2, metavar="N", help="How many folds.")] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of the shuffling.")] = 0,
    label: options.Label = "label",
    size_column: Annotated[
        str | None,
        typer.Option("--size-column", metavar="NAME", help="The column with the lesion's size in voxels."),
    ] = None,
    size_region: Annotated[
        str | None,
        typer.Option(
            "--size-region",
            metavar="NAME",
            help="The region whose voxels are counted. Default: lesion, if the catalog has it.",
        ),
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Take these folds: a table with case and fold, or nnU-Net's splits_final.json.",
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing, only check the folds.")] = False,
    catalog: options.CatalogToo = None,
    source: options.Source = None,
    store: options.CatalogsStore = None,
    jobs: options.Jobs = None,
    message: options.Message = "",
    as_json: options.Json = False,
) -> int:
    """Give every case a fold: no patient in two, strata balanced.

    No patient is ever in two folds. The folds are committed as a version; they are the column `fold` of the
    features. Every case of the store and of the catalog gets one, also before anything is built.
    """
    from radstore.split import split as run

    catalog = options.catalog_too(catalog, store)
    with counting() as progress:
        report = run(
            options.given_store(store) or (None if catalog else options.DEFAULT_STORE),
            catalog=catalog,
            source=source,
            k=k,
            seed=seed,
            label=label,
            size_column=size_column,
            size_region=size_region,
            from_file=from_file,
            check=check,
            jobs=jobs,
            message=message,
            progress=progress,
        )
    for line in report.notes:
        note(f"note: {line}")
    if as_json:
        show_json(report)
    else:
        _show(report, checked=check)
    return exits.OK


def _show(report: SplitReport, *, checked: bool) -> None:
    folds = list(report.patients)
    rows = [[name, *counts.values()] for name, counts in report.counts.items()]
    cases = [sum(counts[fold] for counts in report.counts.values()) for fold in folds]
    shown = rows[:LISTED]
    show_table(
        ("cases", *(f"fold {fold}" for fold in folds)),
        [*shown, ["all cases", *cases], ["patients", *report.patients.values()]],
    )
    if len(rows) > LISTED:
        say(f"… and {len(rows) - LISTED:,} more strata; --json shows them all")
    say()
    what = f"{many(len(report.folds), 'case')} of {many(sum(report.patients.values()), 'patient')}"
    say(f"{what} in {len(folds)} folds; no patient is in two")
    if not checked:
        where, number = place(report.store), report.version.number
        say(f"{where} is at version {number}" if report.written else f"{where} stays at version {number}")
