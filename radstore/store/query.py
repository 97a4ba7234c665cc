"""Reading a store: a `Snapshot` is one version of it, pinned, answered in xarray."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from radstore.errors import StoreError
from radstore.images.volume import Geometry
from radstore.store import blocks, layout, log
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.log import Version
from radstore.store.manifest import CaseRecord, Entry, Manifest
from radstore.store.table import FEATURES, MAPS, REGION, feature_table, views_of
from radstore.suggest import near_miss, suggest

if TYPE_CHECKING:
    import xarray as xr


def open_existing(store: str | os.PathLike[str]) -> Bucket:
    """The bucket of a store that is there.

    Raises
    ------
    StoreError
        If there is none, or it is foreign or newer.
    """
    bucket = open_bucket(store)
    if not layout.is_store(bucket):
        raise StoreError(
            f"{bucket.location}: no store here",
            "Name another with --store, or make one with `radstore build --features selected.yaml`.",
        )
    return bucket


def open_store(store: str | os.PathLike[str], version: str | int | None = None) -> Snapshot:
    """Open one version of a store for reading.

    Parameters
    ----------
    store
        Path or URL.
    version
        A tag, a number, or None for the latest.

    Raises
    ------
    StoreError
        If there is no such store or version.
    """
    bucket = open_existing(store)
    return Snapshot(bucket, log.resolve(bucket, version))


class Snapshot:
    """One version of a store, read-only and pinned: later commits do not change what it answers.

    Can be pickled and sent to other processes; each opens its own handles.
    """

    def __init__(self, bucket: Bucket, version: Version) -> None:
        self.bucket = bucket
        self.version = version

    def __repr__(self) -> str:
        return f"<radstore {self.bucket.location} version {self.version.number}: {len(self.cases)} cases>"

    def __getstate__(self) -> dict[str, Any]:
        return {"bucket": self.bucket, "version": self.version}

    @cached_property
    def manifest(self) -> Manifest:
        """Which block each case has under each name."""
        return Manifest(self.bucket, self.version.manifest)

    @cached_property
    def cases(self) -> list[str]:
        """Every case id, sorted; failed ones included."""
        return [case for case, _ in self.manifest.items()]

    @cached_property
    def views(self) -> dict[str, int]:
        """View name (``selected@pancreas``) → how many cases have its global features."""
        return views_of(self.manifest)

    @property
    def view(self) -> str:
        """The default view: the one the version was built for, or the only one.

        Raises
        ------
        StoreError
            If there are several and none is meant.
        """
        built = self.version.build.get("view")
        if built in self.views:
            return str(built)
        if len(self.views) == 1:
            return next(iter(self.views))
        known = ", ".join(self.views) or "none"
        raise StoreError(
            f"{self.bucket.location}: no default view (views: {known})",
            "Name one: `radstore ls` lists them." if self.views else "Run `radstore build` first.",
        )

    @property
    def features(self) -> xr.Dataset:
        """The default view's global features; see `table`."""
        return self.table()

    def table(self, view: str | None = None) -> xr.Dataset:
        """A view's global features, ``value`` (case, feature); see `radstore.store.table.feature_table`."""
        return feature_table(self.bucket, self.version, view or self.view)

    def case(self, case: str) -> CaseView:
        """One case.

        Raises
        ------
        StoreError
            If it is not in this version.
        """
        record = self.manifest.get(case)
        if record is None:
            close = near_miss(case, self.cases)
            hint = f"Did you mean {close!r}? " if close else ""
            raise StoreError(
                f"{self.bucket.location}: no case {case!r} among the {len(self.cases)} of version "
                f"{self.version.number}",
                f"{hint}`radstore ls` lists them.",
            )
        return CaseView(self, case, record)

    @property
    def versions(self) -> list[Version]:
        """Every version of the store, newest first."""
        return log.history(self.bucket)

    @property
    def tags(self) -> dict[str, int]:
        """Tag → version number."""
        return log.tags(self.bucket)


