"""Manifests: which block each case has under each name.

A version's manifest is a root of up to 256 shards, by hash of the case id. Roots and shards are named by
their content, so versions share what did not change, and a commit of one case writes one shard and a root.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any, Literal

from radstore.canonical import canonical
from radstore.errors import CorruptBlock, StoreError
from radstore.store import layout
from radstore.store.bucket import Bucket, for_each

RESTORE = "Restore this file from a copy; or delete it and the log entries that need it, and build again."

FOLD, SPLIT, VOXELS = MARKS = ("fold", "split", "lesion_voxels")
"""Marks of a case: its fold, the id of the split that made it, its lesion's size in voxels."""


@dataclass(frozen=True)
class Entry:
    """What a manifest says of one block of one case.

    Parameters
    ----------
    key
        The block's key; of a failure, the key it would have had (another key is worth another try).
    status
        ``ok`` or ``failed``.
    digest, shape, spacing
        Of the block: content digest, main array's shape, voxel spacing (x, y, z) in mm.
    engine, device
        Who computed it, where.
    spec
        Hash of the spec it was computed from.
    undefined
        How many of its features could not be computed (each is named in the block, with the reason).
    error
        Of a failure: ``step``, ``message``, ``remedy``.
    origin
        Of a region that `radstore.store.regions` keeps: where it came from (``model``, ``held_out``, …).
        None for what builds make.
    voxels
        Of such a region: the digest of its voxels and grid.
    """

    key: str
    status: Literal["ok", "failed"] = "ok"
    digest: str = ""
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    engine: str = ""
    device: str = ""
    spec: str = ""
    undefined: int = 0
    error: Mapping[str, str] | None = None
    origin: Mapping[str, Any] | None = None
    voxels: str = ""

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @property
    def identity(self) -> tuple[str, str, str]:
        """What must be equal for two entries to say the same: who computed it does not matter."""
        return self.status, self.key, self.digest

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value not in ("", (), None, 0)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Entry:
        """The inverse of `to_json`."""
        known = {f.name for f in fields(cls)}
        given: dict[str, Any] = {name: item for name, item in value.items() if name in known}
        for name in ("shape", "spacing"):  # JSON has no tuples
            if name in given:
                given[name] = tuple(given[name])
        return cls(**given)


@dataclass(frozen=True)
class CaseRecord:
    """What a manifest says of one case.

    Parameters
    ----------
    info
        ``patient``, ``source`` and the table's columns: what becomes coords of the features.
    blocks
        Block name (``image``, ``region/pancreas``, ``features/selected@pancreas``, …) → entry.
    marks
        What the store's own verbs said of the case: ``fold``, ``lesion_voxels``, …. Builds keep them, and
        they become coords too; how they came about stands in the version's log entry.
    """

    info: Mapping[str, Any] = field(default_factory=dict)
    blocks: Mapping[str, Entry] = field(default_factory=dict)
    marks: Mapping[str, Any] = field(default_factory=dict)

    def has(self, name: str, key: str, spec: str = "") -> bool:
        """Whether the case has the block with this key under this name, and as one of this spec.

        Two specs that give the same numbers share a key; only the entry says which one is meant.
        """
        entry = self.blocks.get(name)
        return entry is not None and entry.ok and (entry.key, entry.spec) == (key, spec)

    def to_json(self) -> dict[str, Any]:
        return {
            "info": dict(self.info),
            "blocks": {name: entry.to_json() for name, entry in self.blocks.items()},
            **({"marks": dict(self.marks)} if self.marks else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CaseRecord:
        blocks = {name: Entry.from_json(entry) for name, entry in value["blocks"].items()}
        return cls(value["info"], blocks, value.get("marks", {}))


class Manifest:
    """The manifest of one version, its shards read when asked for.

    Parameters
    ----------
    bucket
        The store's bytes.
    sha
        The root's name; empty for the version before the first commit.

    Raises
    ------
    StoreError
        If it, or a shard when it is read, is not there.
    CorruptBlock
        If its bytes were damaged.
    """

    def __init__(self, bucket: Bucket, sha: str = "") -> None:
        self.sha = sha
        self._bucket = bucket
        self._root: dict[str, str] = _read(bucket, sha) if sha else {}

    def get(self, case: str) -> CaseRecord | None:
        """The record of a case, or None."""
        return self._shard(_shard_of(case)).get(case)

    def items(self) -> Iterator[tuple[str, CaseRecord]]:
        """Every case with its record, sorted by case id."""
        shards = for_each(self._bucket, self._shard, self._root)
        return iter(sorted((item for shard in shards for item in shard.items()), key=lambda item: item[0]))

    def with_cases(self, changed: Mapping[str, CaseRecord | None]) -> Manifest:
        """A manifest with the given cases replaced (None removes one); written, and returned."""
        by_shard: dict[str, dict[str, CaseRecord | None]] = {}
        for case, record in changed.items():
            by_shard.setdefault(_shard_of(case), {})[case] = record
        shas = for_each(self._bucket, lambda item: self._write_shard(*item), by_shard.items())
        root = {**self._root, **dict(zip(by_shard, shas, strict=True))}
        return Manifest(self._bucket, _write(self._bucket, {name: sha for name, sha in root.items() if sha}))

    @property
    def shards(self) -> list[str]:
        """The shas of its shards; see `read_shard`."""
        return list(self._root.values())

    def _shard(self, name: str) -> Mapping[str, CaseRecord]:
        sha = self._root.get(name)
        return read_shard(self._bucket, sha) if sha else {}

    def _write_shard(self, name: str, changed: Mapping[str, CaseRecord | None]) -> str:
        """The sha of a shard after the change; empty if no case is left in it."""
        cases = {**self._shard(name), **changed}
        left = {case: record.to_json() for case, record in cases.items() if record is not None}
        return _write(self._bucket, left) if left else ""


@lru_cache(maxsize=512)  # shards are immutable: a decoded one serves every version that shares it
def read_shard(bucket: Bucket, sha: str) -> Mapping[str, CaseRecord]:
    """The cases of one shard; raises as `Manifest` does."""
    return {case: CaseRecord.from_json(record) for case, record in _read(bucket, sha).items()}


def write_record(bucket: Bucket, value: Mapping[str, Any]) -> str:
    """Keep plain JSON beside the manifests, under the sha of its content, which is returned."""
    return _write(bucket, value)


def read_record(bucket: Bucket, sha: str) -> dict[str, Any]:
    """What `write_record` kept; raises as `Manifest` does."""
    return _read(bucket, sha)


def _shard_of(case: str) -> str:
    return hashlib.sha256(case.encode()).hexdigest()[:2]


def _read(bucket: Bucket, sha: str) -> dict[str, Any]:
    path = layout.manifest(sha)
    try:
        data = gzip.decompress(bucket.read(path))
    except FileNotFoundError as error:
        raise StoreError(
            f"{bucket.location}: {path} is not there: its version was expired and collected",
            "Open another version, see `radstore log`.",
        ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CorruptBlock(f"{bucket.location}/{path}: cannot be read ({error})", RESTORE) from error
    if hashlib.sha256(data).hexdigest() != sha:
        raise CorruptBlock(f"{bucket.location}/{path}: holds something else than its name says", RESTORE)
    return json.loads(data)


def _write(bucket: Bucket, value: Mapping[str, Any]) -> str:
    data = canonical(value)
    sha = hashlib.sha256(data).hexdigest()
    bucket.create(layout.manifest(sha), gzip.compress(data, mtime=0))
    return sha
