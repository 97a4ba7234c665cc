"""``evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radstore.cli import exits, options
from radstore.cli.output import counting, many, note, place, say, show_json, show_table

if TYPE_CHECKING:
    from fusion.evaluate import Evaluation

UNLABELLED = ("find", "region")  # the steps at which a case without labels stops: no failure


def evaluate(
    folders: Annotated[
        list[str],
        typer.Argument(
            metavar="[ROW=]FOLDER…",
            help="What `fusion predict` wrote; the row is the one its predictions.json names.",
        ),
    ],
    catalog: options.CatalogFile = options.DEFAULT_CATALOG,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the report goes.")] = Path(
        "evaluation"
    ),
    trained_on: Annotated[
        list[str] | None,
        typer.Option(
            "--trained-on",
            metavar="SOURCE",
            help="A source that models were trained on. Default: all without external cases. Repeatable.",
        ),
    ] = None,
    common: Annotated[
        bool, typer.Option("--common", help="Compare the cases all rows have; else others are refused.")
    ] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", metavar="COLUMN", help="Stratify by it, besides size, site, scanner. Repeatable."
        ),
    ] = None,
    sizes_mm: Annotated[
        list[float] | None,
        typer.Option(
            "--sizes-mm", metavar="MM", help="An edge between lesion sizes. Repeatable. Default: 20, 40."
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="ROW", help="Compare rows with this one. Default: all pairs."),
    ] = None,
    resamples: Annotated[
        int, typer.Option("--resamples", min=1, metavar="N", help="Bootstrap draws of patients.")
    ] = 2_000,
    permutations: Annotated[
        int, typer.Option("--permutations", min=1, metavar="N", help="Of the test of two rows, at most.")
    ] = 10_000,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of both.")] = 0,
    jobs: options.Jobs = None,
    as_json: options.Json = False,
) -> int:
    """AP, AUROC, intervals, tests between rows, Dice, strata, curves: a report, and all of it as JSON.

    Held-out cases make the cross-validation, external ones a test for each source. A failed prediction counts
    as score 0 without candidates; cases without labels are left out and counted.
    """
    from fusion.evaluate import evaluate as run
    from fusion.evaluate.strata import SIZES_MM

    with counting() as progress:
        found = run(
            rows_of(folders),
            options.catalog_file(catalog),
            trained_on=trained_on,
            common=common,
            by=by or (),
            sizes_mm=sizes_mm or SIZES_MM,
            against=against,
            resamples=resamples,
            permutations=permutations,
            seed=seed,
            jobs=jobs,
            progress=progress,
        )
    report = found.write(out)
    for line in found.notes:
        note(f"note: {line}")
    if as_json:
        show_json(found.to_json())
    else:
        _show(found, report)
    unreadable = [error for error in found.left_out.values() if error["step"] not in UNLABELLED]
    return exits.SOME_FAILED if unreadable or any(found.failed.values()) else exits.OK


def rows_of(folders: list[str]) -> dict[str, list[Path | str]]:
    """Row → its folders, of ``FOLDER`` and ``ROW=FOLDER``; a folder that is there is never split at ``=``."""
    from fusion.evaluate.rows import by_row

    rows: dict[str, list[Path | str]] = {}
    for text in folders:
        row, named, folder = text.partition("=")
        found = by_row([text]) if Path(text).exists() or not named else {row: [folder]}
        for name, those in found.items():
            rows.setdefault(name, []).extend(those)
    return rows


def _show(found: Evaluation, report: Path) -> None:
    from fusion.evaluate.tables import NAMES, pooled

    for cohort in found.cohorts:
        scores = next(iter(cohort.rows.values())).pooled.scores
        say(f"{cohort.name}: {many(scores.cases, 'case')}, {scores.positives:,} with a lesion")
        for line in cohort.notes:
            note(f"note: {cohort.name}: {line}")
        rows = ([name, *pooled(row.pooled)] for name, row in cohort.rows.items())
        show_table(["row", *NAMES.values()], rows)
        say()
    say(f"report: {place(str(report.absolute()))}")
