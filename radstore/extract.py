"""One case without a store: `extract`, as users of PyRadiomics know it.

>>> from radstore.extract import extract
>>> done = extract("ct.nii.gz", "mask.nii.gz", "selected.yaml", maps=True)   # doctest: +SKIP
>>> done.series()                                                            # doctest: +SKIP
>>> done.write_maps("maps")                                                  # doctest: +SKIP
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radstore.engines.base import Engine, Maps, Vector
from radstore.engines.registry import AUTO, choose, require
from radstore.images.volume import Geometry, Vector3, Volume
from radstore.images.write import write_volume
from radstore.inputs import ImageLike, placed, prepare
from radstore.spec import Spec, load_spec

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Extraction:
    """What was extracted from one case.

    Parameters
    ----------
    image, mask
        Where they came from: paths, or empty for images in memory.
    label
        The region's value in the mask.
    spec
        Which numbers.
    engine, engine_reason
        Who computed them, and why it was chosen.
    image_geometry, mask_geometry
        The grids they lay on.
    vector
        The global features.
    maps
        The parametric maps, if they were asked for.
    """

    image: str
    mask: str
    label: int
    spec: Spec
    engine: Engine
    engine_reason: str
    image_geometry: Geometry
    mask_geometry: Geometry
    vector: Vector
    maps: Maps | None = None

    @property
    def failures(self) -> dict[str, str]:
        """Feature name → why it, or its map, could not be computed."""
        maps = self.maps.failures if self.maps else {}
        return {**{name: f"map: {why}" for name, why in maps.items()}, **self.vector.failures}

    @property
    def device(self) -> str:
        """Where the global features were computed: the engine's device, unless they did not fit there."""
        return self.vector.device or self.engine.device

    def series(self) -> pd.Series:
        """The global features by name, float64; NaN where one is undefined."""
        import pandas as pd

        return pd.Series(dict(self.vector.values), name=self.image or None, dtype=float)

    def csv_row(self) -> dict[str, str | int | float]:
        """One row of a table: ``Image``, ``Mask`` and ``Label``, as in PyRadiomics, then the features."""
        return {"Image": self.image, "Mask": self.mask, "Label": self.label, **self.vector.values}

    def json_record(self) -> dict[str, Any]:
        """All of it but the maps, as plain JSON; null where a feature is undefined or infinite."""
        return {
            "image": self.image,
            "mask": self.mask,
            "label": self.label,
            "spec": {"name": self.spec.name, "hash": self.spec.hash, **self.spec.document},
            "engine": {"name": self.engine.name, "family": self.engine.family, "device": self.device},
            "geometry": {"image": self.image_geometry.to_json(), "mask": self.mask_geometry.to_json()},
            "features": {n: v if math.isfinite(v) else None for n, v in self.vector.values.items()},
            "failures": self.failures,
        }

    def write_maps(
        self, folder: str | Path, *, fill: float | None = None, suffix: str = ".nrrd"
    ) -> dict[str, Path]:
        """Write one file a map, named ``<feature><suffix>``.

        The files hold the region's box (PyRadiomics' hold the box ± kernelRadius), float32.

        Parameters
        ----------
        folder
            Where; made if need be.
        fill
            Value outside the region; by default ``initValue`` of the spec, which is 0 unless set.
        suffix
            ``.nrrd``, ``.nii.gz``, ``.mha`` …

        Returns
        -------
        dict
            Feature name → file. A map with no defined voxel is not written; `failures` says why.
        """
        if self.maps is None:
            return {}
        outside = self.spec.settings.initValue if fill is None else fill
        written = {}
        for name, array in zip(self.maps.names, self.maps.array, strict=True):
            if not np.isnan(array).all():
                filled = np.where(self.maps.region == 1, array, np.float32(outside))
                volume = Volume(filled, self.maps.geometry)
                written[name] = write_volume(volume, Path(folder) / f"{name}{suffix}")
        return written


def extract(
    image: ImageLike,
    mask: ImageLike,
    spec: Spec | str | Path,
    *,
    label: int | None = None,
    engine: str = AUTO,
    maps: bool = False,
) -> Extraction:
    """Compute the features of one case.

    Parameters
    ----------
    image, mask
        Files, SimpleITK images or volumes.
    spec
        Which numbers: a `Spec`, or its file.
    label
        The region's value in the mask; by default the spec's ``label``, which is 1 unless set.
    engine
        See `radstore.engines.registry.choose`.
    maps
        Compute the parametric maps too.

    Raises
    ------
    SpecError, EngineError
        If the spec is wrong, or the engine cannot compute all of it.
    ReadError, RegionError
        If the image or the mask cannot be used.
    """
    spec = spec if isinstance(spec, Spec) else load_spec(spec)
    label = spec.settings.label if label is None else label
    chosen, reason = choose(engine)
    graph, voxel_graph = spec.graph("roi"), spec.graph("voxel")
    require(chosen, graph)
    ct, region = prepare(image, mask, [label], spec.settings, name=f"label-{label}")
    return Extraction(
        image=ct.source,
        mask=region.source,
        label=label,
        spec=spec,
        engine=chosen,
        engine_reason=reason,
        image_geometry=ct.geometry,
        mask_geometry=region.geometry,
        vector=chosen.vector(ct, region, graph),
        maps=chosen.maps(ct, region, voxel_graph) if maps else None,
    )


def features(
    image: ImageLike,
    mask: ImageLike,
    spec: Spec | str | Path,
    *,
    label: int | None = None,
    spacing: Vector3 | None = None,
    engine: str = AUTO,
) -> pd.Series:
    """The global features of one case by name, float64.

    Parameters
    ----------
    image, mask
        Files, SimpleITK images, volumes, or arrays [z, y, x], NumPy or CuPy.
    spacing
        Of arrays: voxel size along x, y, z in mm; 1 if not given.
    spec, label, engine
        As for `extract`, whose errors this raises too.
    """
    return extract(placed(image, spacing), placed(mask, spacing), spec, label=label, engine=engine).series()


def maps(
    image: ImageLike,
    mask: ImageLike,
    spec: Spec | str | Path,
    *,
    label: int | None = None,
    spacing: Vector3 | None = None,
    engine: str = AUTO,
) -> xr.Dataset:
    """The parametric maps of one case: a float32 variable (z, y, x) a feature, NaN outside the region.

    Cropped to the region's box, coords in mm; parameters as for `features`.
    """
    import xarray as xr

    where = placed(image, spacing), placed(mask, spacing)
    found = extract(*where, spec, label=label, engine=engine, maps=True).maps
    arrays = dict(zip(found.names, found.array, strict=True)) if found else {}
    coords = found.geometry.coords() if found else {}
    return xr.Dataset(
        {name: (("z", "y", "x"), array) for name, array in arrays.items()},
        coords={axis: (axis, values, {"units": "mm"}) for axis, values in coords.items()},
        attrs={"geometry": found.geometry.to_json(), "failures": dict(found.failures)} if found else {},
    )
