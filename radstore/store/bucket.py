"""Bytes under a path: the few operations the store needs, on a folder or on an object store.

Two siblings of one interface, `radstore.store.local` and `radstore.store.remote`. Exclusive creation is one
hard link locally and a conditional put remotely, so no rename and no lock is needed anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from zarr.abc.store import Store as ZarrStore

STAGING = "staging"  # half-written files of a local bucket lie here; nothing ever reads them

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Stat:
    """One stored object: its path, its size in bytes, when it was last written (Unix seconds)."""

    path: str
    size: int
    modified: float


class Bucket(Protocol):
    """Where a store keeps its bytes. Paths are relative, with forward slashes.

    `lanes` is how many requests are worth making at once.
    """

    location: str
    lanes: int

    def __hash__(self) -> int: ...

    def read(self, path: str) -> bytes:
        """The bytes at `path`; FileNotFoundError if there are none."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Put `data` at `path`, whole or not at all, replacing what was there."""
        ...

    def create(self, path: str, data: bytes) -> bool:
        """Put `data` at `path` if nothing is there; False (and nothing written) if something is.

        Of writers with different data exactly one succeeds. Who finds its own data there already may be
        told that it succeeded: a request that is retried cannot tell whether its first try went through.
        """
        ...

    def write_tree(self, prefix: str, files: Mapping[str, bytes]) -> None:
        """Put many files under a prefix nobody else writes to (a nonce)."""
        ...

    def exists(self, path: str) -> bool:
        """Whether an object lies at `path`."""
        ...

    def list(self, prefix: str) -> Iterator[Stat]:
        """Every object below `prefix`, recursively, in no particular order."""
        ...

    def delete(self, path: str) -> None:
        """Remove one object; no error if it is gone already."""
        ...

    def prune(self, prefix: str) -> None:
        """Remove the folders below `prefix` that hold nothing (an object store has none)."""
        ...

    def zarr(self) -> ZarrStore:
        """The whole bucket as a read-only Zarr store; see `radstore.store.complete`."""
        ...


def open_bucket(location: str | os.PathLike[str]) -> Bucket:
    """The bucket at a local path or a URL (``s3://``, ``gs://``, ``az://``, ``memory://``).

    Credentials and endpoints of object stores come from the environment (``AWS_ACCESS_KEY_ID``,
    ``AWS_ENDPOINT_URL``, ``GOOGLE_APPLICATION_CREDENTIALS``, …), as obstore documents them.
    """
    from radstore.store.local import LocalBucket
    from radstore.store.remote import RemoteBucket

    text = os.fspath(location)
    if "://" in text and not text.startswith("file://"):
        return RemoteBucket(text)
    return LocalBucket(Path(text.removeprefix("file://")).expanduser())


def for_each(bucket: Bucket, function: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """`function` of every item, in order; many at once where each waits for the network."""
    if bucket.lanes == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(bucket.lanes, thread_name_prefix="radstore-bucket") as pool:
        return list(pool.map(function, items))
