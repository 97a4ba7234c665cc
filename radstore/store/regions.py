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
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import radstore
from radstore.canonical import canonical, digest_of
from radstore.catalog import Kept, is_implicit_region
from radstore.errors import RegionError, StoreError
from radstore.images.digest import volume_digest
from radstore.images.region import DEFAULT_TOLERANCE
from radstore.images.volume import Geometry, Volume
from radstore.store import blocks, layout, lease, log
from radstore.store.blocks import Block
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.log import Change, Commit
from radstore.store.manifest import CaseRecord, Entry, Manifest
from radstore.store.query import Snapshot, open_existing
from radstore.store.table import REGION

IMAGE = "image"  # in a provenance: the digest of the image that the mask was made for
AGAIN = "The image is another than the one it was predicted on: predict the region again."
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
        a build refuses it for any other image. The rest is the maker's: ``model``, ``held_out``, ….
    """

    mask: Volume
    provenance: Mapping[str, Any] = field(default_factory=dict)


def keep_regions(
    store: str | os.PathLike[str] | Bucket,
    name: str,
    regions: Mapping[str, StoredRegion],
    *,
    message: str = "",
    failed: Mapping[str, Mapping[str, str]] | None = None,
    info: Mapping[str, Mapping[str, Any]] | None = None,
) -> Commit:
    """Keep masks of cases under one name, and commit that.

    Parameters
    ----------
    store
        Path, URL or bucket of a store that is there.
    name
        Of the region: letters, digits, ``.``, ``-``, ``_``. What is kept under it for these cases is replaced.
    regions
        Case → mask.
    message
        Why; stands in the log.
    failed
        Case → error (``step``, ``message``, ``remedy``), for cases that have no mask; recorded in its place.
    info
        Case → ``patient``, ``source`` and columns, for cases that the store does not know yet
        (`radstore.build.outcome.case_info`).

    Returns
    -------
    Commit
        With the cases that were held back because someone else kept another mask for them meanwhile.

    Raises
    ------
    StoreError
        If there is no store, the name cannot be used or belongs to a region of label files, or a case is
        unknown.
    RegionError
        If a mask is empty, is none, or does not lie on its image's grid. Nothing is committed then.
    """
    bucket = open_existing(store) if isinstance(store, str | os.PathLike) else store
    manifest = Manifest(bucket, log.head(bucket).manifest)
    _require_free(name, manifest, bucket)
    plain = {case: _checked(bucket, case, name, one, manifest.get(case)) for case, one in regions.items()}
    base = {case: _known(bucket, case, manifest, info or {}) for case in {**plain, **(failed or {})}}
    with lease.building(bucket):
        entries = {case: _publish(bucket, name, one) for case, one in plain.items()}
        for case, error in (failed or {}).items():
            entries[case] = Entry(digest_of(["failed", dict(error)]), "failed", error=dict(error), origin={})
        changes = {
            case: Change(manifest.get(case), _with_block(base[case], REGION + name, entry))
            for case, entry in entries.items()
        }
        return log.commit(bucket, changes, message=message)


def stored_regions(manifest: Manifest) -> dict[str, list[str]]:
    """Region name → the cases that the store keeps a mask of it for; those of label files are not among them."""
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
    mask = Volume(block.arrays["region"], _grid(block.geometry), source)
    return StoredRegion(mask, entry.origin or {})


def kept(bucket: Bucket, entry: Entry) -> Kept:
    """Where a case finds the mask of an entry; no voxel is read."""
    return Kept(bucket.location, entry.key, entry.voxels, str((entry.origin or {}).get(IMAGE, "")))


def load_mask(mask: Kept, case: str, image: Geometry, tolerance: float | None = None) -> Volume:
    """The mask that a store keeps for a case, uint8, 0 or 1.

    Parameters
    ----------
    image
        The grid of the case's image.
    tolerance
        How far the two grids may differ; None for ITK's 1e-6.

    Raises
    ------
    StoreError
        If the block is not there any more.
    RegionError
        If it does not lie on the image's grid.
    """
    block = blocks.load(open_bucket(mask.store), layout.object_folder(mask.key))
    found = Volume(block.arrays["region"], _grid(block.geometry), _named(mask, case))
    _require_grid(found.geometry, image, tolerance, found.source)
    return found


def require_kept_grid(mask: Kept, case: str, image: Geometry, tolerance: float | None = None) -> None:
    """Make sure that a mask lies on its image's grid, without reading it; raises as `load_mask` does."""
    attributes = blocks.attributes(open_bucket(mask.store), layout.object_folder(mask.key))
    _require_grid(Geometry.from_json(attributes["geometry"]), image, tolerance, _named(mask, case))


