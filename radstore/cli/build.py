"""``check`` and ``build``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from radstore.cli import exits, options, output
from radstore.cli.asked import Asked, asking
from radstore.cli.output import LISTED, many, note, place, say

if TYPE_CHECKING:
    from radstore.build.api import BuildReport, Prepared


@asking
def build(
    asked: Asked,
    limit: options.Limit = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            metavar="N",
            help="Worker processes; with GPUs, those that decode. Default: one a core, if memory allows.",
        ),
    ] = None,
    gpus: Annotated[
        str | None,
        typer.Option(
            "--gpus", metavar="all|ID,ID,…", help="GPUs for engine cuda, as `radstore doctor` numbers them."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", metavar="ADDRESS", help="Use the Dask cluster of this scheduler instead."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    rehash: Annotated[
        bool, typer.Option("--rehash", help="Read every file again instead of trusting sizes and times.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try cases again that failed before.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check/--no-check",
            help="With 100 cases or more to do, look at the features on four of them first.",
        ),
    ] = True,
    message: options.Message = "",
    as_json: options.Json = False,
) -> int:
    """Compute what the store lacks and commit it as a new version.

    Commits every 64 cases or 60 seconds: a build that was stopped goes on from there. A case that cannot be
    used is recorded with the reason; the others go on.
    """
    from radstore.cli.quiet import quiet

    quiet()
    from radstore.build import build as run
    from radstore.cli.progress import Display

    with Display(runs=not dry_run) as display:
        report = run(
            **asked.arguments(),
            limit=limit,
            workers=workers,
            gpus=gpus,
            scheduler=scheduler,
            dry_run=dry_run,
            rehash=rehash,
            retry_failed=retry_failed,
            check=check,
            message=message,
            progress=display,
        )
    for line in output.failures(report.failed, LISTED):
        note(line)
    output.show_json(_record(report)) if as_json else _tell(report)
    if report.tally and report.tally.interrupted:
        note("stopped; what was finished is committed, the same command goes on from there")
        return exits.INTERRUPTED
    return exits.SOME_FAILED if report.failed else exits.OK


@asking
def check(
    asked: Asked,
    limit: options.Limit = None,
    sample: Annotated[
        int,
        typer.Option(
            "--sample", min=0, metavar="N", help="Look at the features on so many cases; 0: headers only."
        ),
    ] = 6,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Which cases those are.")] = 0,
    jobs: options.Jobs = None,
    as_json: options.Json = False,
) -> int:
    """Say what a build would do, and which features are no use.

    Reads the catalog, the spec and the headers of the images. On a sample of cases it then computes the
    features, also for slightly different masks and for noise in the same mask, and flags those that are
    constant, have one grey level, depend on the mask alone, are undefined, repeat another, or change with the
    outline. Exit code 1 if a case would be refused or a feature says nothing of the image. See
    docs/quality.md.
    """
    from radstore.cli.quiet import quiet

    quiet()
    from radstore.build.check import check as run
    from radstore.build.needs import gigabytes
    from radstore.cli.progress import counts, examination, introduction

    with output.counting() as progress:
        found = run(
            **asked.arguments(),
            limit=limit,
            sample=sample,
            seed=seed,
            jobs=jobs,
            progress=progress,
        )
    wrong = found.refused or (found.examined and (found.examined.meaningless or found.examined.failed))
    code = exits.SOME_FAILED if wrong else exits.OK
    if as_json:
        said = {"refused": found.refused, "needs": found.needs, "examined": found.examined}
        output.show_json(_prepared_record(found.prepared) | said)
        return code
    for line in introduction(found.prepared):
        say(line)
    for line in found.prepared.notes:
        say(f"note: {line}")
    say(counts(found.prepared.plan))
    if found.needs:
        say(
            f"memory: about {gigabytes(found.needs.case_bytes)} a worker, "
            f"{gigabytes(found.needs.free_bytes)} is free; disk: about {gigabytes(found.needs.disk_bytes)}"
        )
    for line in output.failures(found.refused):
        say(line)
    say(f"{many(len(found.refused), 'case') if found.refused else 'no case'} would be refused")
    if found.examined:
        for line in examination(found.examined):
            say(line)
    return code


def _tell(report: BuildReport) -> None:
    """A build's result for people."""
    plan, tally = report.prepared.plan, report.tally
    where = place(report.prepared.bucket.location)
    if tally is None:
        what = f"{many(len(plan.todo), 'case')} would be worked on" if plan.todo else "nothing to compute"
        say(f"dry run: {what}; nothing was changed")
        for case in plan.todo[:LISTED]:
            say(f"  {case.id}")
        if len(plan.todo) > LISTED:
            say(f"  … and {len(plan.todo) - LISTED:,} more")
        return
    if not tally.versions:
        number = report.version.number if report.version else 0
        if tally.interrupted:
            why = "nothing was finished"
        else:
            why = "nothing new to commit" if tally.failed else "nothing to compute, nothing to commit"
        say(f"{why}: {where} stays at version {number}")
        return
    failed = f", {len(tally.failed):,} failed" if tally.failed else ""
    copied = f", {tally.copied:,} taken over from earlier blocks" if tally.copied else ""
    what = "features and maps" if len(report.prepared.job.graphs) > 1 else "features"
    if plan.todo:
        say(f"{many(tally.cases, 'case')} done{failed}: {tally.computed:,} {what} computed{copied}")
    if plan.relabelled:
        say(f"{many(len(plan.relabelled), 'case')} got other table columns")
    say(f"{where} is at version {tally.versions[-1].number}")


def _record(report: BuildReport) -> dict[str, Any]:
    tally = report.tally
    return _prepared_record(report.prepared) | {
        "version": report.version.number if report.version else None,
        "computed": tally.computed if tally else 0,
        "copied": tally.copied if tally else 0,
        "cases_done": tally.cases if tally else 0,
        "committed": [version.number for version in tally.versions] if tally else [],
        "interrupted": tally.interrupted if tally else False,
        "failed": report.failed,
        "needs": report.needs,
    }


def _prepared_record(prepared: Prepared) -> dict[str, Any]:
    plan = prepared.plan
    return {
        "store": prepared.bucket.location,
        "view": prepared.job.view,
        "spec_hash": prepared.job.spec.hash,
        "engine": prepared.job.engine,
        "engine_reason": prepared.engine_reason,
        "notes": prepared.notes,
        "cases": plan.total,
        "up_to_date": len(plan.done),
        "todo": [case.id for case in plan.todo],
        "failed_before": plan.failed,
    }
