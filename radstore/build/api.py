"""`build`: bring a store up to date with a catalog and a spec."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from radstore.build.cluster import client_for
from radstore.build.digests import DigestCache
from radstore.build.guard import guard, is_large
from radstore.build.hire import cores, gpus_for, hire
from radstore.build.job import Job, named_engine
from radstore.build.muster import muster
from radstore.build.needs import Needs, estimate
from radstore.build.plan import Plan, make_plan
from radstore.build.regions import with_region
from radstore.build.run import Progress, Tally, run_plan
from radstore.catalog import Case, Catalog, load_catalog
from radstore.engines.registry import AUTO, require
from radstore.errors import BadInput
from radstore.spec import Spec, load_spec
from radstore.store import layout, lease, log
from radstore.store.blocks import CODEC
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.log import Version
from radstore.store.manifest import Manifest


@dataclass(frozen=True)
class Prepared:
    """Everything a build, a dry run and a check have in common; made without changing anything.

    Parameters
    ----------
    catalog, cases
        What there is, and which of it is meant.
    job
        What is done to each case.
    engine_reason
        Which engine was chosen and why, as one sentence.
    notes
        What the user should know: settings without effect, table rows without an image, …
    plan
        What is done, to do, and known to fail.
    bucket, cache
        The store's bytes, and the digests of files seen before.
    """

    catalog: Catalog
    cases: tuple[Case, ...]
    job: Job
    engine_reason: str
    notes: tuple[str, ...]
    plan: Plan
    bucket: Bucket
    cache: DigestCache


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Parameters
    ----------
    prepared
        What it set out to do.
    tally
        What became of it; None for a dry run.
    version
        The latest version of the store afterwards; None where a dry run found no store.
    needs
        What it was estimated to take; None where there was nothing to compute.
    """

    prepared: Prepared
    tally: Tally | None
    version: Version | None
    needs: Needs | None

    @property
    def failed(self) -> dict[str, dict[str, str]]:
        """Case id → error, of this run and of earlier ones that were not retried."""
        known = {case: dict(error) for case, error in self.prepared.plan.failed.items()}
        if self.tally is None:
            return known
        conflicts = {
            case: {"step": "commit", "message": error.message, "remedy": error.remedy}
            for case, error in self.tally.conflicts.items()
        }
        return {**known, **self.tally.failed, **conflicts}