def require_kept_image(mask: Kept, case: str, image: str) -> None:
    """Make sure that a mask was made for the image with this digest.

    Raises
    ------
    RegionError
        If it was made for another. Nothing is known of a mask that was kept without it.
    """
    if mask.image not in ("", image):
        raise RegionError(f"{_named(mask, case)} was predicted on another image", AGAIN)


def _named(mask: Kept, case: str) -> str:
    return f"the region that {mask.store} keeps for case {case}"


def _grid(geometry: Geometry | None) -> Geometry:
    if geometry is None:
        raise ValueError("a region without geometry")
    return geometry


def _require_grid(grid: Geometry, image: Geometry, tolerance: float | None, what: str) -> None:
    differs = image.mismatch(grid, DEFAULT_TOLERANCE if tolerance is None else tolerance)
    if differs is not None:
        raise RegionError(f"{what} is not on its image's grid: {differs} (image against mask)", AGAIN)


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


def _checked(
    bucket: Bucket, case: str, name: str, region: StoredRegion, record: CaseRecord | None
) -> StoredRegion:
    """The region with a mask as blocks have it."""
    array = np.asarray(region.mask.array)
    where = f"case {case}, region {name!r}"
    if array.dtype.kind not in "bui" or array.max(initial=0) > 1 or array.min(initial=0) < 0:
        raise RegionError(f"{where}: not a mask of 0 and 1 ({array.dtype})", "Give 0 outside and 1 inside.")
    if not array.any():
        raise RegionError(f"{where} is empty", "Keep a fallback region for the case, or record it as failed.")
    image = record.blocks.get("image") if record else None
    if image is not None and image.ok and IMAGE not in region.provenance:  # else builds see to it
        grid = blocks.attributes(bucket, layout.object_folder(image.key))["geometry"]
        _require_grid(region.mask.geometry, Geometry.from_json(grid), None, where)
    mask = Volume(np.ascontiguousarray(array, np.uint8), region.mask.geometry, region.mask.source)
    return StoredRegion(mask, region.provenance)


def _known(
    bucket: Bucket, case: str, manifest: Manifest, info: Mapping[str, Mapping[str, Any]]
) -> CaseRecord:
    record = manifest.get(case)
    if record is not None:
        return record
    if case not in info:
        raise StoreError(
            f"{bucket.location}: no case {case!r}", "Say of which patient it is (`info`), or build it first."
        )
    return CaseRecord(dict(info[case]))


def _publish(bucket: Bucket, name: str, region: StoredRegion) -> Entry:
    mask, origin = region.mask, json.loads(canonical(dict(region.provenance)))
    voxels = volume_digest(mask)
    key = digest_of([REGION + name, voxels, origin])
    told = {"code": radstore.__version__, "region": name, **origin}
    block = Block("region", {"region": mask.array}, mask.geometry, {}, told)
    digest = blocks.publish(bucket, layout.object_folder(key), block)
    shape, spacing = mask.geometry.shape, mask.geometry.spacing
    return Entry(key, digest=digest, shape=shape, spacing=spacing, origin=origin, voxels=voxels)


def _with_block(record: CaseRecord, name: str, entry: Entry) -> CaseRecord:
    return CaseRecord(record.info, {**record.blocks, name: entry}, record.marks)
