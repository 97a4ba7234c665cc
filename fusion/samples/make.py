"""One case onto the network's grid: the one code path of training and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fusion.recipe import Recipe
from fusion.samples.sample import Sample
from radstore.images.volume import Volume

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
    configuration: str = "3d_fullres",
) -> Sample: ...
