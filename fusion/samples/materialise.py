"""All labelled cases of a plan as training blocks in the store."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fusion.recipe import Recipe
from fusion.samples.job import Job, block_name
from fusion.samples.needs import processes
from fusion.samples.work import Outcome, found, work
from radstore.build.digests import DigestCache
from radstore.build.outcome import case_info
from radstore.catalog import Case, Catalog, load_catalog
from radstore.errors import BadInput
from radstore.parallel import Progress, run
from radstore.split.roll import some
from radstore.store import lease, log
from radstore.store.bucket import for_each
from radstore.store.log import Change, Version
from radstore.store.manifest import CaseRecord
from radstore.store.query import open_store

BATCH = 64  # cases between two commits
ROUNDS = 3  # how often a sample is made again that gc took before it was committed


@dataclass(frozen=True)
class Materialised:
    """What became of a plan's samples.

    Parameters
    ----------
    version
        The latest version of the store.
    made, reused
        Cases whose sample was made now, and whose was there.
    failed
        Case → error (``step``, ``message``, ``remedy``), which is in the store too.
    unlabelled
        Cases of the catalog that have no labels, and so no sample.
    notes
        What the user should know: labels that are not in the plan, and those too small for its grid.
    """

    version: Version
    made: tuple[str, ...] = ()
    reused: tuple[str, ...] = ()
    failed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unlabelled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def materialise(
    store: str | os.PathLike[str],
    catalog: str | Path | Catalog,
    plans: Mapping[str, Any],
    dataset_json: Mapping[str, Any],
    plan_name: str,
    *,
    cases: Sequence[str] | None = None,
    source: str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    message: str = "",
) -> Materialised:
    """Make the samples that are missing, and commit them as ``training/<plan name>``.

    Images and labels are the catalog's files, region and maps the latest version's in the store. A sample is
    made of the same code as in prediction, see `fusion.samples.make_sample`. What another run published is
    used, also if it was killed before it could commit.

    Parameters
    ----------
    store, catalog
        Where.
    plans, dataset_json
        nnU-Net's, with the recipe in the plans.
    plan_name
        ``stage1``, ``stage2-fold0``, …
    cases, source
        Which cases, of which source; default: all that have labels.
    jobs
        Processes; default: one a core, fewer where memory does not allow it.
    progress
        Told how many of how many cases are done.
    message
        Why; stands in the log.

    Raises
    ------
    BadInput
        If plans, labels or cases do not fit, or memory does not suffice. What goes wrong with single cases
        is in the report.
    RadstoreError
        If a process died; what was published is not lost.
    """
    recipe = Recipe.from_plans(plans)
    _require_labels(recipe, dataset_json)
    loaded = catalog if isinstance(catalog, Catalog) else load_catalog(catalog)
    meant = loaded.cases(source, cases)
    labelled = [case for case in meant if case.labels]
    job = Job(open_store(store), plans, recipe, plan_name)
    working = _Run(job, labelled, message or f"samples of plan {plan_name}", progress)
    with lease.building(job.snapshot.bucket):
        working.drain(jobs)
    return Materialised(
        version=log.head(job.snapshot.bucket),
        made=tuple(sorted(working.made)),
        reused=tuple(sorted(working.reused)),
        failed=dict(sorted(working.failed.items())),
        unlabelled=tuple(case.id for case in meant if not case.labels),
        notes=tuple(notes_on(working.told)),
    )


def forget(store: str | os.PathLike[str], plan_name: str, keep: Collection[str]) -> tuple[str, ...]:
    """Take the samples of all other cases out of the latest version: an earlier plan of this name had them.

    Returns
    -------
    tuple of str
        Those cases.
    """
    name, snapshot = block_name(plan_name), open_store(store)
    changes = {
        case: Change(record, replace(record, blocks={n: e for n, e in record.blocks.items() if n != name}))
        for case, record in snapshot.manifest.items()
        if name in record.blocks and case not in keep
    }
    if changes:
        log.commit(snapshot.bucket, changes, message=f"samples of plan {plan_name}: other cases are out")
    return tuple(sorted(changes))


def notes_on(told: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What became of labels, a line each.

    Parameters
    ----------
    told
        Case → ``stray_labels`` and ``vanished_labels``, see `fusion.samples.Sample`.
    """
    stray: dict[str, dict[str, int]] = {}
    vanished: dict[int, list[str]] = {}
    for case, labels in sorted(told.items()):
        for value, voxels in labels["stray_labels"].items():
            stray.setdefault(value, {})[case] = voxels
        for label in labels["vanished_labels"]:
            vanished.setdefault(label, []).append(case)
    return [
        f"label {value} is not in the plan and counts as background: {sum(voxels.values()):,} voxels in "
        f"{some(voxels)}"
        for value, voxels in sorted(stray.items())
    ] + [
        f"label {label} is too small for the network's grid in {some(cases)}"
        for label, cases in sorted(vanished.items())
    ]


