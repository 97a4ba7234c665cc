"""Forgetting: `expire` drops old versions, `gc` deletes what no version names any more."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from radstore.errors import StoreError
from radstore.store import layout, lease, log, reliability
from radstore.store.blocks import path_of
from radstore.store.bucket import STAGING, Bucket, Stat, for_each
from radstore.store.manifest import Manifest, read_shard

GRACE = 24 * 3600.0  # seconds: younger objects may belong to a build that has not committed yet
STAGED = 3600.0  # seconds: a file that was staged longer ago will never be moved to its place
PATIENCE = 10.0  # seconds that commits may have to wait, and
BREATH = 1.0  # seconds in which those that wait see that they may go on

_DELETABLE = (layout.OBJECTS, layout.MANIFESTS, layout.TABLES, f"{STAGING}/")
_BLOCK = re.compile(rf"{layout.OBJECTS}[^/]+/(?P<key>[^/]+)/(?P<name>[^/]+)(/|$)")


@dataclass(frozen=True)
class Garbage:
    """What gc found (and, unless it was a dry run, deleted).

    Parameters
    ----------
    files, bytes
        How many objects, and their total size.
    blocks
        How many blocks they belonged to.
    spared
        Objects that nothing names, but that are too young or may belong to a build in progress.
    """

    files: int
    bytes: int
    blocks: int
    spared: int


def expire(bucket: Bucket, *, keep: int | None = None, older_than: float | None = None) -> list[int]:
    """Drop old versions from the log; the latest and every tagged version stay.

    Parameters
    ----------
    keep
        How many of the newest versions to keep at least.
    older_than
        Drop only versions older than this many seconds.

    Returns
    -------
    list of int
        The version numbers that were dropped. Their blocks go with the next `gc`.
    """
    with lease.sweeping(bucket):  # a commit or a tag under way may rely on what we drop
        versions = log.history(bucket)
        tagged = set(log.tags(bucket).values())
        limit = time.time() - (older_than or 0.0)
        old = versions[max(1, keep or 1) :]
        dropped = sorted(v.number for v in old if v.number not in tagged and v.time <= limit)
        for number in dropped:
            bucket.delete(layout.log_entry(number))
    return dropped


def gc(
    bucket: Bucket,
    *,
    grace: float = GRACE,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Garbage:
    """Delete the objects that no version in the log names.

    Spares what is younger than `grace` seconds, or was written since the oldest build in progress began.
    Marks once to find candidates and, with commits held off, once more before it deletes; commits that wait
    are let through every few seconds.

    Parameters
    ----------
    progress
        Called with the number of objects deleted so far.
    """
    sweep = _Sweep(bucket, grace)
    sweep.mark()
    if dry_run:
        return _summary(sweep.garbage, sweep.spared)
    lease.clear_dead(bucket)
    deleted: list[Stat] = []
    while sweep.garbage:
        with lease.sweeping(bucket) as flag:
            sweep.mark()
            began = time.monotonic()
            while sweep.garbage and flag.fresh and time.monotonic() - began < PATIENCE:
                stat = sweep.garbage.pop()
                bucket.delete(stat.path)
                deleted.append(stat)
                if progress:
                    progress(len(deleted))
        if sweep.garbage:
            time.sleep(BREATH)
    for prefix in (layout.OBJECTS, layout.MANIFESTS, layout.TABLES):
        bucket.prune(prefix)
    return _summary(deleted, sweep.spared)


class _Sweep:
    """What is there, and what of it nobody needs.

    Parameters
    ----------
    bucket
        The store's bytes; listed now, before anyone is asked what he needs: what is written later is not
        in the list.
    grace
        Seconds.
    """

    def __init__(self, bucket: Bucket, grace: float) -> None:
        self._bucket = bucket
        self._limit = time.time() - grace
        self._staged_limit = time.time() - max(grace, STAGED)
        self.garbage = [stat for prefix in _DELETABLE for stat in bucket.list(prefix)]
        self.spared = 0
        self._named = _Named(bucket, self.garbage)

    def mark(self) -> None:
        """Strike from the garbage what is needed or must wait; what is left may be deleted from the end."""
        builds = [build.since - lease.SKEW for build in lease.live(self._bucket, "build")]
        limit = min([self._limit, *builds])
        self._named.update()
        unnamed = [stat for stat in self.garbage if not self._named.covers(stat.path)]
        # A pointer and its block are as young as the younger of them: they go together, or not at all.
        newest: dict[str, float] = {}
        for stat in unnamed:
            unit = _unit(stat.path)
            newest[unit] = max(stat.modified, newest.get(unit, 0.0))
        self.garbage = [stat for stat in unnamed if newest[_unit(stat.path)] < self._limit_of(stat, limit)]
        self.spared += len(unnamed) - len(self.garbage)
        # Pointers first: a block without its pointer does not exist, a pointer without its block is damage.
        self.garbage.sort(key=lambda stat: stat.path.endswith(f"/{layout.POINTER}"))

    def _limit_of(self, stat: Stat, limit: float) -> float:
        # a commit, a lease, anyone may be writing a single file without having said so
        return min(limit, self._staged_limit) if stat.path.startswith(STAGING) else limit


class _Named:
    """What the versions in the log need.

    Parameters
    ----------
    candidates
        The objects that will be asked about.
    """

    def __init__(self, bucket: Bucket, candidates: Iterable[Stat]) -> None:
        self._bucket = bucket
        self._version = 0
        self._keys: set[str] = set()
        self._manifests: set[str] = set()
        self._shards: set[str] = set()
        self._records: set[str] = set()
        self._copies: dict[str, set[str]] = {}  # key → nonces that lie in its folder
        for stat in candidates:
            if (found := _BLOCK.match(stat.path)) and found["name"] != layout.POINTER:
                self._copies.setdefault(found["key"], set()).add(found["name"])
        self._losers: dict[str, set[str]] = {}

    def update(self) -> None:
        """Add what was committed since the last look."""
        for version in log.history(self._bucket, after=self._version):
            self._version = max(self._version, version.number)
            self._records.update(reliability.records(version))
            if version.manifest not in self._manifests:
                self._manifests.add(version.manifest)
                self._add_shards(Manifest(self._bucket, version.manifest).shards)

    def covers(self, path: str) -> bool:
        """Whether a version needs this object."""
        if found := _BLOCK.match(path):
            return found["key"] in self._keys and found["name"] not in self._losers_of(found["key"])
        if path.startswith(layout.TABLES):
            return path.removeprefix(layout.TABLES).split("/")[0] in self._manifests
        sha = path.removeprefix(layout.MANIFESTS).removesuffix(".json.gz")
        return sha in self._manifests or sha in self._shards or sha in self._records

    def _add_shards(self, shas: list[str]) -> None:
        new = [sha for sha in shas if sha not in self._shards]
        self._shards.update(new)
        for cases in for_each(self._bucket, lambda sha: read_shard(self._bucket, sha), new):
            for record in cases.values():
                self._keys.update(entry.key for entry in record.blocks.values() if entry.ok)

    def _losers_of(self, key: str) -> set[str]:
        """Of several writers of one block the pointer names one; the others' copies are garbage."""
        copies = self._copies.get(key, set())
        if len(copies) < 2:
            return set()
        if key not in self._losers:
            with contextlib.suppress(StoreError):  # no pointer is damage: then nothing there is a loser
                winner = path_of(self._bucket, layout.object_folder(key)).rsplit("/", 1)[1]
                self._losers[key] = copies - {winner}
        return self._losers.get(key, set())


def _unit(path: str) -> str:
    """What is as young as the youngest of it: a block's folder, a version's tables; else the file alone."""
    if found := _BLOCK.match(path):
        return found["key"]
    return "/".join(path.split("/")[:3]) if path.startswith(layout.TABLES) else path


def _summary(deleted: list[Stat], spared: int) -> Garbage:
    pointers = sum(stat.path.endswith(f"/{layout.POINTER}") for stat in deleted)
    return Garbage(len(deleted), sum(stat.size for stat in deleted), pointers, spared)
