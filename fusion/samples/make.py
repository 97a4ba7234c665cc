"""One case onto the network's grid: the one code path of training and prediction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fusion.recipe import CT, Recipe
from fusion.samples.frame import Frame, reordered_grid, require_same_grid
from fusion.samples.interpolate import Linear
from fusion.samples.labels import locations, on_plan
from fusion.samples.preparation import CONFIGURATION, Preparation
from fusion.samples.sample import Sample
from radstore.errors import BadInput
from radstore.images.volume import Geometry, Index3, Volume

if TYPE_CHECKING:
    import xarray as xr


def make_sample(
    ct: Volume,
    plans: Mapping[str, Any],
    recipe: Recipe | None = None,
    *,
    region: Volume | None = None,
    maps: xr.DataArray | None = None,
    labels: Volume | None = None,
    configuration: str = CONFIGURATION,
) -> Sample:
    """A case's CT, maps, region and labels on the network's grid, each interpolated once.

    The CT and the labels are normalised and resampled by nnU-Net's own functions, as the plans name them: on
    the same crop its `DefaultPreprocessor` gives the identical arrays (but for its −1 where a CT has zeros at
    its border; here as in training that is background). Maps are interpolated by weighted means of the
    defined voxels, see `Linear.mean`.

    Parameters
    ----------
    ct
        The CT in HU, whole, array axes as SimpleITK gives them. With 512 × 512 × 400 voxels the process grows
        to 4.0 GB in Stage 1 and to 2.5 GB in Stage 2 with ten maps (measured; see `fusion.samples.needs`).
    plans
        nnU-Net's plans.
    recipe
        Stage, ROI, labels and spec; by default that of the plans.
    region
        0 or 1 on the CT's grid. Needed in Stage 2 (the ROI lies around it), not used in Stage 1.
    maps
        float32 (feature, z, y, x) with its grid in ``attrs["geometry"]``, as
        `radstore.store.query.CaseView.get_maps` gives it: on a grid of its own with the CT's axes, NaN where
        undefined. Stage 2 only.
    labels
        On the CT's grid, if there are any.
    configuration
        Which of the plans' configurations.

    Raises
    ------
    BadInput
        If plans and recipe ask for what is not given, or the maps are of another spec or another grid.
    RegionError
        If region or labels do not lie on the CT's grid.
    CaseError
        If there is a label that is not in the plan.
    """
    recipe = recipe or Recipe.from_plans(plans)
    _require(recipe, ct, region, maps)
    prepared = Preparation.from_plans(plans, configuration)
    mask = region if recipe.stage == 2 else None
    frame = Frame.of(ct, mask, recipe.roi, prepared)
    names = [CT] if maps is None else [CT, *maps["feature"].values.tolist()]
    data = np.full((len(names), *frame.grid.shape), np.nan, np.float32)
    data[0] = prepared.image(frame.crop)
    inside = None if mask is None else _region(frame, mask, prepared.order)
    if maps is not None and inside is not None:
        _fill(data[1:], maps, frame, inside, prepared.order)
    properties = frame.properties(ct.geometry)
    seg = None
    if labels is not None:
        require_same_grid(ct, labels)
        seg, told = _labels(frame, labels, recipe.labels.values(), prepared)
        properties |= told
    return Sample(
        data=data,
        names=tuple(names),
        region=None if inside is None else inside.astype(np.uint8),
        seg=None if seg is None else seg[None],
        locations=None if seg is None else locations(seg),
        properties=properties,
        geometry=frame.grid,
    )


def _require(recipe: Recipe, ct: Volume, region: Volume | None, maps: xr.DataArray | None) -> None:
    where = ct.source or "the CT"
    if recipe.stage == 2 and region is None:
        raise BadInput(f"{where}: Stage 2 needs a region", "Predict one with Stage 1, or name a stored one.")
    if recipe.stage == 1 and maps is not None:
        raise BadInput(f"{where}: Stage 1 has no maps, but some were given", "Give them to Stage 2.")
    spec = "" if maps is None else str(maps.attrs.get("spec_hash", ""))
    if spec and recipe.spec_hash and spec != recipe.spec_hash:
        raise BadInput(
            f"{where}: its maps are of spec {spec[:12]}, the model's are of {recipe.spec_hash[:12]}",
            "Build the maps with the model's spec: it stands in its plans.",
        )


def _region(frame: Frame, region: Volume, order: Index3) -> np.ndarray:
    """The region on the network's grid, bool."""
    crop = frame.of_labels(region, order)
    linear = Linear(crop.geometry, frame.grid)
    inside = np.zeros(frame.grid.shape, bool)
    inside[linear.box] = linear.mask(crop.array)
    return inside


def _fill(into: np.ndarray, maps: xr.DataArray, frame: Frame, inside: np.ndarray, order: Index3) -> None:
    """Interpolate maps into channels that are NaN so far; outside the region they stay so."""
    linear = Linear(reordered_grid(Geometry.from_json(maps.attrs["geometry"]), order), frame.grid)
    outside = ~inside[linear.box]
    for channel, values in zip(into, maps.values, strict=True):
        part = linear.mean(values.transpose(order))
        part[outside] = np.nan
        channel[linear.box] = part


def _labels(
    frame: Frame, labels: Volume, allowed: Collection[int], prepared: Preparation
) -> tuple[np.ndarray, dict[str, Any]]:
    """Labels on the network's grid, int8, and what became of those it cannot have."""
    crop = frame.of_labels(labels, prepared.order)
    array, stray = on_plan(crop, allowed)
    seg = prepared.labels(Volume(array, crop.geometry, crop.source))
    vanished = sorted(set(np.unique(array).tolist()) - set(np.unique(seg).tolist()) - {0})
    return seg, {
        "stray_labels": {str(value): count for value, count in stray.items()},
        "vanished_labels": [int(value) for value in vanished],
    }
