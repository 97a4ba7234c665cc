"""Looking after a store: its versions, its health, what may be forgotten. One function a verb."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from radstore.errors import CorruptBlock, StoreError
from radstore.store import blocks, layout
from radstore.store import diff as difference
from radstore.store import gc as garbage
from radstore.store import log as versions
from radstore.store.diff import Difference
from radstore.store.gc import GRACE, Garbage
from radstore.store.log import Version
from radstore.store.manifest import Manifest
from radstore.store.query import open_existing, open_store
from radstore.store.regions import stored_regions
from radstore.store.table import FEATURES, REGION

Location = str | os.PathLike[str]


def log(store: Location) -> list[Version]:
    """Every version of a store, newest first."""
    return versions.history(open_existing(store))


def tag(store: Location, name: str, version: str | int | None = None) -> Version:
    """Name a version (default: the latest) for good; returns it.

    Raises
    ------
    StoreError
        If the name cannot be used or names another version already.
    """
    bucket = open_existing(store)
    found = versions.resolve(bucket, version)
    versions.tag(bucket, name, found)
    return found


def diff(store: Location, a: str | int, b: str | int | None = None) -> Difference:
    """What version `b` (default: the latest) has that `a` has not, and the other way round."""
    return difference.diff(open_store(store, a), open_store(store, b))


@dataclass(frozen=True)
class PredictedRegion:
    """What the masks of one predicted region have in common.

    Parameters
    ----------
    cases, fallback
        How many cases have one, and how many of those are not what the model found.
    models, held_out
        Digests of the models, and the folds that they held out, ascending.
    """

    cases: int
    fallback: int
    models: tuple[str, ...]
    held_out: tuple[int, ...]


def predicted_regions(manifest: Manifest) -> dict[str, PredictedRegion]:
    """Region name → a summary of where its masks come from, as `fusion regions` writes it."""
    origins: dict[str, list[Mapping[str, Any]]] = {}
    for name, cases in stored_regions(manifest).items():
        records = [manifest.get(case) for case in cases]
        origins[name] = [r.blocks[REGION + name].origin or {} for r in records if r is not None]
    return {
        name: PredictedRegion(
            cases=len(told),
            fallback=sum(one.get("status", "ok") != "ok" for one in told),
            models=tuple(sorted({str(one["model"]) for one in told if "model" in one})),
            held_out=tuple(sorted({fold for one in told for fold in one.get("held_out", ())})),
        )
        for name, told in origins.items()
    }


@dataclass(frozen=True)
class Status:
    """How far a view is.

    Parameters
    ----------
    view
        ``spec@region``.
    done
        How many cases have its features.
    failed
        Case → error (``step``, ``message``, ``remedy``).
    missing
        Cases of the store without this view, and of the catalog, if one was given, without anything.
    undefined
        Case → how many of its features could not be computed.
    """

    view: str
    done: int
    failed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    undefined: Mapping[str, int] = field(default_factory=dict)


def status(
    store: Location, version: str | int | None = None, *, expected: tuple[str, ...] = ()
) -> list[Status]:
    """How far every view of a store is.

    Parameters
    ----------
    expected
        Case ids that should be there (a catalog's).
    """
    snapshot = open_store(store, version)
    records = dict(snapshot.manifest.items())
    views = {name for record in records.values() for name in record.blocks if name.startswith(FEATURES)}
    found = []
    for name in sorted(views):
        entries = {case: r.blocks[name] for case, r in records.items() if name in r.blocks}
        found.append(
            Status(
                view=name.removeprefix(FEATURES),
                done=sum(entry.ok for entry in entries.values()),
                failed={case: entry.error for case, entry in entries.items() if entry.error is not None},
                missing=tuple(sorted(({*records} | {*expected}) - {*entries})),
                undefined={case: entry.undefined for case, entry in entries.items() if entry.undefined},
            )
        )
    return found


@dataclass(frozen=True)
class Verification:
    """What re-reading a store found: how many blocks were read, and what is wrong with which."""

    blocks: int
    damaged: Mapping[str, str] = field(default_factory=dict)


def verify(
    store: Location,
    version: str | int | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Verification:
    """Read every block of a version again and compare it with its digest.

    Parameters
    ----------
    progress
        Called with the number of blocks read and their total.

    Returns
    -------
    Verification
        ``damaged``: ``case block`` → what is wrong and how to mend it.
    """
    snapshot = open_store(store, version)
    named = {
        entry.key: (f"{case} {name}", entry.digest)
        for case, record in snapshot.manifest.items()
        for name, entry in record.blocks.items()
        if entry.ok
    }
    damaged = {}
    for count, (key, (where, digest)) in enumerate(named.items(), 1):
        try:
            blocks.verify(snapshot.bucket, layout.object_folder(key), digest)
        except (CorruptBlock, StoreError) as error:
            damaged[where] = str(error)
        if progress:
            progress(count, len(named))
    return Verification(len(named), damaged)


def expire(store: Location, *, keep: int | None = None, older_than: float | None = None) -> list[int]:
    """Drop old versions from the log; see `radstore.store.gc.expire`."""
    return garbage.expire(open_existing(store), keep=keep, older_than=older_than)


def gc(
    store: Location,
    *,
    grace: float = GRACE,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Garbage:
    """Delete what no version names any more; see `radstore.store.gc.gc`."""
    return garbage.gc(open_existing(store), grace=grace, dry_run=dry_run, progress=progress)
