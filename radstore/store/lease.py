"""Leases: who is building, committing or sweeping, so that gc never deletes what someone relies on.

Small files under ``leases/``, renewed by a heartbeat as long as they are held:

- ``build-*``   a build in progress. gc spares every object written since it began.
- ``commit-*``  a commit in progress (well under a second on a local disk).
- ``sweep-*``   versions are dropped or objects deleted.

Commits and sweeps exclude each other by raising a flag first and looking at the other's second, so at least
one of the two always sees the other: the committer steps back and waits, the sweeper waits for commits
that were there before it. A flag whose owner died (its process is gone, or it was not renewed for `TTL`
seconds) does not count.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from radstore.errors import StoreError
from radstore.store import layout
from radstore.store.bucket import Bucket

TTL = 300.0  # seconds after which a flag that was not renewed no longer counts
HEARTBEAT = 60.0  # seconds between two renewals
SKEW = 60.0  # seconds that two clocks may differ; object stores also cut times to whole seconds
KINDS = ("build", "commit", "sweep")
_POLL = 0.05


@dataclass(frozen=True)
class Lease:
    """One flag: its kind and owner, when it was raised and last renewed (Unix seconds)."""

    kind: str
    path: str
    host: str
    pid: int
    since: float
    renewed: float

    @property
    def alive(self) -> bool:
        """Whether its owner can still be at work."""
        if time.time() - self.renewed > TTL:
            return False
        return self.host != _host() or _process_exists(self.pid)


class Held:
    """A flag of ours, kept up in the background.

    Parameters
    ----------
    bucket
        The store's bytes.
    kind
        ``build``, ``commit`` or ``sweep``.
    """

    def __init__(self, bucket: Bucket, kind: str) -> None:
        now = time.time()
        path = f"{layout.LEASES}{kind}-{uuid.uuid4().hex}.json"
        self.lease = Lease(kind, path, _host(), os.getpid(), now, now)
        self._bucket = bucket
        self._lowered = threading.Event()
        self._write(self.lease)
        self._beat = threading.Thread(target=self._renew, name="radstore-lease", daemon=True)
        self._beat.start()

    @property
    def fresh(self) -> bool:
        """Whether others certainly still respect the flag; not after a long sleep of the machine."""
        return time.time() - self.lease.renewed < TTL / 2

    def lower(self) -> None:
        """Give it up."""
        self._lowered.set()
        self._beat.join()
        self._bucket.delete(self.lease.path)

    def _renew(self) -> None:
        while not self._lowered.wait(HEARTBEAT):
            renewed = replace(self.lease, renewed=time.time())
            # a beat that fails is made good by the next; `fresh` tells when too many did
            with contextlib.suppress(StoreError):
                self._write(renewed)
                self.lease = renewed

    def _write(self, lease: Lease) -> None:
        self._bucket.write(lease.path, layout.to_json(asdict(lease)))


def live(bucket: Bucket, kind: str) -> list[Lease]:
    """The live flags of one kind."""
    return [lease for lease in _flags(bucket, kind) if lease.alive]


def clear_dead(bucket: Bucket) -> None:
    """Remove the flags of owners that died."""
    for lease in _flags(bucket, *KINDS):
        if not lease.alive:
            bucket.delete(lease.path)


@contextlib.contextmanager
def building(bucket: Bucket) -> Iterator[None]:
    """Hold a build lease."""
    held = Held(bucket, "build")
    try:
        yield
    finally:
        held.lower()


@contextlib.contextmanager
def committing(bucket: Bucket) -> Iterator[Held]:
    """Hold a commit lease; waits while versions are dropped or objects deleted."""
    while True:
        held = Held(bucket, "commit")
        try:
            if not live(bucket, "sweep"):
                yield held
                return
        finally:
            held.lower()
        _wait_until_none(bucket, "sweep")


@contextlib.contextmanager
def sweeping(bucket: Bucket) -> Iterator[Held]:
    """Hold the sweep lease; begins when no commit is under way. One sweep at a time.

    Raises
    ------
    StoreError
        If another sweep is under way.
    """
    held = Held(bucket, "sweep")
    try:
        if any(other.path != held.lease.path for other in live(bucket, "sweep")):
            raise StoreError(
                f"{bucket.location}: another gc or expire is running", "Try again when it has ended."
            )
        _wait_until_none(bucket, "commit")
        yield held
    finally:
        held.lower()


def _flags(bucket: Bucket, *kinds: str) -> Iterator[Lease]:
    for stat in list(bucket.list(layout.LEASES)):
        if stat.path.removeprefix(layout.LEASES).split("-")[0] in kinds:
            with contextlib.suppress(FileNotFoundError):  # lowered meanwhile
                yield Lease(**json.loads(bucket.read(stat.path)))


def _wait_until_none(bucket: Bucket, kind: str) -> None:
    while live(bucket, kind):
        time.sleep(_POLL)


def _host() -> str:
    """Where a process id means something: a machine, and the container on it."""
    try:
        return f"{platform.node()} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115
    except OSError:  # not Linux
        return platform.node()


def _process_exists(pid: int) -> bool:
    if os.name == "nt":  # os.kill would end the process there; trust the time to live
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
