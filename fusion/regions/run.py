"""`Run`: regions case by case: what is done already, what failed, what is not in the log yet.

A case is done if its region's provenance names the same model, split and rule, and the same image. Finished
cases are committed now and then; the next run goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fusion.regions.assignment import Stage1
from fusion.regions.rule import FALLBACK, region_from_labels
from fusion.telling import Doing, Progress
from radstore.build.digests import DigestCache, fingerprint, is_settled
from radstore.build.outcome import explained
from radstore.build.run import COMMIT_CASES, COMMIT_SECONDS
from radstore.catalog import Case
from radstore.images.digest import volume_digest
from radstore.images.read import read_image
from radstore.images.volume import Volume
from radstore.store.log import Commit, Version
from radstore.store.query import Snapshot
from radstore.store.regions import Keeper, StoredRegion
from radstore.store.table import REGION

STEP = "stage1"  # in the record of a failure


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


class Run:
    """Predicts cases, one by one, and keeps what it finds.

    Parameters
    ----------
    snapshot
        What is there already.
    region
        Its name.
    keeper
        Holds what is not committed yet.
    message
        For the log; empty: the region's name.
    total
        How many cases there will be, for `progress`.
    progress
        Told of each case.
    doing
        Told of each step.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        region: str,
        keeper: Keeper,
        message: str,
        total: int,
        progress: Progress | None = None,
        doing: Doing | None = None,
    ) -> None:
        self.snapshot, self.region, self.keeper = snapshot, region, keeper
        self.message = message or f"regions {region}"
        self.cache = DigestCache(snapshot.bucket)
        self.predicted: dict[str, bool] = {}  # case → whether it fell back
        self.unchanged: dict[str, bool] = {}
        self.failed: dict[str, Mapping[str, str]] = {}
        self.earlier: list[str] = []
        self.interrupted = False
        self._total, self._progress, self._doing = total, progress, doing or Doing()
        self._committed_at = time.monotonic()

    def predict(self, model: Stage1, case: Case, origin: Mapping[str, Any]) -> None:
        """One case; whatever goes wrong with it is recorded."""
        try:
            with self._doing(case.id):
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
        """What became of the cases; `version` is the store's now, `notes` what the user should know."""
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
        there = self._made_alike(case.id, origin)
        if there and there["image"] == self.cache.get(_seen(case)):  # not even decoded
            self.unchanged[case.id] = there["status"] == FALLBACK
            return
        with self._doing("reading"):
            image, digest = self._read(case)
        if there and there["image"] == digest:
            self.unchanged[case.id] = there["status"] == FALLBACK
            return
        with self._doing("Stage 1"):
            labels = model.labels(image)
        with self._doing("region"):
            mask, status = region_from_labels(labels, image, model.rule)
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

    def _made_alike(self, case: str, origin: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The provenance of the case's region, if it is of the same model, split and rule."""
        record = self.snapshot.manifest.get(case)
        entry = record.blocks.get(REGION + self.region) if record else None
        there = entry.origin if entry and entry.ok else None
        return there if there and {**there, **origin} == there else None

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
