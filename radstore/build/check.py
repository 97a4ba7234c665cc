"""What a build would do and refuse, from headers alone; and what its features are worth, on a few cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from radstore.build.api import Prepared, prepare
from radstore.build.hire import cores
from radstore.build.needs import Needs, estimate, workers_that_fit
from radstore.catalog import Case, Catalog
from radstore.engines.registry import AUTO
from radstore.errors import BadInput, CaseError
from radstore.images.read import read_header
from radstore.images.region import require_same_grid
from radstore.quality.examine import SAMPLE, Examination, examine
from radstore.spec import Spec
from radstore.store.kept import require_kept_grid


@dataclass(frozen=True)
class Check:
    """What a check found.

    Parameters
    ----------
    prepared
        What a build would set out to do.
    refused
        Case → error (``step``, ``message``, ``remedy``), for every case that would be refused.
    needs
        Memory and disk, estimated; None if there is nothing to do.
    examined
        What the features showed on a sample of cases; None if only headers were asked for.
    """

    prepared: Prepared
    refused: Mapping[str, Mapping[str, str]]
    needs: Needs | None
    examined: Examination | None = None


def check(
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
    sample: int = SAMPLE,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Check:
    """Check a build without running it; the other parameters as for `radstore.build.build`.

    Parameters
    ----------
    sample
        On how many cases the features themselves are looked at; 0: headers only, no voxel is read. Done by
        the engine's sibling on processors, where it computes on a GPU.
    seed
        Which cases, and how their masks are perturbed.
    jobs
        Processes for the sample; default: one a core, fewer where memory does not allow it.
    progress
        Told how many of how many sampled cases are done.

    Raises
    ------
    BadInput
        If anything about catalog, spec, engine or store is wrong: a build would refuse to start.
    """
    if sample < 0:
        raise BadInput(f"a sample of {sample} cases", "Give a whole number from 0 on; 0 reads headers only.")
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
    )
    refused = {case: dict(error) for case, error in prepared.plan.failed.items()}
    for case in prepared.plan.todo:
        error = _refusal(prepared, case)
        if error is not None:
            refused[case.id] = {"step": error.step, "message": error.message, "remedy": error.remedy}
    needs = estimate(prepared.plan) if prepared.plan.todo else None
    if needs:
        workers_that_fit(needs, 1, given=False)  # as a build here would: not even one is too few
    examined = None
    if sample:
        sound = [case for case in prepared.cases if case.id not in refused]
        fitting = workers_that_fit(needs, jobs or cores(), given=jobs is not None) if needs else jobs
        examined = examine(
            sound,
            prepared.job.spec,
            prepared.job.region,
            engine=prepared.job.planner.name,
            count=sample,
            seed=seed,
            jobs=fitting,
            progress=progress,
        )
    return Check(prepared, refused, needs, examined)


def _refusal(prepared: Prepared, case: Case) -> CaseError | None:
    """What can be seen wrong with a case from its headers."""
    if case.problem is not None:
        return case.problem
    name, settings = prepared.job.region, prepared.job.spec.settings
    try:
        if name in case.kept:
            image = read_header(case.image)
            require_kept_grid(case.kept[name], case.id, image.geometry, settings.geometryTolerance)
            return None
        region = case.region(name)
        image, labels = read_header(case.image), read_header(case.label_path(region))
        if not settings.correctMask:
            what = f"region {name!r}: {case.label_path(region)}"
            require_same_grid(image.geometry, labels.geometry, settings.geometryTolerance, what)
    except CaseError as error:
        return error
    return None