def _require_labels(recipe: Recipe, dataset_json: Mapping[str, Any]) -> None:
    """The recipe's labels and nnU-Net's must be the same: one is used here, the other in training."""
    theirs = {name: int(value) for name, value in dataset_json["labels"].items()}
    if theirs != dict(recipe.labels):
        raise BadInput(
            f"dataset.json has labels {theirs}, the plans' recipe {dict(recipe.labels)}", "Plan again."
        )


class _Run:
    """The state of one run: what became of the cases so far."""

    def __init__(self, job: Job, cases: Sequence[Case], message: str, progress: Progress | None) -> None:
        self.job, self.message, self.progress = job, message, progress
        self.cases = {case.id: case for case in cases}
        self.cache = DigestCache(job.snapshot.bucket)
        self.made: set[str] = set()
        self.reused: set[str] = set()
        self.failed: dict[str, Mapping[str, str]] = {}
        self.told: dict[str, Mapping[str, Any]] = {}

    def drain(self, jobs: int | None) -> None:
        """Work through the cases; again through those whose samples vanished before they were committed."""
        there = for_each(self.job.snapshot.bucket, self._found, self.cases.values())
        outcomes = [outcome for outcome in there if outcome is not None]
        found_in_store = {outcome.case for outcome in outcomes}
        again = self._commit(outcomes)
        todo = [*(case for case in self.cases if case not in found_in_store), *again]
        workers = processes([self.cases[case] for case in todo], self.job, jobs) if todo else 1
        for _ in range(ROUNDS):
            batches = [todo[start : start + BATCH] for start in range(0, len(todo), BATCH)]
            todo = [case for batch in batches for case in self._batch(batch, workers)]
        for case in todo:
            self.failed[case] = {
                "step": "store",
                "message": f"case {case}: gc took its sample {ROUNDS} times before it was committed",
                "remedy": "Run this again when no `radstore gc` is running.",
            }

    def _found(self, case: Case) -> Outcome | None:
        """The sample that is there, as far as can be told without reading the case's files."""
        if case.problem is not None:
            return None
        image, labels = (self.cache.get(seen) for seen in self.job.fingerprints(case))
        if image is None or labels is None:
            return None
        return found(self.job, case, self.job.digests(case, image, labels))

    def _batch(self, cases: Sequence[str], workers: int) -> list[str]:
        """Work on some cases and commit them; those that are to be made again."""
        done = len(self.made) + len(self.reused) + len(self.failed)

        def tell(finished: int, _: int) -> None:
            if self.progress:
                self.progress(done + finished, len(self.cases))

        outcomes = run(work, [(self.job, self.cases[case]) for case in cases], workers, tell)
        for outcome in outcomes:
            self.cache.learn(outcome.fingerprints)
        self.cache.save()
        return self._commit(outcomes)

    def _commit(self, outcomes: Sequence[Outcome]) -> list[str]:
        """Put outcomes into the log; the cases that are to be made again."""
        if not outcomes:
            return []
        changes = {outcome.case: self._change(outcome) for outcome in outcomes}
        done = log.commit(self.job.snapshot.bucket, changes, message=self.message)
        for outcome in outcomes:
            if outcome.case in done.conflicts:
                held = done.conflicts[outcome.case]
                error = {"step": "commit", "message": held.message, "remedy": held.remedy}
                self.failed[outcome.case] = error
            elif outcome.entry.error is not None:
                self.failed[outcome.case] = outcome.entry.error
            elif outcome.case not in done.vanished:
                (self.made if outcome.made else self.reused).add(outcome.case)
                self.told[outcome.case] = outcome.told
        return list(done.vanished)

    def _change(self, outcome: Outcome) -> Change:
        base = self.job.snapshot.manifest.get(outcome.case)
        before = base or CaseRecord(case_info(self.cases[outcome.case]))
        ours = replace(before, blocks={**before.blocks, self.job.name: outcome.entry})
        return Change(base, ours)
