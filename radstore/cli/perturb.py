"""``perturb``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radstore.cli import exits, options, output
from radstore.cli.asked import Asked, asking
from radstore.cli.output import counting, many, note, place, say, show_table

if TYPE_CHECKING:
    from radstore.perturb import PerturbReport

CLASSES = ("excellent", "good", "moderate", "poor")
WORST = 10  # features listed


def _strength(name: str, unit: str, what: str) -> Any:
    return typer.Option(f"--{name}", min=0, metavar=unit, help=f"{what}; 0 leaves it out.")


@asking
def perturb(
    asked: Asked,
    sample: Annotated[int, typer.Option("--sample", min=2, metavar="N", help="On how many cases.")] = 30,
    dilate: Annotated[float, _strength("dilate", "MM", "Move the mask's outline outwards")] = 1.0,
    erode: Annotated[float, _strength("erode", "MM", "Move it inwards")] = 1.0,
    shift: Annotated[float, _strength("shift", "MM", "Move the mask in a random direction")] = 1.0,
    contour: Annotated[float, _strength("contour", "MM", "Move the outline by a smooth random field")] = 1.0,
    noise: Annotated[float, _strength("noise", "HU", "Add noise of this standard deviation")] = 5.0,
    resample: Annotated[
        float, _strength("resample", "SHARE", "Resample to a spacing smaller and larger by this")
    ] = 0.1,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of everything random.")] = 0,
    jobs: options.Jobs = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The table to write. Default: SPEC@REGION.icc.csv."),
    ] = None,
    force: options.Force = False,
    as_json: options.Json = False,
) -> int:
    """Measure how robust the features are: ICC per feature.

    Each case of the sample is computed as it is and once for each perturbation; ICC(1,1) with its 95 %
    interval says how much of a feature's variance lies between cases. Written as CSV and as a figure, and
    kept in the store if that has the view: there it is a coord of the features. See docs/quality.md.
    """
    from radstore.cli.quiet import quiet

    quiet()
    from radstore.perturb import perturb as run

    with counting() as progress:
        report = run(
            **asked.arguments(),
            sample=sample,
            dilate=dilate,
            erode=erode,
            shift=shift,
            contour=contour,
            noise=noise,
            resample=resample,
            seed=seed,
            jobs=jobs,
            out=out,
            force=force,
            progress=progress,
        )
    for line in (*report.prepared.notes, *report.robustness.notes):
        note(f"note: {line}")
    for line in output.failures(report.robustness.failed, output.LISTED):
        note(line)
    output.show_json(_record(report)) if as_json else _tell(report)
    return exits.SOME_FAILED if report.robustness.failed else exits.OK


def _tell(report: PerturbReport) -> None:
    found, table = report.robustness, report.robustness.table()
    say(
        f"{report.prepared.job.view}: {many(len(found.features), 'feature')} on "
        f"{many(len(found.cases), 'case')}, each as it is and after {', '.join(found.kinds[1:])}"
    )
    counts = Counter(table["robustness"])
    named = [(name, counts[name]) for name in CLASSES] + [("undefined", counts[""])]
    say("by the lower end of the 95 % interval: " + ", ".join(f"{count:,} {name}" for name, count in named))
    say()
    worst = table.sort_values("icc", na_position="first").head(WORST)
    rows = [
        (str(name), f"{row['icc']:.2f}", f"{row['icc_low']:.2f} to {row['icc_high']:.2f}")
        for name, row in worst.iterrows()
    ]
    show_table(("least robust", "ICC(1,1)", "95 % interval"), rows)
    say()
    for file in report.files:
        say(f"written: {file}")
    where = place(report.prepared.bucket.location)
    if report.version:
        say(f"kept as coords of the features: {where} is at version {report.version.number}")
    else:
        say(f"not kept: {where} has no {report.prepared.job.view}")


def _record(report: PerturbReport) -> dict[str, Any]:
    found = report.robustness
    return {
        "view": report.prepared.job.view,
        "spec_hash": report.prepared.job.spec.hash,
        "cases": found.cases,
        "failed": found.failed,
        "kinds": found.kinds,
        "strengths": found.strengths,
        "seed": found.seed,
        "features": found.table().reset_index().to_dict("records"),
        "files": report.files,
        "version": report.version.number if report.version else None,
    }
