"""``select``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radstore.cli import exits, options
from radstore.cli.options import store_location
from radstore.cli.output import counting, many, note, place, say, show_json, show_table

if TYPE_CHECKING:
    from radstore.select import SelectReport


def select(
    version: options.Version = None,
    view: options.View = None,
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="NAME", help="The view of the same spec in this region."),
    ] = None,
    label: options.Label = "label",
    positive: Annotated[
        str | None,
        typer.Option(
            "--positive", metavar="VALUE", help="Its value for the positive class. Default: 1, true, yes, …."
        ),
    ] = None,
    harmonise: Annotated[
        str | None,
        typer.Option(
            "--harmonise", metavar="NAME", help="Take off the effects of the sites in this column (ComBat)."
        ),
    ] = None,
    fold: Annotated[
        int | None,
        typer.Option("--fold", min=0, metavar="K", help="Use the training cases of this stored fold only."),
    ] = None,
    size: Annotated[int, typer.Option("--size", min=1, metavar="N", help="How many features.")] = 10,
    folds: Annotated[
        str, typer.Option("--folds", metavar="N|stored", help="Of the cross-validation, inside and outside.")
    ] = "10",
    rule: Annotated[
        str,
        typer.Option(
            "--rule",
            metavar="stable|best-fold",
            help="The features most folds selected, or the set of the fold with the highest AUROC.",
        ),
    ] = "stable",
    alpha: Annotated[
        float, typer.Option("--alpha", metavar="Q", help="False discovery rate of the filter; 1: no filter.")
    ] = 0.05,
    redundancy: Annotated[
        float,
        typer.Option("--redundancy", metavar="R", help="Drop the weaker of two with |r| above; 1: none."),
    ] = 0.95,
    max_missing: Annotated[
        float,
        typer.Option("--max-missing", metavar="SHARE", help="Drop what is undefined in more of the cases."),
    ] = 0.2,
    C: Annotated[
        float, typer.Option("--C", metavar="VALUE", help="Of the linear SVM; smaller: more regularised.")
    ] = 0.01,
    permutations: Annotated[
        int,
        typer.Option("--permutations", min=0, metavar="N", help="Repeat all with permuted labels, N times."),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of folds and permutations.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="The spec to write. Default: selected.yaml, or selected.foldK.yaml.",
        ),
    ] = None,
    force: options.Force = False,
    store: options.Store = None,
    jobs: options.Jobs = None,
    as_json: options.Json = False,
) -> int:
    """Select the features that tell two classes apart; write a spec.

    Filter (false discovery rate), redundancy, recursive elimination with a linear SVM, in every fold of a
    cross-validation; scored by nested cross-validation. See docs/selection.md.
    """
    from radstore.select import select as run

    with counting() as progress:
        report = run(
            store_location(store),
            version=version,
            view=view,
            region=region,
            label=label,
            positive=positive,
            harmonise=harmonise,
            fold=fold,
            size=size,
            folds=folds,
            rule=rule,  # type: ignore[arg-type]  # checked there, with a message of its own
            alpha=alpha,
            redundancy=redundancy,
            max_missing=max_missing,
            C=C,
            permutations=permutations,
            seed=seed,
            jobs=jobs,
            out=out,
            force=force,
            progress=progress,
        )
    for line in report.selection.notes:
        note(f"note: {line}")
    if as_json:
        show_json({**report.provenance, "files": report.files})
    else:
        _show(report)
    return exits.OK if report.selection.features else exits.SOME_FAILED


def _show(report: SelectReport) -> None:
    selection, said = report.selection, report.provenance
    cohort = selection.cohort
    say(
        f"{said['view']} of {place(said['store'])}, version {said['version']}: {many(len(cohort), 'case')} "
        f"({said['positives']:,} with label {said['positive']!r}) of {many(said['patients'], 'patient')}, "
        f"{many(said['offered'], 'feature')}"
    )
    say()
    if selection.features:
        _show_features(report)
    else:
        say("nothing was selected: no feature passed the filter")
    say()
    _show_scores(report)
    for file in report.files:
        say(f"written: {file}")
    if "warning" in said and selection.features:
        say(f"optimistic: {said['warning']}")


def _show_features(report: SelectReport) -> None:
    rows = [
        (
            name,
            f"{row['frequency']:.0%}",
            f"{row['auroc']:.3f}",
            row["higher_in"],
            f"{row['hedges_g']:+.2f}",
            f"{row['q']:.2g}",
        )
        for name, row in report.selection.table.loc[list(report.selection.features)].iterrows()
    ]
    show_table(("selected", "of folds", "AUROC alone", "higher in", "Hedges' g", "q"), rows)


def _show_scores(report: SelectReport) -> None:
    selection = report.selection
    found, index, null = selection.nested, selection.stability, selection.null
    rows = [
        ("honest: nested cross-validation of the whole procedure", found.honest),
        ("optimistic: features chosen on all cases, model cross-validated", found.chosen_outside),
        ("most optimistic: the cases it was fitted on", found.same_data),
    ]
    if selection.held_out:
        rows.insert(0, (f"held out: the cases of fold {report.provenance['fold']}", selection.held_out))
    show_table(("what", "score"), rows)
    say(f"stability (Nogueira) {index.value:.3f}, 95 % CI {index.low:.3f} to {index.high:.3f}")
    if null:
        low, high = null.interval
        where = "inside" if null.inside else "outside"
        say(
            f"permutation null: {len(null.auroc)} nested AUROCs, central 95 % {low:.3f} to {high:.3f}; "
            f"{found.honest.mean_auroc:.3f} is {where}, p = {null.p:.3g}"
        )
