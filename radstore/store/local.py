"""A bucket in a local folder, durable: what a call acknowledged survives a power cut.

Every file and every folder is fsynced before the call returns (an obstore local ``put`` does not do that).
A file is written aside and moved, or linked, to its place, so nobody sees half of it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from radstore.errors import StoreError
from radstore.store.bucket import STAGING, Stat

if TYPE_CHECKING:
    from zarr.abc.store import Store as ZarrStore

PRUNED = 20  # how often gc may remove a folder, still empty, between our making it and our writing into it

T = TypeVar("T")


class LocalBucket:
    """A folder on a file system with hard links and fsync.

    Parameters
    ----------
    root
        The folder; made on the first write.
    """

    lanes = 1

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100  (resolve() would follow the user's links)
        self.location = str(self.root)

    def __repr__(self) -> str:
        return f"LocalBucket({self.location!r})"

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        target = self.root / path
        with self._staged(data) as staged:
            self._within(target.parent, lambda: _move(staged, target))

    def create(self, path: str, data: bytes) -> bool:
        target = self.root / path
        if target.exists():
            return False
        with self._staged(data) as staged:
            return self._within(target.parent, lambda: _link(staged, target))

    def write_tree(self, prefix: str, files: Mapping[str, bytes]) -> None:
        folders = set()
        for name, data in files.items():
            target = self.root / prefix / name
            self._write_new(target, data)
            folders.add(target.parent)
        for folder in folders:
            _fsync_folder(folder)

    def exists(self, path: str) -> bool:
        return (self.root / path).is_file()

    def list(self, prefix: str) -> Iterator[Stat]:
        for folder, _, names in os.walk(self.root / prefix, onerror=self._unreadable):
            for name in names:
                file = Path(folder) / name
                with contextlib.suppress(FileNotFoundError):  # deleted while we walk
                    stat = file.stat()
                    yield Stat(file.relative_to(self.root).as_posix(), stat.st_size, stat.st_mtime)

    def delete(self, path: str) -> None:
        try:
            (self.root / path).unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def prune(self, prefix: str) -> None:
        for folder, _, _ in os.walk(self.root / prefix, topdown=False):
            with contextlib.suppress(OSError):  # not empty, or gone: someone else's business
                Path(folder).rmdir()

    def zarr(self) -> ZarrStore:
        from zarr.storage import LocalStore

        from radstore.store.complete import CompleteStore

        return CompleteStore(LocalStore(self.root, read_only=True))

    @contextlib.contextmanager
    def _staged(self, data: bytes) -> Iterator[Path]:
        staged = self.root / STAGING / uuid.uuid4().hex
        self._write_new(staged, data)
        try:
            yield staged
        finally:
            staged.unlink(missing_ok=True)

    def _write_new(self, path: Path, data: bytes) -> None:
        self._within(path.parent, lambda: _write_synced(path, data))

    def _within(self, folder: Path, action: Callable[[], T]) -> T:
        """Do something in a folder, which is made if it is not there, and make its name durable too."""
        for attempt in range(PRUNED):
            try:
                parents = _make_folder(folder)
                done = action()
                for parent in parents:
                    _fsync_folder(parent)
                return done
            except FileNotFoundError as error:  # gc pruned the folder under us: make it again
                gone = error
                time.sleep(0.001 * attempt)
            except OSError as error:
                raise self._unwritable(error) from error
        raise self._unwritable(gone) from gone

    def _unwritable(self, error: OSError) -> StoreError:
        if error.errno in (errno.EPERM, errno.ENOTSUP, errno.EMLINK) and error.filename2:
            return StoreError(
                f"{self.location}: this file system has no hard links ({error.strerror})",
                "Keep the store on a native file system (ext4, xfs, apfs, ntfs, nfs) or on s3://.",
            )
        return StoreError(
            f"{self.location}: cannot write here ({error.strerror}: {error.filename})",
            "Choose a folder you may write to with --store, or mend its permissions or free space.",
        )

    def _unreadable(self, error: OSError) -> None:
        """What cannot be listed must not look empty: gc would take all it names for garbage."""
        if not isinstance(error, FileNotFoundError):
            raise StoreError(
                f"{self.location}: cannot be listed ({error.strerror}: {error.filename})",
                "Mend the folder's permissions, or the file system.",
            ) from error


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _move(staged: Path, target: Path) -> None:
    os.replace(staged, target)  # noqa: PTH105
    _fsync_folder(target.parent)


def _link(staged: Path, target: Path) -> bool:
    try:
        os.link(staged, target)
    except FileExistsError:
        return False
    _fsync_folder(target.parent)
    return True


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder; which folders have got a new name in them."""
    if folder.is_dir():
        return []
    missing = [folder, *(p for p in folder.parents if not p.exists())]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        if folder.is_file():
            raise
        raise FileNotFoundError(*error.args) from error  # it was there, and was pruned at once
    return [made.parent for made in missing]


def _fsync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; NTFS journals its entries
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
