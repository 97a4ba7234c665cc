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
from radstore.images.read import SUFFIXES
from radstore.store import layout
from radstore.store.bucket import Bucket

# A file changed within this many seconds may change again without its time showing it.
RACY = 2.0

# In the header of a MetaImage or NRRD file, which a blank line ends: where the voxels lie.
_HEADERS = (".mha", ".mhd", ".nrrd", ".nhdr")
_HEADER_BYTES = 1 << 16
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
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
        except (FileNotFoundError, ValueError, TypeError):  # not there, or damaged: as good as not there
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
    """Every file an image consists of: a DICOM series' folder; a header and the data files it names.

    Raises
    ------
    OSError
        If `path` is not there.
    """
    name = path.name.lower()
    if name.endswith(_HEADERS):
        return [path, *_data_files(path)]
    if name.endswith(SUFFIXES):
        return [path]
    folder = path if path.is_dir() else path.parent  # one file of a series stands for all of it
    return sorted(file for file in folder.iterdir() if file.is_file())


def _data_files(path: Path) -> list[Path]:
    with path.open("rb") as file:
        header = _BLANK_LINE.split(file.read(_HEADER_BYTES), maxsplit=1)[0]
    named = _DATA_FILE.search(header)
    data = named[1].decode(errors="replace") if named else "LOCAL"
    if data.upper() == "LOCAL":
        return []
    if data.upper().startswith("LIST") or "%" in data:  # several: any of those beside it
        return sorted(file for file in path.parent.iterdir() if file.is_file() and file != path)
    return [path.parent / data]


def _stat(file: Path) -> list[object]:
    stat = file.stat()
    return [str(file.absolute()), stat.st_size, stat.st_mtime_ns]
