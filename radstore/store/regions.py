"""Regions that a store keeps: masks that a model predicted, beside those that builds read from label files.

Such a mask is a block of kind ``region`` under the name ``region/<name>``. Its key is made of the mask and of
where it came from, so that the block's attributes and the manifest's entry both tell the model of this very
case, even where two models drew the same voxels. What is computed in a region depends on its voxels alone:
the same mask of a newer model computes nothing anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

import radstore
from radstore.canonical import canonical, digest_of
from radstore.catalog import is_implicit_region
from radstore.errors import RegionError, StoreError
from radstore.images.digest import volume_digest
from radstore.images.volume import Geometry, Volume
from radstore.store import blocks, layout, lease, log
from radstore.store.blocks import Block
from radstore.store.bucket import Bucket
from radstore.store.kept import IMAGE, grid_of, require_grid
from radstore.store.log import Change, Commit
from radstore.store.manifest import CaseRecord, Entry, Manifest
from radstore.store.query import Snapshot, open_existing
from radstore.store.table import REGION

_NAME = re.compile(r"[^\W_][\w.-]{0,99}")


@dataclass(frozen=True, eq=False)
class StoredRegion:
    """A mask and where it came from.

    Parameters
    ----------
    mask
        uint8 (or bool), 0 or 1, on the whole grid of its image.
    provenance
        Plain JSON. The store itself knows ``image``, the `volume_digest` of the image the mask was made for:
        a build refuses it for any other image. ``radstore show`` prints ``note``: what everybody should know
        of this mask, in words. The rest is the maker's: ``model``, ``held_out``, ….
    """

    mask: Volume
    provenance: Mapping[str, Any] = field(default_factory=dict)


def keep_regions(
    store: str | os.PathLike[str] | Bucket,
    name: str,
    regions: Mapping[str, StoredRegion],
    *,
    message: str = "",
    info: Mapping[str, Mapping[str, Any]] | None = None,
) -> Commit:
    """Keep masks of cases under one name, and commit that.

    Parameters
    ----------
    store, name, info
        As for `Keeper`.
    regions
        Case → mask. What is kept under the name for these cases is replaced.
    message
        Why; stands in the log.

    Returns
    -------
    Commit
        With the cases that were held back because someone else kept another mask for them meanwhile.

    Raises
    ------
    StoreError, RegionError
        As `Keeper` does. Nothing is committed then.
    """
    with Keeper(store, name, info=info) as keeper:
        for case, region in regions.items():
            keeper.keep(case, region)
        return keeper.commit(message)


class Keeper:
    """Keeps masks under one name, one by one, and commits them when told to. A context: it holds a lease.

    Parameters
    ----------
    store
        Path, URL or bucket of a store that is there.
    name
        Of the region: letters, digits, ``.``, ``-``, ``_``.
    info
        Case → ``patient``, ``source`` and columns, for cases that the store does not know yet
        (`radstore.build.outcome.case_info`).

    Raises
    ------
    StoreError
        If there is no store, or the name cannot be used or belongs to a region of label files.
    """

    def __init__(
        self,
        store: str | os.PathLike[str] | Bucket,
        name: str,
        *,
        info: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.bucket = open_existing(store) if isinstance(store, str | os.PathLike) else store
        self.name, self._info = name, info or {}
        self._manifest = self._latest()
        self._pending: dict[str, Entry] = {}
        self._lease = ExitStack()
        _require_free(name, self._manifest, self.bucket)

    def __enter__(self) -> Self:
        self._lease.enter_context(lease.building(self.bucket))
        return self

    def __exit__(self, *raised: object) -> None:
        self._lease.close()

    def __len__(self) -> int:
        """How many cases are not committed yet."""
        return len(self._pending)

    def keep(self, case: str, region: StoredRegion) -> None:
        """Publish the mask of a case.

        Raises
        ------
        RegionError
            If it is empty, no mask, or does not lie on its image's grid.
        StoreError
            If neither the store nor `info` knows the case.
        """
        record = self._record(case)
        self._pending[case] = _publish(self.bucket, self.name, _checked(self.bucket, case, region, record))

    def fail(self, case: str, error: Mapping[str, str]) -> bool:
        """Record why a case has no mask: ``step``, ``message``, ``remedy``; raises StoreError as `keep`.

        Returns
        -------
        bool
            False, and nothing is recorded, if there is a mask of an earlier time: it stays. It says itself
            what it was made by and for, and whoever reads it looks.
        """
        kept = self._record(case).blocks.get(REGION + self.name)
        if kept is not None and kept.ok:
            return False
        key = digest_of(["failed", dict(error)])
        self._pending[case] = Entry(key, "failed", error=dict(error), origin={})
        return True

    def commit(self, message: str = "") -> Commit:
        """Put what is pending into the log; the three-way merge's base is what the log said before."""
        name = REGION + self.name
        changes = {}
        for case, entry in self._pending.items():
            record = self._record(case)
            ours = CaseRecord(record.info, {**record.blocks, name: entry}, record.marks)
            changes[case] = Change(self._manifest.get(case), ours)
        done = log.commit(self.bucket, changes, message=message)
        self._pending, self._manifest = {}, self._latest()
        return done

    def _latest(self) -> Manifest:
        return Manifest(self.bucket, log.head(self.bucket).manifest)

    def _record(self, case: str) -> CaseRecord:
        record = self._manifest.get(case)
        if record is None and case not in self._info:
            raise StoreError(
                f"{self.bucket.location}: no case {case!r}",
                "Say of which patient it is (`info`), or build it first.",
            )
        return record or CaseRecord(dict(self._info[case]))


