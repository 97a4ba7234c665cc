"""The log of versions: commits that are never lost, and tags that never move.

A commit creates ``log/n+1`` exclusively. Whoever loses the race reads what the winner wrote, merges its
own changes into it case by case, and tries again; so every acknowledged commit is in the log, however many
builders there are.
"""

from __future__ import annotations

import contextlib
import getpass
import platform
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import radstore
from radstore.errors import ConflictError, StoreError
from radstore.store import layout, lease
from radstore.store.blocks import find
from radstore.store.bucket import Bucket, for_each
from radstore.store.manifest import CaseRecord, Manifest
from radstore.store.merge import MergeConflict, merge_case


@dataclass(frozen=True)
class Version:
    """One log entry.

    Parameters
    ----------
    number
        1, 2, 3, …; 0 is the empty version before the first commit.
    parent
        The version it was merged into; older ones may have expired.
    manifest
        Name of its manifest root.
    message, author, time
        Why, who, when (Unix seconds).
    nonce
        Unique to the commit: tells a retried request that the entry it finds is its own.
    build
        What was built: ``view``, ``spec`` (normalised), ``region``, ``engine``; another commit keeps its
        parent's.
    marks
        Mark → how the cases came by it (for ``fold``: k, seed, strata, …); what a commit does not say it
        takes over from its parent.
    changed
        How many cases it changed.
    code
        The radstore that wrote it.
    """

    number: int
    parent: int
    manifest: str
    message: str = ""
    author: str = ""
    time: float = 0.0
    nonce: str = ""
    build: Mapping[str, Any] = field(default_factory=dict)
    changed: int = 0
    code: str = radstore.__version__
    marks: Mapping[str, Any] = field(default_factory=dict)


EMPTY = Version(0, 0, "")
RESTORE = "Restore this file from a copy; or delete it, if the version before it will do."
RETAG = "Delete this file, then name the version again with `radstore tag`."
_TAG_NAME = re.compile(r"[^\W_][\w.-]{0,99}")


@dataclass(frozen=True)
class Change:
    """One case's change: what it was when we began, and what we made of it."""

    base: CaseRecord | None
    ours: CaseRecord | None


@dataclass(frozen=True)
class Commit:
    """What became of a commit.

    Parameters
    ----------
    version
        The version that holds it; the head as it was if there was nothing to change.
    conflicts
        Case → why it was held back: someone else committed another result for it.
    vanished
        Cases held back because gc deleted a block of theirs meanwhile; build them again.
    written
        Whether a version was added; False if the log said all of it already.
    """

    version: Version
    conflicts: Mapping[str, ConflictError] = field(default_factory=dict)
    vanished: tuple[str, ...] = ()
    written: bool = False


def numbers(bucket: Bucket) -> list[int]:
    """The version numbers that are in the log, ascending."""
    names = (stat.path.removeprefix(layout.LOG).removesuffix(".json") for stat in bucket.list(layout.LOG))
    return sorted(int(name) for name in names if name.isdecimal())


def read(bucket: Bucket, number: int) -> Version:
    """The log entry of a version.

    Raises
    ------
    StoreError
        If there is no such version, or it has expired.
    """
    try:
        return _load(bucket, number)
    except FileNotFoundError as error:
        there = numbers(bucket)
        known = f"versions {there[0]} to {there[-1]} are there" if there else "no version is there yet"
        raise StoreError(
            f"{bucket.location}: no version {number} ({known})", "See `radstore log`."
        ) from error


def _load(bucket: Bucket, number: int) -> Version:
    return Version(**layout.read_json(bucket, layout.log_entry(number), RESTORE)) if number else EMPTY


def head(bucket: Bucket) -> Version:
    """The latest version."""
    while True:
        there = numbers(bucket)
        # a version can expire between the two looks, but then a newer one is there
        with contextlib.suppress(FileNotFoundError):
            return _load(bucket, there[-1] if there else 0)


def history(bucket: Bucket, *, after: int = 0) -> list[Version]:
    """Every version in the log behind number `after`, newest first."""

    def load(number: int) -> Version | None:
        with contextlib.suppress(FileNotFoundError):  # expired since we listed it
            return _load(bucket, number)
        return None

    there = reversed([number for number in numbers(bucket) if number > after])
    return [version for version in for_each(bucket, load, there) if version]


def commit(
    bucket: Bucket,
    changes: Mapping[str, Change],
    *,
    message: str = "",
    build: Mapping[str, Any] | None = None,
    marks: Mapping[str, Any] | None = None,
) -> Commit:
    """Add changes to the log as a new version.

    Nothing is written if the log says the same already. Blocks the changes name must be published before.

    Returns
    -------
    Commit
        With the cases that were held back; those do not stop the others.
    """
    while True:
        with lease.committing(bucket) as flag:  # gc deletes nothing between our look and the log entry
            done = _commit(bucket, changes, message, build or {}, marks or {}, flag)
        if done:
            return done


