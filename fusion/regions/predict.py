"""`predict_regions`: Stage 1 of a chain finds the region of every case, and the store keeps it.

Which model predicts which case is said in `fusion.regions.assignment`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusion.regions.assignment import Assignment, Models, Stage1
from fusion.regions.out_of_fold import region_name
from fusion.regions.rule import FALLBACK, region_from_labels
from radstore.build.digests import DigestCache, fingerprint, is_settled
from radstore.build.outcome import case_info, explained
from radstore.catalog import Case, Catalog, load_catalog
from radstore.errors import BadInput
from radstore.images.digest import volume_digest
from radstore.images.read import read_image
from radstore.images.volume import Volume
from radstore.store.log import Commit, Version
from radstore.store.query import Snapshot, open_store
from radstore.store.regions import Keeper, StoredRegion
from radstore.store.table import REGION

STEP = "stage1"  # in the record of a failure
COMMIT_CASES, COMMIT_SECONDS = 64, 60.0  # as in a build: a run that is killed loses at most this much

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RegionsReport:
    """What became of the cases.

    Parameters
    ----------
    store, region
        Where they are kept, and under which name.
    predicted, unchanged
        Cases that were predicted now, and that had their region already.
    fallback
        Of all those, the ones in which Stage 1 found nothing.
    failed
        Case → error (``step``, ``message``, ``remedy``); recorded in the store too, unless it has
    earlier
        a region of an earlier run for the case: that stays.
    version
        The latest version of the store afterwards.
    notes
        What the user should know.
    interrupted
        Whether it was stopped by Ctrl-C; what was finished is committed.
    """

    store: str
    region: str
    predicted: tuple[str, ...]
    unchanged: tuple[str, ...]
    fallback: tuple[str, ...]
    failed: Mapping[str, Mapping[str, str]]
    version: Version
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    earlier: tuple[str, ...] = ()


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
    say: Callable[[str], None] | None = None,
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
    given = models if callable(models) else _models_in(models, device, snapshot, groups, say)
    info = {case.id: case_info(case) for case in meant}
    with Keeper(snapshot.bucket, region, info=info) as keeper:
        ready = _opened(given, chain, groups)
        run = _Run(snapshot, region, keeper, message, len(meant), progress)
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
    say: Callable[[str], None] | None,
) -> Models:
    """The models of a folder; one that is missing is missed now, not after hours."""
    from fusion.predict.device import choose_device
    from fusion.regions.models import Stage1Models  # torch and nnunetv2 come with it

    chosen, why = choose_device(device)
    if say:
        say(f"device: {why}")
    models = Stage1Models(folder, chosen, snapshot.bucket.location, say)
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


class _Run:
    """Case by case: what is done, what failed, what is not committed yet."""

    def __init__(
        self,
        snapshot: Snapshot,
        region: str,
        keeper: Keeper,
        message: str,
        total: int,
        progress: Progress | None,
    ) -> None:
        self.snapshot, self.region, self.keeper = snapshot, region, keeper
        self.message = message or f"regions {region}"
        self.cache = DigestCache(snapshot.bucket)
        self.predicted: dict[str, bool] = {}  # case → whether it fell back
        self.unchanged: dict[str, bool] = {}
        self.failed: dict[str, Mapping[str, str]] = {}
        self.earlier: list[str] = []
        self.interrupted = False
        self._total, self._progress = total, progress
        self._committed_at = time.monotonic()

    def predict(self, model: Stage1, case: Case, origin: Mapping[str, Any]) -> None:
        """One case; whatever goes wrong with it is recorded."""
        try:
            self._predict(model, case, origin)
        except Exception as problem:
            error = explained(problem, case.id, STEP)
            self.failed[case.id] = error
            if not self.keeper.fail(case.id, error):
                self.earlier.append(case.id)
        waited = time.monotonic() - self._committed_at
        if len(self.keeper) >= COMMIT_CASES or waited >= COMMIT_SECONDS:
            self.commit()
        if self._progress:
            self._progress(len(self.predicted) + len(self.unchanged) + len(self.failed), self._total)

    def commit(self) -> None:
        """Put what is finished into the log."""
        self._committed_at = time.monotonic()
        self.cache.save()
        if len(self.keeper):
            self._held_back(self.keeper.commit(self.message))

    def report(self, version: Version, notes: tuple[str, ...]) -> RegionsReport:
        done = {**self.predicted, **self.unchanged}
        return RegionsReport(
            store=self.snapshot.bucket.location,
            region=self.region,
            predicted=tuple(self.predicted),
            unchanged=tuple(self.unchanged),
            fallback=tuple(case for case, fell_back in done.items() if fell_back),
            failed=self.failed,
            version=version,
            notes=notes,
            interrupted=self.interrupted,
            earlier=tuple(self.earlier),
        )

    def _predict(self, model: Stage1, case: Case, origin: Mapping[str, Any]) -> None:
        if case.image_problem is not None:
            raise case.image_problem
        before = self._stored(case.id)
        same = before is not None and {**before, **origin} == before
        if same and before is not None and before["image"] == self.cache.get(_seen(case)):
            self.unchanged[case.id] = before["status"] == FALLBACK
            return
        image, digest = self._read(case)
        if same and before is not None and before["image"] == digest:
            self.unchanged[case.id] = before["status"] == FALLBACK
            return
        mask, status = region_from_labels(model.labels(image), image, model.rule)
        fell_back = status == FALLBACK
        note = {"note": model.rule.fallback.note()} if fell_back else {}
        self.keeper.keep(case.id, StoredRegion(mask, {**origin, "image": digest, "status": status, **note}))
        self.predicted[case.id] = fell_back

    def _read(self, case: Case) -> tuple[Volume, str]:
        """The CT and its digest, which the cache learns, so that a later run need not decode it."""
        seen = _seen(case) if is_settled([case.image]) else None
        image = read_image(case.image)
        digest = volume_digest(image)
        if seen:
            self.cache.learn({seen: digest})
        return image, digest

    def _stored(self, case: str) -> Mapping[str, Any] | None:
        """Where the case's region of an earlier run comes from."""
        record = self.snapshot.manifest.get(case)
        entry = record.blocks.get(REGION + self.region) if record else None
        return entry.origin if entry and entry.ok else None

    def _held_back(self, done: Commit) -> None:
        for case, error in done.conflicts.items():
            self._lost(case, {"step": "commit", "message": error.message, "remedy": error.remedy})
        for case in done.vanished:
            told = f"case {case}: gc deleted its region before it was committed"
            self._lost(case, {"step": "commit", "message": told, "remedy": "Run `fusion regions` again."})

    def _lost(self, case: str, error: Mapping[str, str]) -> None:
        self.predicted.pop(case, None)
        self.failed[case] = error


def _seen(case: Case) -> str | None:
    """What can be seen of the CT's file; the same as builds remember it by."""
    return fingerprint([case.image], "image")
