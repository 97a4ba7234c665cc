"""Where everything lies in a store, and the marker that says it is one.

radstore.json                   format version, codec policy; written once
objects/ab/<key>/<nonce>.zarr/  a block; written whole, then named by
objects/ab/<key>/block.json     its pointer: which nonce, which digest; created exclusively
manifests/<sha>.json.gz         manifest roots and shards
log/00000042.json               commits; created exclusively
tags/<name>.json                created exclusively
cache/tables/<manifest>/        a version's features as one table; derived, disposable
cache/digests.json              (path, size, mtime) → content digest; derived, disposable
leases/, staging/               who is using what; what is being written
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from radstore.errors import CorruptBlock, StoreError
from radstore.store.bucket import STAGING, Bucket
from radstore.store.local import LocalBucket

FORMAT = 1
MARKER = "radstore.json"
POINTER = "block.json"  # in a block's folder: which nonce is the block
LOG = "log/"
TAGS = "tags/"
OBJECTS = "objects/"
MANIFESTS = "manifests/"
LEASES = "leases/"
TABLES = "cache/tables/"
DIGESTS = "cache/digests.json"


def object_folder(key: str) -> str:
    """The folder of the block with this key."""
    return f"{OBJECTS}{key[:2]}/{key}"


def table_folder(manifest_sha: str, view: str) -> str:
    """The folder of a version's cached feature table."""
    return f"{TABLES}{manifest_sha}/{view}"


def log_entry(version: int) -> str:
    """The log entry of a version."""
    return f"{LOG}{version:08d}.json"


def tag(name: str) -> str:
    """The file of a tag."""
    return f"{TAGS}{name}.json"


def manifest(sha: str) -> str:
    """A manifest root or shard."""
    return f"{MANIFESTS}{sha}.json.gz"


def to_json(value: Any) -> bytes:
    """JSON for people: indented, keys sorted, one newline at the end."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_json(bucket: Bucket, path: str, remedy: str) -> dict[str, Any]:
    """A JSON object that the store wrote.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    CorruptBlock
        If it is damaged; `remedy` says what to do then.
    """
    try:
        value = json.loads(bucket.read(path))
        if not isinstance(value, dict):
            raise ValueError("no JSON object")
        return value
    except ValueError as error:
        raise CorruptBlock(f"{bucket.location}/{path}: cannot be read ({error})", remedy) from error


def is_store(bucket: Bucket) -> bool:
    """Whether a store of a format this program reads lies here.

    Raises
    ------
    StoreError
        If something else lies here, or a store of a newer format.
    """
    try:
        marker = json.loads(bucket.read(MARKER))
        version = int(marker["format"])
    except FileNotFoundError:
        _refuse_foreign(bucket)
        return False
    except NotADirectoryError as error:
        raise StoreError(f"{bucket.location}: a file, not a folder", "Name a folder with --store.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{bucket.location}/{MARKER}: not a radstore marker ({error})",
            "This folder belongs to something else; name another with --store.",
        ) from error
    except OSError as error:
        raise StoreError(
            f"{bucket.location}: cannot be read ({error.strerror})", "Name a folder that you may read."
        ) from error
    if version > FORMAT:
        raise StoreError(
            f"{bucket.location}: store format {version}; this radstore reads up to {FORMAT}",
            "Upgrade radstore (pip install --upgrade radstore).",
        )
    return True


def create(bucket: Bucket, codec: dict[str, Any]) -> None:
    """Make an empty store here, or do nothing where there is one.

    Raises
    ------
    StoreError
        If the place is taken by something else or cannot be written.
    """
    if not is_store(bucket):
        _refuse_unsafe(bucket)
        bucket.create(MARKER, to_json({"format": FORMAT, "codec": codec}))


def _refuse_foreign(bucket: Bucket) -> None:
    if isinstance(bucket, LocalBucket):
        found = _found_locally(bucket.root)
    else:
        found = next((s.path for s in bucket.list("") if not s.path.startswith(f"{STAGING}/")), None)
    if found:
        raise StoreError(
            f"{bucket.location}: not a radstore (no {MARKER}, but {found} lies here)",
            "Name an empty or new folder with --store.",
        )


def _found_locally(root: Path) -> str | None:
    try:
        return min((path.name for path in root.iterdir() if path.name != STAGING), default=None)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            f"{root}: cannot be read ({error.strerror})", "Name a folder that you may read."
        ) from error


def _refuse_unsafe(bucket: Bucket) -> None:
    """Some S3 look-alikes ignore the condition of a put; two builders would overwrite each other there."""
    probe = f"{STAGING}/{uuid.uuid4().hex}"
    first, second = bucket.create(probe, b"first"), bucket.create(probe, b"second")
    bucket.delete(probe)
    if not first or second:
        raise StoreError(
            f"{bucket.location}: this place does not create exclusively (it wrote over an object that it was "
            "asked not to)",
            "Keep it in a folder, or on an object store with conditional writes (S3, GCS, Azure, MinIO).",
        )
