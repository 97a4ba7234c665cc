"""What Stage 2 is given beside the CT: region, global vector, maps. Read from a store, or computed alike.

Both ways end in the same record with the same numbers: a store's blocks were computed by the code that
computes them here, from the same spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fusion.recipe import Recipe
from radstore.errors import BadInput, CaseError
from radstore.images.volume import Geometry, Volume
from radstore.spec import Spec
from radstore.store.table import FEATURES, MAPS, REGION

if TYPE_CHECKING:
    import xarray as xr

    from radstore.extract import Extraction
    from radstore.store.query import CaseView

SHOWN = 3  # names in a note
Status = Literal["ok", "fallback"]


@dataclass(frozen=True, eq=False)
class Numbers:
    """The vector and the maps of a case, as far as a row of the ablation wants them.

    Parameters
    ----------
    vector
        float32, the network's own (`Recipe.network_vector`); None: not wanted, or it could not be computed.
    maps
        float32 (feature, z, y, x) with ``geometry`` and ``spec_hash`` in its attrs; None: not wanted.
    notes
        What could not be computed.
    """

    vector: np.ndarray | None = None
    maps: xr.DataArray | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Ingredients:
    """What Stage 2 of a chain is given of a case beside the CT.

    Parameters
    ----------
    region
        0 or 1 on the CT's grid.
    status
        ``fallback`` if the region is not Stage 1's.
    numbers
        Vector and maps.
    notes
        What was not as usual.
    """

    region: Volume
    status: Status
    numbers: Numbers
    notes: tuple[str, ...] = ()


def model_spec(recipe: Recipe) -> Spec:
    """The spec that a model was trained with.

    Raises
    ------
    BadInput
        If the model carries none, or one that this version understands otherwise.
    """
    if not recipe.spec:
        raise BadInput(
            f"a model of row {recipe.inputs.name!r} carries no spec",
            "Plan and train it again, with --features.",
        )
    spec = Spec.from_dict(recipe.spec, "the model's spec")
    if spec.hash != recipe.spec_hash:
        raise BadInput(
            f"the model's spec is {spec.hash[:12]} here, but {recipe.spec_hash[:12]} when it was trained",
            "Predict with the version of radstore that it was trained with, or train it again.",
        )
    return spec


def wanted(recipe: Recipe) -> bool:
    """Whether a row needs any numbers at all."""
    return recipe.inputs.maps or recipe.inputs.vector


def has_region(case: CaseView | None, recipe: Recipe) -> bool:
    """Whether a store has the region of a case; no voxel is read."""
    return case is not None and _has(case, REGION + recipe.region)


def stored_region(case: CaseView, recipe: Recipe) -> tuple[Volume, Mapping[str, Any]] | None:
    """The region that a store has for a case, and where it comes from; None if it has none."""
    if not has_region(case, recipe):
        return None
    from radstore.store.regions import region_of

    found = region_of(case.snapshot, case.id, recipe.region)
    return found.mask, found.provenance


def stored_numbers(case: CaseView, recipe: Recipe) -> Numbers | None:
    """The vector and maps that a store has for a case; None if anything that the row wants is not there.

    Raises
    ------
    BadInput
        If they were computed with another spec than the model's.
    """
    wants = {MAPS + recipe.view: recipe.inputs.maps, FEATURES + recipe.view: recipe.inputs.vector}
    names = [name for name, wants_it in wants.items() if wants_it]
    if not recipe.view or not all(_has(case, name) for name in names):
        return None
    for name in names:
        _require_spec(case.id, name, case.entry(name).spec, recipe)
    vector = maps = None
    if recipe.inputs.vector:
        features = case.features(recipe.view)
        vector = recipe.network_vector(
            dict(zip(features["feature"].values.tolist(), features.values, strict=True))
        )
    if recipe.inputs.maps:
        maps = case.get_maps(recipe.view).load()
    return Numbers(vector, maps)


def computed_numbers(ct: Volume, region: Volume, recipe: Recipe, *, engine: str = "auto") -> Numbers:
    """The same, computed from the CT inside the region.

    A region that cannot be measured gives no vector and empty maps, said in a note: the network has a token
    for a missing vector, and a case still gets a score.

    Raises
    ------
    BadInput
        If the model's spec cannot be used here (`model_spec`), or the engine is not there.
    """
    from radstore.extract import extract

    spec = model_spec(recipe)
    try:
        found = extract(ct, region, spec, label=1, engine=engine, maps=recipe.inputs.maps)
    except CaseError as error:
        maps = _no_maps(ct.geometry, recipe) if recipe.inputs.maps else None
        return Numbers(None, maps, (f"vector and maps are missing: {error.message}",))
    vector = recipe.network_vector(found.vector.values) if recipe.inputs.vector else None
    return Numbers(vector, _as_stored(found, spec) if recipe.inputs.maps else None, _notes(found))


def _has(case: CaseView, name: str) -> bool:
    entry = case.record.blocks.get(name)
    return entry is not None and entry.ok


def _require_spec(case: str, name: str, spec: str, recipe: Recipe) -> None:
    if spec != recipe.spec_hash:
        raise BadInput(
            f"case {case}: {name} is of spec {spec[:12]}, the model's is {recipe.spec_hash[:12]}",
            "Build the view again with the spec that stands in the model's plans.",
        )


def _as_stored(found: Extraction, spec: Spec) -> xr.DataArray:
    """Computed maps as a store gives them (`radstore.store.query.CaseView.get_maps`)."""
    import xarray as xr

    from radstore.build.assemble import rounded

    if found.maps is None:
        raise ValueError("an extraction without maps")
    array = np.stack([rounded(one, spec.keep_bits) for one in found.maps.array])
    return _labelled(xr, array, list(found.maps.names), found.maps.geometry, found.maps.grid, spec.hash)


def _no_maps(grid: Geometry, recipe: Recipe) -> xr.DataArray:
    """Maps without a defined voxel."""
    import xarray as xr

    names = [channel.name for channel in recipe.maps]
    one = grid.crop((0, 0, 0), (1, 1, 1))
    array = np.full((len(names), 1, 1, 1), np.nan, np.float32)
    return _labelled(xr, array, names, one, grid, recipe.spec_hash)


def _labelled(
    xr: Any, array: np.ndarray, names: list[str], geometry: Geometry, grid: Geometry, spec_hash: str
) -> xr.DataArray:
    attrs = {"geometry": geometry.to_json(), "grid": grid.to_json(), "spec_hash": spec_hash}
    coords = {"feature": names, **geometry.coords()}
    return xr.DataArray(array, coords, ("feature", "z", "y", "x"), "maps", attrs)


def _notes(found: Extraction) -> tuple[str, ...]:
    failed = list(found.failures)
    if not failed:
        return ()
    more = f" and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
    return (f"undefined: {', '.join(failed[:SHOWN])}{more}",)
