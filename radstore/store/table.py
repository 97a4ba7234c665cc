"""A view's global features as one xarray table (case, feature), cached per version."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from radstore.errors import CorruptBlock, StoreError
from radstore.store import blocks, layout
from radstore.store.blocks import Block
from radstore.store.bucket import Bucket, for_each
from radstore.store.log import Version
from radstore.store.manifest import MARKS, CaseRecord, Entry, Manifest
from radstore.store.reliability import COLUMNS as ICC_COLUMNS
from radstore.store.reliability import reliability

if TYPE_CHECKING:
    import xarray as xr

logger = logging.getLogger(__name__)

Vector = tuple[tuple[str, ...], np.ndarray]  # feature names, and as many values

FEATURES = "features/"  # + view: the block name of a view's global vector
MAPS = "maps/"  # + view: of its parametric maps
REGION = "region/"  # + region name
RESERVED = ("case", "feature", "value", "spec", "image_type", "feature_class", "feature_name", *ICC_COLUMNS)


def views_of(manifest: Manifest) -> dict[str, int]:
    """View name → how many cases have its global features, sorted by name."""
    counts: dict[str, int] = {}
    for _, record in manifest.items():
        for name, entry in record.blocks.items():
            if name.startswith(FEATURES) and entry.ok:
                view = name.removeprefix(FEATURES)
                counts[view] = counts.get(view, 0) + 1
    return dict(sorted(counts.items()))


def feature_table(bucket: Bucket, version: Version, view: str) -> xr.Dataset:
    """The global features of every case that has them in a view.

    Returns
    -------
    xarray.Dataset
        Variable ``value``, float64 (case, feature), NaN where a feature is undefined. Coords along
        ``feature``: ``image_type``, ``feature_class``, ``feature_name``, and ``icc``, ``icc_low``,
        ``icc_high`` if `radstore.perturb` measured them with the spec of all cases; along ``case``:
        ``patient``, ``source``, ``spec`` (hash), the columns of the catalog's table, and the marks (``fold``,
        …); a column with the name of one of these is called ``table_<column>``.

    Raises
    ------
    StoreError
        If no case has such a view.
    """
    import xarray as xr

    manifest = Manifest(bucket, version.manifest)
    records = {
        case: record
        for case, record in manifest.items()
        if (entry := record.blocks.get(FEATURES + view)) and entry.ok
    }
    if not records:
        known = ", ".join(views_of(manifest)) or "none"
        raise StoreError(
            f"{bucket.location}: version {version.number} has no view {view!r} (views: {known})",
            "See `radstore ls`.",
        )
    cached = _cached(bucket, version.manifest, view, records)
    names = list(cached.content["names"])
    specs = sorted({r.blocks[FEATURES + view].spec for r in records.values()})
    return xr.Dataset(
        {"value": (("case", "feature"), cached.arrays["table"])},
        coords={
            "case": list(cached.content["cases"]),
            "feature": names,
            **{coord: ("feature", values) for coord, values in _name_parts(names).items()},
            **{
                coord: ("feature", values)
                for coord, values in _icc(bucket, version, view, specs, names).items()
            },
            **{coord: ("case", values) for coord, values in _case_coords(records, view).items()},
        },
        attrs={
            "store": bucket.location,
            "version": version.number,
            "view": view,
            "specs": specs,
        },
    )


def _cached(bucket: Bucket, sha: str, view: str, records: Mapping[str, CaseRecord]) -> Block:
    folder = layout.table_folder(sha, view)
    if blocks.find(bucket, folder) is not None:
        return blocks.load(bucket, folder)
    table = _gather(bucket, view, records)
    try:
        blocks.publish(bucket, folder, table)
    except StoreError as error:  # a store one may only read still answers, a little slower
        logger.info("the feature table was not cached: %s", error)
    return table


def _gather(bucket: Bucket, view: str, records: Mapping[str, CaseRecord]) -> Block:
    """The vectors of all cases, under the union of their feature names (NaN where a case lacks one)."""
    entries = [record.blocks[FEATURES + view] for record in records.values()]
    known = _known_vectors(bucket, view)
    vectors = for_each(bucket, lambda entry: known.get(entry.digest) or _vector(bucket, entry), entries)
    lists = list(dict.fromkeys(names for names, _ in vectors))  # most often all cases have the same names
    names = list(dict.fromkeys(name for names in lists for name in names))
    place = {name: at for at, name in enumerate(names)}
    columns = {names: [place[name] for name in names] for names in lists}
    table = np.full((len(vectors), len(names)), np.nan)
    for row, (named, values) in zip(table, vectors, strict=True):
        row[columns[named]] = values
    content = {
        "cases": list(records),
        "names": names,
        "digests": [entry.digest for entry in entries],
        "uniform": len(lists) == 1,
    }
    return Block("table", {"table": table}, content=content)


def _vector(bucket: Bucket, entry: Entry) -> Vector:
    block = blocks.load(bucket, layout.object_folder(entry.key))
    return tuple(block.content["names"]), block.arrays["features"]


def _known_vectors(bucket: Bucket, view: str) -> dict[str, Vector]:
    """Digest → vector, from the newest table of this view: a new version changes a few cases only."""
    pointer = f"/{view}/{layout.POINTER}"
    tables = [stat for stat in bucket.list(layout.TABLES) if stat.path.endswith(pointer)]
    if not tables:
        return {}
    newest = max(tables, key=lambda stat: stat.modified)
    try:
        table = blocks.load(bucket, newest.path.removesuffix(f"/{layout.POINTER}"))
    except (FileNotFoundError, StoreError, CorruptBlock) as error:  # gc may take it while we read
        logger.info("an earlier feature table was not used: %s", error)
        return {}
    if not table.content["uniform"]:  # a NaN there may also mean that the case lacks the feature
        return {}
    names = tuple(table.content["names"])
    return {d: (names, row) for d, row in zip(table.content["digests"], table.arrays["table"], strict=True)}


def _icc(
    bucket: Bucket, version: Version, view: str, specs: list[str], names: list[str]
) -> dict[str, np.ndarray]:
    """Reliability along the features; empty if it was not measured, or with other settings than these."""
    known = reliability(bucket, version, view)
    if known is None or specs != [known[0].get("spec_hash")]:
        return {}
    return known[1].on(names)


def _name_parts(names: list[str]) -> dict[str, list[str]]:
    parts = [name.rsplit("_", 2) for name in names]
    return {
        "image_type": [part[0] for part in parts],
        "feature_class": [part[1] for part in parts],
        "feature_name": [part[2] for part in parts],
    }


def _case_coords(records: Mapping[str, CaseRecord], view: str) -> dict[str, np.ndarray]:
    columns: dict[str, None] = dict.fromkeys(["patient", "source"])
    marks: dict[str, None] = {}
    for record in records.values():
        columns.update(dict.fromkeys(record.info))
        marks.update(dict.fromkeys(record.marks))
    coords = {}
    for column in columns:
        name = f"table_{column}" if column in (*RESERVED, *MARKS, *marks) else column
        coords[name] = _column([record.info.get(column) for record in records.values()])
    for mark in marks:
        coords[mark] = _column([record.marks.get(mark) for record in records.values()])
    coords["spec"] = np.array([record.blocks[FEATURES + view].spec for record in records.values()])
    return coords


def _column(values: list[Any]) -> np.ndarray:
    """Numbers as float64 (missing: NaN) or int64, booleans as bool, the rest as str (missing: '')."""
    there = [value for value in values if value is not None]
    complete = len(there) == len(values)
    if there and all(isinstance(value, bool) for value in there) and complete:
        return np.array(values, dtype=bool)
    if there and all(isinstance(value, int | float) and not isinstance(value, bool) for value in there):
        if complete and all(isinstance(value, int) for value in there):
            return np.array(values, dtype=np.int64)
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    return np.array(["" if value is None else str(value) for value in values])