def build(
    features: str | Path | Spec,
    *,
    catalog: str | Path | Catalog = "catalog.yaml",
    store: str | Path | None = None,
    source: str | None = None,
    cases: Sequence[str] | None = None,
    engine: str = AUTO,
    region: str | None = None,
    settings: Sequence[str] = (),
    limit: int | None = None,
    workers: int | None = None,
    gpus: str | Sequence[int] | None = None,
    scheduler: str | None = None,
    dry_run: bool = False,
    rehash: bool = False,
    retry_failed: bool = False,
    check: bool = True,
    message: str = "",
    progress: Progress | None = None,
) -> BuildReport:
    """Compute what is missing and commit it as new versions of the store.

    Parameters
    ----------
    features
        Path of a spec (or a `Spec`): which numbers.
    catalog
        Path of a catalog (or a `Catalog`): what, where.
    store
        Path or URL; default: the catalog's.
    source, cases, limit
        Which cases: one source; these ids; the first so many.
    engine
        ``auto`` or an engine's name.
    region
        One of the catalog's, ``label-N``, or one that the store keeps masks of (`radstore.store.regions`).
        Default: the spec's region, else ``label-N`` with the spec's label.
    settings
        Changes to the spec, as ``setting.binWidth=25``.
    workers
        Worker processes; default: one a core, fewer where memory does not allow it. Beside GPUs those that
        decode for them. They are spawned, so a script that calls this needs ``if __name__ == "__main__":``.
    gpus
        Which CUDA devices an engine that computes on them uses: ``all`` (the default), or their numbers
        among those that ``CUDA_VISIBLE_DEVICES`` lets this process see, as ``"0,1"`` or ``[0, 1]``.
    scheduler
        Address of a Dask scheduler to use instead of an embedded cluster; `workers` is not used then.
    dry_run
        Only say what would be done.
    rehash
        Decode every file again instead of trusting sizes and times; those of failed cases too.
    retry_failed
        Try cases again that failed before, though nothing about them changed.
    check
        Look at the features on a few cases first if there are many to do; see `radstore.build.guard`.
    message
        Why; stands in the log.
    progress
        Is told what happens.

    Raises
    ------
    BadInput
        Before anything is changed. What goes wrong with single cases is in the report. Also if that check
        finds that a good part of the features would say nothing of the images.
    """
    progress = progress or Progress()
    prepared = prepare(
        features,
        catalog=catalog,
        store=store,
        source=source,
        cases=cases,
        engine=engine,
        region=region,
        settings=settings,
        limit=limit,
        rehash=rehash,
        retry_failed=retry_failed,
        remote=scheduler is not None,
    )
    devices, why = gpus_for(prepared.job, gpus, scheduler)
    progress.prepared(prepared)
    plan, bucket = prepared.plan, prepared.bucket
    needs = estimate(plan) if plan.todo else None
    crew = hire(plan, needs, devices, asked=workers, scheduler=scheduler)
    crew = replace(crew, why=why)
    if crew.processes:
        plan = replace(plan, job=replace(plan.job, threads=crew.threads(cores())))
    progress.planned(plan, crew)
    if dry_run:
        return BuildReport(prepared, None, _head(bucket), needs)
    if check and is_large(plan):
        progress.examined(guard(plan, needs))
    with ExitStack() as stack:
        # first, so that a scheduler that does not answer or cannot do it leaves no trace
        client = stack.enter_context(client_for(scheduler, crew)) if plan.todo else None
        if client:
            muster(client, plan.job)
        layout.create(bucket, CODEC)
        stack.enter_context(lease.building(bucket))
        tally = run_plan(plan, bucket, prepared.cache, client, message=message, progress=progress)
    return BuildReport(prepared, tally, log.head(bucket), needs)


def prepare(
    features: str | Path | Spec,
    *,
    catalog: str | Path | Catalog = "catalog.yaml",
    store: str | Path | None = None,
    source: str | None = None,
    cases: Sequence[str] | None = None,
    engine: str = AUTO,
    region: str | None = None,
    settings: Sequence[str] = (),
    limit: int | None = None,
    rehash: bool = False,
    retry_failed: bool = False,
    remote: bool = False,
) -> Prepared:
    """Load and check everything a build needs; changes nothing. Parameters as for `build`.

    `remote`: others compute, so an engine need not work here.

    Raises
    ------
    BadInput
        If anything about catalog, spec, engine or store is wrong.
    """
    spec = features if isinstance(features, Spec) else load_spec(features, settings)
    if isinstance(features, Spec) and settings:
        raise BadInput("settings were given beside a Spec", "Change the Spec itself, or give its file.")
    loaded = catalog if isinstance(catalog, Catalog) else load_catalog(catalog)
    named, chosen, reason = named_engine(engine, remote=remote)
    where = open_bucket(store or loaded.store)
    there = layout.is_store(where)
    name = region or spec.region or f"label-{spec.settings.label}"
    job = Job(spec, name, named, where.location)
    for graph in job.graphs.values():
        require(chosen, graph)
    manifest = Manifest(where, log.head(where).manifest) if there else Manifest(where)
    meant = with_region(name, loaded, source, loaded.cases(source, cases, limit), manifest, where)
    cache = DigestCache(where, ignore=rehash)
    plan = make_plan(job, meant, manifest, cache, retry_failed=retry_failed or rehash)
    notes = (*spec.notes, *loaded.notes(source))
    return Prepared(loaded, meant, job, reason, notes, plan, where, cache)


def _head(bucket: Bucket) -> Version | None:
    return log.head(bucket) if layout.is_store(bucket) else None
