"""What a build would do: which cases are done, which failed before, which must be worked on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from radstore.build.digests import DigestCache
from radstore.build.job import Inputs, Job
from radstore.build.outcome import case_info
from radstore.catalog import Case
from radstore.store.manifest import CaseRecord, Manifest


@dataclass(frozen=True)
class Plan:
    """Every case of the build, sorted by what it needs.

    Parameters
    ----------
    job
        What is built.
    done
        Cases whose blocks are all there and right.
    todo
        Cases to work on.
    failed
        Cases that failed before and would fail the same way: case id → the recorded error.
    relabelled
        Of those done and failed the cases whose table columns changed: only the manifest is written.
    base
        Case id → what the manifest says of it now, for the cases that are there.
    """

    job: Job
    done: tuple[Case, ...]
    todo: tuple[Case, ...]
    failed: Mapping[str, Mapping[str, str]]
    relabelled: tuple[Case, ...]
    base: Mapping[str, CaseRecord] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many cases there are."""
        return len(self.done) + len(self.todo) + len(self.failed)


def make_plan(
    job: Job, cases: Iterable[Case], manifest: Manifest, cache: DigestCache, *, retry_failed: bool = False
) -> Plan:
    """Compare what is asked with what the store has, without decoding a file.

    A case whose files are not in the digest cache counts as to do: the worker decodes it, and copies or
    keeps what turns out to be right.
    """
    done, todo, relabelled = [], [], []
    failures: dict[str, Mapping[str, str]] = {}
    base = {}
    for case in {case.id: case for case in cases}.values():  # an id that comes twice is refused, once
        record = manifest.get(case.id)
        if record is not None:
            base[case.id] = record
        error = _known_failure(job, case, record)
        if error is not None and not retry_failed:
            failures[case.id] = error
        elif error is None and record is not None and _is_done(job, case, record, cache):
            done.append(case)
        else:
            todo.append(case)
            continue
        if record is not None and dict(record.info) != case_info(case):
            relabelled.append(case)
    return Plan(job, tuple(done), tuple(todo), failures, tuple(relabelled), base)


def _known_failure(job: Job, case: Case, record: CaseRecord | None) -> Mapping[str, str] | None:
    """The recorded error, if the case would fail the same way again."""
    entries = [record.blocks.get(name) for name in job.graphs] if record else []
    failed = [entry for entry in entries if entry is not None and entry.error is not None]
    if failed and failed[0].key == job.failure_key(case):
        return failed[0].error
    return None


def _is_done(job: Job, case: Case, record: CaseRecord, cache: DigestCache) -> bool:
    if case.problem is not None:
        return False
    image = cache.get(job.image_fingerprint(case))
    mask = cache.get(job.mask_fingerprint(case))
    if image is None or mask is None:
        return False
    keys = job.keys(Inputs(image, mask, job.kept_key(case)))
    there = all(record.has(name, key, job.spec_hash(name)) for name, key in keys.items())
    return there and not job.leftovers(record)