@dataclass(frozen=True)
class CaseView:
    """One case of a snapshot. Arrays are lazy: what is not indexed is not read."""

    snapshot: Snapshot
    id: str
    record: CaseRecord

    @property
    def info(self) -> Mapping[str, Any]:
        """Patient, source, and the table's columns."""
        return self.record.info

    @property
    def marks(self) -> Mapping[str, Any]:
        """What the store's own verbs said of it: ``fold``, ``lesion_voxels``, …."""
        return self.record.marks

    @property
    def image(self) -> xr.DataArray:
        """The CT, source dtype (z, y, x), HU, coords in mm."""
        return self._array("image", "image")

    @property
    def maps(self) -> xr.DataArray:
        """The default view's parametric maps; see `get_maps`."""
        return self.get_maps()

    def region(self, name: str) -> xr.DataArray:
        """A region's mask, uint8 (z, y, x), coords in mm."""
        return self._array(REGION + name, "region")

    def get_maps(self, view: str | None = None, *, full_grid: bool = False) -> xr.DataArray:
        """A view's parametric maps, float32 (feature, z, y, x), coords in mm, NaN outside the region.

        Parameters
        ----------
        view
            The view; default: the snapshot's.
        full_grid
            Expand from the region's box to the whole grid (in memory: 4 bytes × features × voxels).
        """
        name = MAPS + (view or self.snapshot.view)
        maps = self._array(name, "maps")
        maps = maps.assign_coords(feature=maps.attrs.pop("names"))
        return _expanded(maps) if full_grid else maps

    def get_map(self, feature: str, view: str | None = None, *, full_grid: bool = False) -> xr.DataArray:
        """One parametric map, float32 (z, y, x); parameters as for `get_maps`.

        Raises
        ------
        StoreError
            If the view has no such map.
        """
        maps = self.get_maps(view)
        if feature not in maps["feature"].values:
            raise StoreError(
                f"case {self.id} has no map {feature!r}",
                suggest(feature, maps["feature"].values.tolist(), "It has"),
            )
        one = maps.sel(feature=[feature])
        return (_expanded(one) if full_grid else one).isel(feature=0)

    def maps_region(self, view: str | None = None) -> xr.DataArray:
        """The region on the maps' grid, uint8 (z, y, x): tells an undefined voxel from one outside."""
        return self._array(MAPS + (view or self.snapshot.view), "region")

    def features(self, view: str | None = None) -> xr.DataArray:
        """A view's global vector, float64 (feature,); its attrs name what could not be computed and why."""
        array = self._array(FEATURES + (view or self.snapshot.view), "features")
        return array.assign_coords(feature=array.attrs.pop("names"))

    def entry(self, name: str) -> Entry:
        """What the manifest says of a block.

        Raises
        ------
        StoreError
            If the case has no such block, or it failed (with the reason it failed for).
        """
        entry = self.record.blocks.get(name)
        if entry is None:
            known = ", ".join(sorted(self.record.blocks)) or "nothing"
            raise StoreError(f"case {self.id} has no {name} (it has {known})", "Build it, or name another.")
        if entry.error is not None:
            raise StoreError(f"case {self.id} has no {name}: {entry.error['message']}", entry.error["remedy"])
        return entry

    def _array(self, name: str, array: str) -> xr.DataArray:
        import xarray as xr

        bucket, entry = self.snapshot.bucket, self.entry(name)
        path = blocks.path_of(bucket, layout.object_folder(entry.key))
        dataset = xr.open_zarr(
            bucket.zarr(), group=path, chunks=None, consolidated=False, mask_and_scale=False, zarr_format=3
        )
        attrs: dict[str, Any] = dataset.attrs["radstore"]
        data = dataset[array]
        if attrs["geometry"]:
            data = data.assign_coords(_coords(Geometry.from_json(attrs["geometry"])))
        data.attrs = {**attrs["content"], **attrs["provenance"], "geometry": attrs["geometry"]}
        if entry.spec:  # two specs with the same numbers share a block, which names the one that came first
            data.attrs["spec_hash"] = entry.spec
        if array == "image":
            data.attrs["units"] = "HU"
        return data.rename(array)


def _coords(geometry: Geometry) -> dict[str, tuple[str, np.ndarray, dict[str, str]]]:
    return {axis: (axis, mm, {"units": "mm"}) for axis, mm in geometry.coords().items()}


def _expanded(maps: xr.DataArray) -> xr.DataArray:
    import xarray as xr

    crop, grid = (Geometry.from_json(maps.attrs[name]) for name in ("geometry", "grid"))
    x, y, z = (round(i) for i in grid.index(crop.origin))
    full = np.full((len(maps), *grid.shape), np.nan, dtype=maps.dtype)
    full[:, z : z + crop.shape[0], y : y + crop.shape[1], x : x + crop.shape[2]] = maps.values
    coords = {"feature": maps["feature"], **_coords(grid)}
    return xr.DataArray(full, coords, maps.dims, maps.name, {**maps.attrs, "geometry": grid.to_json()})
