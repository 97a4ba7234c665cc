"""Where a build finds its region: in the label files that the catalog names, or in the store."""

from __future__ import annotations

from collections.abc import Sequence

from radstore.catalog import Case, Catalog, is_implicit_region
from radstore.errors import CatalogError
from radstore.store.bucket import Bucket
from radstore.store.kept import kept
from radstore.store.manifest import Entry, Manifest
from radstore.store.regions import stored_regions
from radstore.store.table import REGION
from radstore.suggest import suggest


def with_region(
    name: str,
    catalog: Catalog,
    source: str | None,
    cases: Sequence[Case],
    manifest: Manifest,
    bucket: Bucket,
) -> tuple[Case, ...]:
    """The cases, each with its mask where the store keeps the region; one without it has a problem.

    Parameters
    ----------
    name
        Of the region.
    catalog, source
        Whose regions are looked at first.
    cases
        Those that are meant.
    manifest, bucket
        What the store has.

    Raises
    ------
    CatalogError
        If neither has such a region, or both have: that is the catalog's or the user's mistake, not one
        case's.
    """
    if name in catalog.regions():
        _require_drawn(name, catalog, cases, manifest, bucket)
    if name in catalog.regions(source) or is_implicit_region(name):
        return tuple(cases)
    stored = stored_regions(manifest)
    if name not in stored:
        known = suggest(name, [*catalog.regions(source), *stored, "label-N"], "There are")
        raise CatalogError(f"{catalog.path} defines no region {name!r}, and the store keeps none", known)
    return tuple(_with_mask(case, name, manifest, bucket) for case in cases)


def _require_drawn(
    name: str, catalog: Catalog, cases: Sequence[Case], manifest: Manifest, bucket: Bucket
) -> None:
    for case in cases:
        entry = _entry(case, name, manifest)
        if entry is not None and entry.origin is not None:
            raise CatalogError(
                f"{catalog.path} defines a region {name!r}, and {bucket.location} keeps masks under "
                f"that name (as of case {case.id})",
                "Call the catalog's region something else, or keep the masks under another name.",
            )


def _entry(case: Case, name: str, manifest: Manifest) -> Entry | None:
    record = manifest.get(case.id)
    return record.blocks.get(REGION + name) if record else None


def _with_mask(case: Case, name: str, manifest: Manifest, bucket: Bucket) -> Case:
    entry = _entry(case, name, manifest)
    if entry is None:
        return case.refused(
            f"case {case.id}: {bucket.location} keeps no region {name!r} of it",
            "Predict it (`fusion regions`), or leave the case out with --cases.",
            step="region",
        )
    if entry.error is not None:
        told = f"case {case.id}: region {name!r} could not be predicted: {entry.error['message']}"
        return case.refused(told, entry.error["remedy"], step="region")
    return case.keeping(name, kept(bucket, entry))
