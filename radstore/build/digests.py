"""What lies in a file without decoding it: (path, size, time of change) → content digest.

A digest is what keys are made of, so it needs the decoded voxels. A cohort that did not change should not
be decoded again to learn that: the store keeps the digests of the files it has seen. The cache can be
deleted at any time, and ``--rehash`` ignores it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from radstore.canonical import digest_of
from radstore.store import layout
from radstore.store.bucket import Bucket

# A file changed within this many seconds may change again without its time showing it.
RACY = 2.0

# In the header of an .mhd or .nhdr file: where the voxels lie.
_DATA_FILE = re.compile(rb"^\s*(?:ElementDataFile\s*=|data ?file:)\s*(\S.*?)\s*$", re.I | re.M)


class DigestCache:
    """Fingerprint → digest, read once and written back at the end of a build.

    Parameters
    ----------
    bucket
        The store's bytes.
    ignore
        Begin empty (``--rehash``); what is learnt is still written.
    """

    def __init__(self, bucket: Bucket, *, ignore: bool = False) -> None:
        self._bucket = bucket
        self._known = {} if ignore else self._read()
        self._learnt: dict[str, str] = {}

    def get(self, fingerprint: str | None) -> str | None:
        """The digest behind a fingerprint, if it is known."""
        return self._known.get(fingerprint) if fingerprint else None

    def learn(self, digests: Mapping[str, str]) -> None:
        """Add fingerprints with their digests."""
        self._learnt.update(digests)
        self._known.update(digests)

    def save(self) -> None:
        """Write what was learnt, beside what other builds have written meanwhile."""
        if self._learnt:
            merged = {**self._read(), **self._learnt}
            self._bucket.write(layout.DIGESTS, layout.to_json(merged))
            self._learnt = {}

    def _read(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._bucket.read(layout.DIGESTS)))
        except (FileNotFoundError, ValueError):  # not there yet; or damaged, and then as good as not there
            return {}


def fingerprint(paths: Iterable[Path], *context: object) -> str | None:
    """What can be seen of files without reading them, hashed with `context`.

    Returns
    -------
    str or None
        None if a file is not there.
    """
    try:
        stats = [_stat(file) for path in paths for file in files_of(path)]
    except OSError:
        return None
    return digest_of([stats, *context])


def is_settled(paths: Iterable[Path]) -> bool:
    """Whether the files were left alone long enough for their fingerprint to be trusted."""
    try:
        newest = max(file.stat().st_mtime for path in paths for file in files_of(path))
    except (OSError, ValueError):
        return False
    return time.time() - newest > RACY


def files_of(path: Path) -> list[Path]:
    """Every file an image consists of: a series folder's files; a header and the data file it names."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file())
    if path.suffix.lower() in (".mhd", ".nhdr"):
        with path.open("rb") as file:
            named = _DATA_FILE.search(file.read(4096))
        data = path.parent / named.group(1).decode(errors="replace") if named else path
        return [path, data] if data.is_file() and data != path else [path]
    return [path]


def _stat(file: Path) -> list[object]:
    stat = file.stat()
    return [str(file.absolute()), stat.st_size, stat.st_mtime_ns]