def stored_regions(manifest: Manifest) -> dict[str, list[str]]:
    """Region name → the cases that the store keeps a mask of it for; regions of label files do not count."""
    found: dict[str, list[str]] = {}
    for case, record in manifest.items():
        for block, entry in record.blocks.items():
            if block.startswith(REGION) and entry.ok and entry.origin is not None:
                found.setdefault(block.removeprefix(REGION), []).append(case)
    return dict(sorted(found.items()))


def region_of(snapshot: Snapshot, case: str, name: str) -> StoredRegion:
    """The mask of a case's region, decoded; without provenance if it was read from a label file.

    Raises
    ------
    StoreError
        If the case is not there or has no such region.
    """
    entry = snapshot.case(case).entry(REGION + name)
    block = blocks.load(snapshot.bucket, layout.object_folder(entry.key))
    source = f"{snapshot.bucket.location}: {case} {name}"
    mask = Volume(block.arrays["region"], grid_of(block.geometry), source)
    return StoredRegion(mask, entry.origin or {})


def _require_free(name: str, manifest: Manifest, bucket: Bucket) -> None:
    """A name means one thing in a store: values of label files, or masks that are kept."""
    if not _NAME.fullmatch(name) or is_implicit_region(name):
        raise StoreError(
            f"{name!r}: not a name for a region that is kept",
            "Use at most 100 letters, digits, '.', '-', '_', beginning with a letter or digit; not label-N.",
        )
    for case, record in manifest.items():
        entry = record.blocks.get(REGION + name)
        if entry is not None and entry.origin is None:
            raise StoreError(
                f"{bucket.location}: region {name!r} of case {case} was read from a label file; a kept mask "
                "would take its place",
                "Keep it under another name, such as stage1-fold0.",
            )


def _checked(bucket: Bucket, case: str, region: StoredRegion, record: CaseRecord) -> StoredRegion:
    """The region with a mask as blocks have it."""
    array = np.asarray(region.mask.array)
    where = f"case {case}: the mask to keep"
    if array.dtype.kind not in "bui" or array.max(initial=0) > 1 or array.min(initial=0) < 0:
        raise RegionError(f"{where}: not a mask of 0 and 1 ({array.dtype})", "Give 0 outside and 1 inside.")
    if not array.any():
        raise RegionError(f"{where} is empty", "Keep a fallback region for the case, or record it as failed.")
    image = record.blocks.get("image")
    if image is not None and image.ok and IMAGE not in region.provenance:  # else builds see to it
        grid = blocks.attributes(bucket, layout.object_folder(image.key))["geometry"]
        require_grid(region.mask.geometry, Geometry.from_json(grid), None, where)
    mask = Volume(np.ascontiguousarray(array, np.uint8), region.mask.geometry, region.mask.source)
    return StoredRegion(mask, region.provenance)


def _publish(bucket: Bucket, name: str, region: StoredRegion) -> Entry:
    mask, origin = region.mask, json.loads(canonical(dict(region.provenance)))
    voxels = volume_digest(mask)
    key = digest_of([REGION + name, voxels, origin])
    told = {"code": radstore.__version__, "region": name, **origin}
    block = Block("region", {"region": mask.array}, mask.geometry, {}, told)
    digest = blocks.publish(bucket, layout.object_folder(key), block)
    shape, spacing = mask.geometry.shape, mask.geometry.spacing
    return Entry(key, digest=digest, shape=shape, spacing=spacing, origin=origin, voxels=voxels)
