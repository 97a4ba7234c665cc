"""``check`` and ``build``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radstore.cli import options, output
from radstore.cli.options import DEFAULT_CATALOG
from radstore.cli.output import many, note, say

if TYPE_CHECKING:
    from radstore.build.api import BuildReport, Prepared


def build(
    features: options.Features,
    catalog: options.CatalogFile = Path(DEFAULT_CATALOG),
    store: options.Store = None,
    source: options.Source = None,
    cases: options.Cases = None,
    engine: options.Engine = "auto",
    region: options.Region = None,
    settings: options.Set = None,
    limit: options.Limit = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, metavar="N", help="Worker processes; default: one a core."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Use this Dask scheduler instead.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    rehash: Annotated[
        bool, typer.Option("--rehash", help="Read every file again instead of trusting sizes and times.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try cases again that failed before.")
    ] = False,
    message: Annotated[str, typer.Option("--message", "-m", help="Why; stands in the log.")] = "",
    as_json: options.Json = False,
) -> int:
    """Compute the features of a catalog's cases that the store lacks, and commit them as a new version."""
    from radstore.build import build as run
    from radstore.cli.progress import Display

    with Display() as display:
        report = run(
            features,
            catalog=catalog,
            store=store,
            source=source,
            cases=options.case_list(cases),
            engine=engine,
            region=region,
            settings=settings or (),
            limit=limit,
            workers=workers,
            scheduler=scheduler,
            dry_run=dry_run,
            rehash=rehash,
            retry_failed=retry_failed,
            message=message,
            progress=display,
        )
    output.show_json(_record(report)) if as_json else _tell(report)
    if report.tally and report.tally.interrupted:
        note("stopped; what was finished is committed, the same command goes on from there")
        return output.INTERRUPTED
    return output.SOME_FAILED if report.failed else output.OK


def check(
    features: options.Features,
    catalog: options.CatalogFile = Path(DEFAULT_CATALOG),
    store: options.Store = None,
    source: options.Source = None,
    cases: options.Cases = None,
    engine: options.Engine = "auto",
    region: options.Region = None,
    settings: options.Set = None,
    limit: options.Limit = None,
    as_json: options.Json = False,
) -> int:
    """Say what a build would do and what it would refuse, from the catalog, the spec and the headers."""
    from radstore.build.check import check as run
    from radstore.build.needs import gigabytes

    found = run(
        features,
        catalog=catalog,
        store=store,
        source=source,
        cases=options.case_list(cases),
        engine=engine,
        region=region,
        settings=settings or (),
        limit=limit,
    )
    if as_json:
        output.show_json(_prepared_record(found.prepared) | {"refused": found.refused, "needs": found.needs})
        return output.SOME_FAILED if found.refused else output.OK
    _introduce(found.prepared)
    plan = found.prepared.plan
    say(f"{many(plan.total, 'case')}: {len(plan.done)} up to date, {len(plan.todo)} to do")
    if found.needs and plan.todo:
        say(
            f"about {gigabytes(found.needs.case_bytes)} of memory a worker "
            f"({gigabytes(found.needs.free_bytes)} is free), {gigabytes(found.needs.disk_bytes)} on disk"
        )
    output.show_failures(found.refused)
    say(
        f"{many(len(found.refused), 'case')} would be refused"
        if found.refused
        else "nothing would be refused"
    )
    return output.SOME_FAILED if found.refused else output.OK


def _introduce(prepared: Prepared) -> None:
    job, spec = prepared.job, prepared.job.spec
    maps = sum(len(graph.features) for graph in job.graphs.values()) - len(spec.names)
    say(f"{job.view}: {many(len(spec.names), 'feature')}, {many(maps, 'map')}, spec {spec.hash[:12]}")
    say(prepared.engine_reason)
    for line in prepared.notes:
        note(f"note    {line}")


def _tell(report: BuildReport) -> None:
    """A build's result for people."""
    _introduce(report.prepared)
    output.show_failures(report.failed)
    plan, tally = report.prepared.plan, report.tally
    where = report.prepared.bucket.location
    if tally is None:
        say(f"dry run: {many(len(plan.todo), 'case')} would be worked on, nothing was changed")
        for case in plan.todo[:20]:
            say(f"  {case.id}")
        return
    if not tally.versions:
        say(
            f"nothing to commit: {where} is up to date at version {report.version.number if report.version else 0}"
        )
        return
    copied = f", {tally.copied:,} taken over from earlier blocks" if tally.copied else ""
    say(f"{many(tally.cases, 'case')} done: {many(tally.computed, 'column')} computed{copied}")
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
