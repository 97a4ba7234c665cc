"""`predict_regions`: Stage 1 of a chain finds the region of every case, and the store keeps it.

Which model predicts which case is said in `fusion.regions.assignment`, what is kept of it in
`fusion.regions.run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fusion.regions.assignment import Assignment, Models, Stage1
from fusion.regions.out_of_fold import region_name
from fusion.regions.run import RegionsReport, Run
from fusion.telling import Doing, Progress, Say, silent
from radstore.build.outcome import case_info
from radstore.catalog import Case, Catalog, load_catalog
from radstore.errors import BadInput
from radstore.store.query import Snapshot, open_store
from radstore.store.regions import Keeper


def predict_regions(
    models: Models | str | Path,
    store: str | None,
    catalog: str | Path | Catalog,
    fold: int | None,
    *,
    device: str = "auto",
    nested: bool = False,
    name: str | None = None,
    source: str | None = None,
    cases: Sequence[str] | None = None,
    message: str = "",
    progress: Progress | None = None,
    say: Say = silent,
    doing: Say = silent,
) -> RegionsReport:
    """Predict the region of each case and keep it in the store; done cases are skipped, failed ones recorded.

    Parameters
    ----------
    models
        The folder of models (`fusion.regions.models`), or what gives a model that held out certain folds.
    store
        Path or URL; None: the catalog's. It has folds (`radstore split`).
    catalog
        Whose cases are predicted: those with a fold, and external ones.
    fold
        Of the chain. None: paper mode, one model for all cases, also those it trained on: optimistic.
    device
        ``auto``, ``cpu`` or ``cuda``; for `models` given as a folder.
    nested
        Predict the chain's training cases by models that held out fold `fold` too.
    name
        Of the region; default: ``stage1-foldK``, in paper mode ``stage1``.
    source, cases
        Only this source, only these cases.
    message
        Why; stands in the log.
    progress
        Told how many of how many cases are done.
    say
        Told of the device and its fallbacks, for `models` given as a folder.
    doing
        Told of what is being done, as ``case 7, Stage 1, tile 3 of 20``; see `Doing`.

    Raises
    ------
    BadInput
        If the catalog defines a region of that name, no case has that fold, a model is missing, or one
        trained on a case that it should predict. What goes wrong with single cases is in the report.
    """
    loaded = catalog if isinstance(catalog, Catalog) else load_catalog(catalog)
    region = name or region_name(fold)
    if region in loaded.regions():
        raise BadInput(f"{loaded.path} defines a region {region!r} already", "Name another with --region.")
    snapshot = open_store(store or loaded.store)
    chain = Assignment(snapshot, fold, nested)
    meant = loaded.cases(source, cases)
    groups = chain.groups(meant)
    now = Doing(doing)
    given = models if callable(models) else _models_in(models, device, snapshot, groups, say, now)
    info = {case.id: case_info(case) for case in meant}
    with Keeper(snapshot.bucket, region, info=info) as keeper:
        ready = _opened(given, chain, groups)
        run = Run(snapshot, region, keeper, message, len(meant), progress, now)
        try:
            for held, group in groups.items():
                model = ready.pop(held)  # nothing else keeps it when its cases are done
                for case in group:
                    run.predict(model, case, chain.origin(model))
        except KeyboardInterrupt:
            run.interrupted = True
        finally:
            run.commit()
    return run.report(open_store(snapshot.bucket.location).version, tuple(chain.notes))


def _models_in(
    folder: str | Path,
    device: str,
    snapshot: Snapshot,
    groups: Iterable[tuple[int, ...]],
    say: Say,
    doing: Doing,
) -> Models:
    """The models of a folder; one that is missing is missed now, not after hours."""
    from fusion.device import choose_device
    from fusion.regions.models import Stage1Models  # torch and nnunetv2 come with it

    chosen, why = choose_device(device)
    say(f"predicting on {chosen}: {why}")
    models = Stage1Models(folder, chosen, snapshot.bucket.location, say, doing)
    models.require(groups)
    return models


def _opened(
    given: Models, chain: Assignment, groups: Mapping[tuple[int, ...], Sequence[Case]]
) -> dict[tuple[int, ...], Stage1]:
    """Every model that a case needs, before the first case: one that cannot be used is told now."""
    ready = {held: given(held) for held in groups}
    for held, model in ready.items():
        chain.require_unseen(model, held, groups[held])
    return ready
