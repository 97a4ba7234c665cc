"""A bucket under a prefix of an object store (S3, GCS, Azure), through obstore."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from radstore.errors import StoreError
from radstore.store.bucket import Stat, for_each

if TYPE_CHECKING:
    from zarr.abc.store import Store as ZarrStore


_started_in: int | None = None  # the process whose threads obstore works with


def refuse_fork() -> None:
    """Say what would otherwise hang: obstore's threads do not live on in a forked process.

    Raises
    ------
    StoreError
        In a process that was forked from one which had used an object store.
    """
    global _started_in
    _started_in = _started_in or os.getpid()
    if _started_in != os.getpid():
        raise StoreError(
            "an object store cannot be used in a process forked from one that had used it",
            "Start workers with multiprocessing_context='spawn' or 'forkserver', or use a local copy.",
        )


class RemoteBucket:
    """A prefix on an object store, through obstore.

    Parameters
    ----------
    url
        E.g. ``s3://bucket/prefix``. ``memory://`` is a store of this process alone, for tests.
    """

    lanes = 32

    def __init__(self, url: str) -> None:
        from obstore.exceptions import BaseError

        self.location = url.rstrip("/")
        try:
            self._store: Any = self._open()
        except (BaseError, ValueError) as error:
            raise StoreError(
                f"{url}: not a store address ({_first_line(error)})",
                "Give a folder, or s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
            ) from error

    def _open(self) -> Any:
        from obstore.store import from_url

        return from_url(self.location)

    def __repr__(self) -> str:
        return f"RemoteBucket({self.location!r})"

    def __getstate__(self) -> dict[str, str]:
        return {"location": self.location}  # never ship an open handle to another process

    def __setstate__(self, state: dict[str, str]) -> None:
        self.location = state["location"]
        self._store = self._open()

    def read(self, path: str) -> bytes:
        import obstore

        with self._explained():
            return bytes(obstore.get(self._store, path).bytes())

    def write(self, path: str, data: bytes) -> None:
        with self._explained():
            self._put(path, data, mode="overwrite")

    def create(self, path: str, data: bytes) -> bool:
        from obstore.exceptions import AlreadyExistsError

        with self._explained():
            try:
                self._put(path, data, mode="create")
                return True
            except AlreadyExistsError:
                with contextlib.suppress(FileNotFoundError):  # deleted since: it was not ours
                    # a retried request may find its own first try: that is a success, not a loss
                    return self.read(path) == data
                return False

    def _put(self, path: str, data: bytes, *, mode: Any) -> None:
        import obstore

        try:
            obstore.put(self._store, path, data, mode=mode)
        except FileNotFoundError as error:  # not the object: the bucket
            raise StoreError(
                f"{self.location}: no such bucket ({_first_line(error)})",
                "Make the bucket first, or check the address and the endpoint in the environment.",
            ) from error

    def write_tree(self, prefix: str, files: Mapping[str, bytes]) -> None:
        for_each(self, lambda name: self.write(f"{prefix}/{name}", files[name]), files)

    def exists(self, path: str) -> bool:
        import obstore

        with self._explained():
            try:
                obstore.head(self._store, path)
            except FileNotFoundError:
                return False
            return True

    def list(self, prefix: str) -> Iterator[Stat]:
        import obstore

        with self._explained():
            for batch in obstore.list(self._store, prefix):
                for meta in batch:
                    yield Stat(meta["path"], meta["size"], meta["last_modified"].timestamp())

    def delete(self, path: str) -> None:
        import obstore

        with self._explained(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, path)

    def prune(self, prefix: str) -> None:
        """An object store has no folders."""

    def zarr(self) -> ZarrStore:
        from zarr.storage import ObjectStore

        from radstore.store.complete import CompleteStore

        return CompleteStore(ObjectStore(self._store, read_only=True))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        refuse_fork()
        try:
            yield
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            raise StoreError(
                f"{self.location}: {_first_line(error)}",
                "Check the address, the credentials and the endpoint in the environment.",
            ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
