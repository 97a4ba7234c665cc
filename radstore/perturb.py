"""`perturb`: how robust the features of a spec are, measured, written down, and kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from radstore.build.api import Prepared, prepare
from radstore.build.hire import jobs_that_fit
from radstore.build.needs import estimate
from radstore.catalog import Catalog
from radstore.engines.registry import AUTO
from radstore.errors import BadInput
from radstore.output_file import writing
from radstore.quality.perturbations import Strengths
from radstore.quality.robustness import CASES, Robustness, robustness
from radstore.spec import Spec
from radstore.store import layout
from radstore.store.log import Version
from radstore.store.reliability import COLUMNS, Reliability, keep
from radstore.store.table import FEATURES

DEFAULT = Strengths()


@dataclass(frozen=True, eq=False)
class PerturbReport:
    """What a measurement gave.

    Parameters
    ----------
    prepared
        What was measured: spec, region, engine.
    robustness
        The numbers.
    files
        What was written: the table, then the figure.
    version
        The version of the store that has them; None if it has none of the view.
    """

    prepared: Prepared
    robustness: Robustness
    files: tuple[Path, ...]
    version: Version | None


def perturb(
    features: str | Path | Spec,
    *,
    catalog: str | Path | Catalog = "catalog.yaml",
    store: str | Path | None = None,
    source: str | None = None,
    cases: Sequence[str] | None = None,
    engine: str = AUTO,
    region: str | None = None,
    settings: Sequence[str] = (),
    sample: int = CASES,
    dilate: float = DEFAULT.dilate,
    erode: float = DEFAULT.erode,
    shift: float = DEFAULT.shift,
    contour: float = DEFAULT.contour,
    noise: float = DEFAULT.noise,
    resample: float = DEFAULT.resample,
    seed: int = 0,
    jobs: int | None = None,
    out: str | Path | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> PerturbReport:
    """Measure how robust the features are: masks and images are changed a little, features computed anew.

    Writes ICC(1,1) with its 95 % interval (`radstore.quality.icc`) as a table and a figure, and commits it to
    the store if that has the view, where it becomes the coords ``icc``, ``icc_low`` and ``icc_high``.

    Parameters
    ----------
    features, catalog, store, source, cases, engine, region, settings
        As for `radstore.build.build`. An engine on a GPU is stood in for by its sibling on processors, which
        gives the same numbers.
    sample
        On how many cases, spread over the sources.
    dilate, erode, shift, contour, noise, resample
        Strengths, see `Strengths`; 0 leaves one out.
    seed
        Which cases, and all random numbers.
    jobs
        Processes; default: one a core, fewer where memory does not allow it. The result is the same.
    out
        The table to write; default ``<spec>@<region>.icc.csv`` here. The figure lies beside it.
    force
        Replace files that are there.
    progress
        Told how many of how many cases are done.

    Raises
    ------
    BadInput
        If anything about catalog, spec, engine, store or strengths is wrong, or the cases do not suffice.
    """
    strengths = Strengths(dilate, erode, shift, contour, noise, resample)
    if sample < 2:
        raise BadInput(f"a sample of {sample}", "An ICC compares cases: give 2 or more.")
    prepared = prepare(
        features,
        catalog=catalog,
        store=store,
        source=source,
        cases=cases,
        engine=engine,
        region=region,
        settings=settings,
    )
    job = prepared.job
    table = Path(out or f"{job.view}.icc.csv")
    figure = table.with_suffix(".png")
    _require_free(table, figure, force)
    found = robustness(
        prepared.cases,
        job.spec,
        job.region,
        engine=job.planner.name,
        strengths=strengths,
        count=sample,
        seed=seed,
        jobs=jobs_that_fit(estimate(prepared.plan) if prepared.plan.todo else None, jobs),
        progress=progress,
    )
    _write(found, table, figure)
    return PerturbReport(prepared, found, (table, figure), _kept(prepared, found))


def _require_free(table: Path, figure: Path, force: bool) -> None:
    if table.suffix.lower() != ".csv":
        raise BadInput(f"{table} is no name for the table", "Use the suffix .csv.")
    for file in (table, figure):
        if file.exists() and not force:
            raise BadInput(f"{file} is there already", "Name another with --out, or use --force.")


def _write(found: Robustness, table: Path, figure: Path) -> None:
    from radstore.report.robustness import write_figure

    with writing(table) as aside:
        found.table().to_csv(aside)
    write_figure(found, figure)


def _kept(prepared: Prepared, found: Robustness) -> Version | None:
    """The version that has the numbers; None where there is no such view to have them."""
    bucket, job = prepared.bucket, prepared.job
    if not layout.is_store(bucket):
        return None
    records = prepared.plan.base.values()
    if not any(FEATURES + job.view in record.blocks for record in records):
        return None
    whole = found.icc
    columns = dict(zip(COLUMNS, (whole.value, whole.low, whole.high), strict=True))
    told: dict[str, Any] = {
        "spec_hash": job.spec.hash,
        "engine": job.planner.family,
        "cases": list(found.cases),
        "seed": found.seed,
        "strengths": asdict(found.strengths),
    }
    return keep(bucket, job.view, Reliability(found.features, columns), told, f"icc of {job.view}")