def _commit(
    bucket: Bucket,
    changes: Mapping[str, Change],
    message: str,
    build: Mapping[str, Any],
    marks: Mapping[str, Any],
    flag: lease.Held,
) -> Commit | None:
    """One commit under one lease; None if the lease ran out before it was done."""
    nonce = uuid.uuid4().hex
    present, vanished = _split_vanished(bucket, changes)
    while flag.fresh:
        parent = head(bucket)
        base = Manifest(bucket, parent.manifest)
        merged, conflicts = _merge_into(base, present)
        if not merged and {**parent.marks, **marks} == dict(parent.marks):
            return Commit(parent, conflicts, vanished)
        version = Version(
            number=parent.number + 1,
            parent=parent.number,
            manifest=base.with_cases(merged).sha,
            message=message,
            author=f"{_user()}@{platform.node()}",
            time=time.time(),
            nonce=nonce,
            build=dict(build or parent.build),
            changed=len(merged),
            marks={**parent.marks, **marks},
        )
        if _create(bucket, version):
            return Commit(version, conflicts, vanished, written=True)
    return None


def _create(bucket: Bucket, version: Version) -> bool:
    path = layout.log_entry(version.number)
    if bucket.create(path, layout.to_json(vars(version))):
        return True
    return bool(layout.read_json(bucket, path, RESTORE)["nonce"] == version.nonce)


def _split_vanished(
    bucket: Bucket, changes: Mapping[str, Change]
) -> tuple[dict[str, Change], tuple[str, ...]]:
    there = for_each(bucket, lambda change: _blocks_are_there(bucket, change), changes.values())
    present = {case: changes[case] for case, all_there in zip(changes, there, strict=True) if all_there}
    return present, tuple(sorted(set(changes) - set(present)))


def _blocks_are_there(bucket: Bucket, change: Change) -> bool:
    """Whether every block that the change newly names is there, with the content it says."""
    before = change.base.blocks if change.base else {}
    named = change.ours.blocks if change.ours else {}
    return all(
        find(bucket, layout.object_folder(entry.key)) == entry.digest
        for name, entry in named.items()
        if entry.ok and not (name in before and before[name].identity == entry.identity)
    )


def _merge_into(
    manifest: Manifest, changes: Mapping[str, Change]
) -> tuple[dict[str, CaseRecord | None], dict[str, ConflictError]]:
    merged: dict[str, CaseRecord | None] = {}
    conflicts = {}
    for case, change in changes.items():
        theirs = manifest.get(case)
        try:
            record = merge_case(change.base, change.ours, theirs)
        except MergeConflict as conflict:
            conflicts[case] = ConflictError(
                f"case {case}, {conflict.name}: ours {conflict.ours}, committed meanwhile {conflict.theirs}",
                "Two builds gave this case different results under one name: look at both with "
                "`radstore log`, then build the case again with the settings you mean.",
            )
            continue
        if record != theirs:
            merged[case] = record
    return merged, conflicts


def tag(bucket: Bucket, name: str, version: Version) -> None:
    """Name a version for good.

    Raises
    ------
    StoreError
        If the name is not usable, or is taken by another version.
    """
    if not _TAG_NAME.fullmatch(name) or name.isdecimal():
        raise StoreError(
            f"{name!r}: not a tag name",
            "Use at most 100 letters, digits, '.', '-', '_', beginning with a letter or digit; not a number.",
        )
    if version.number == 0:
        raise StoreError(f"{bucket.location}: nothing to tag, no version yet", "Run `radstore build` first.")
    content = {"version": version.number, "manifest": version.manifest, "time": time.time()}
    with lease.committing(bucket):  # it cannot expire between our look and the tag
        read(bucket, version.number)
        if not bucket.create(layout.tag(name), layout.to_json(content)):
            _refuse_to_move(bucket, name, version)


def _refuse_to_move(bucket: Bucket, name: str, version: Version) -> None:
    taken = tags(bucket)[name]
    if taken != version.number:
        raise StoreError(
            f"tag {name!r} names version {taken} already; tags do not move",
            f"Choose another name for version {version.number}.",
        )


def tags(bucket: Bucket) -> dict[str, int]:
    """Tag → version number."""
    files = [stat.path for stat in bucket.list(layout.TAGS) if stat.path.endswith(".json")]
    names = sorted(path.removeprefix(layout.TAGS).removesuffix(".json") for path in files)
    contents = for_each(bucket, lambda name: layout.read_json(bucket, layout.tag(name), RETAG), names)
    return {name: int(content["version"]) for name, content in zip(names, contents, strict=True)}


def resolve(bucket: Bucket, version: str | int | None) -> Version:
    """The version a user means: a tag, a number (``42`` or ``v42``), or None for the latest.

    Raises
    ------
    StoreError
        If there is no such version or tag.
    """
    if version is None:
        return head(bucket)
    if isinstance(version, int):
        return read(bucket, version)
    named = tags(bucket)
    if version in named:
        return read(bucket, named[version])
    if version.removeprefix("v").isdecimal():
        return read(bucket, int(version.removeprefix("v")))
    known = f"tags: {', '.join(named)}" if named else "there are no tags"
    raise StoreError(f"{bucket.location}: no version or tag {version!r} ({known})", "See `radstore log`.")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a passwd entry
        return "unknown"
