"""One case without a store: `extract`, as users of PyRadiomics know it.

>>> from radstore.extract import extract
>>> done = extract("ct.nii.gz", "mask.nii.gz", "selected.yaml", maps=True)   # doctest: +SKIP
>>> done.series()                                                            # doctest: +SKIP
>>> done.write_maps("maps")                                                  # doctest: +SKIP
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from radstore.engines.base import Engine, Maps, Vector
from radstore.engines.registry import AUTO, choose, require
from radstore.engines.results import by_reason
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
    def notes(self) -> dict[str, str]:
        """Feature name → why its value, or its map, says nothing about this region."""
        return {**(self.maps.notes if self.maps else {}), **self.vector.notes}

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
            "notes": self.notes,
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


SpecLike: TypeAlias = Spec | Mapping[str, Any] | str | Path
"""A spec, what would stand in its file, or the file."""


def extract(
    image: ImageLike,
    mask: ImageLike,
    spec: SpecLike,
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
        Which numbers.
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
    case = _Case.of(image, mask, spec, label, engine)
    return Extraction(
        image=case.image.source,
        mask=case.mask.source,
        label=case.label,
        spec=case.spec,
        engine=case.engine,
        engine_reason=case.engine_reason,
        image_geometry=case.image.geometry,
        mask_geometry=case.mask.geometry,
        vector=case.vector(),
        maps=case.maps() if maps else None,
    )


def features(
    image: ImageLike,
    mask: ImageLike,
    spec: SpecLike,
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

    Warns
    -----
    RuntimeWarning
        Naming the features that are NaN because they could not be computed, and those that one grey level
        makes meaningless.
    """
    import pandas as pd

    case = _Case.of(placed(image, spacing), placed(mask, spacing), spec, label, engine)
    found = case.vector()
    _warn(found)
    return pd.Series(dict(found.values), name=case.image.source or None, dtype=float)


def maps(
    image: ImageLike,
    mask: ImageLike,
    spec: SpecLike,
    *,
    label: int | None = None,
    spacing: Vector3 | None = None,
    engine: str = AUTO,
) -> xr.Dataset:
    """The parametric maps of one case: a float32 variable (z, y, x) a feature, NaN outside the region.

    Cropped to the region's box, coords in mm; parameters, errors and warnings as for `features`.
    """
    import xarray as xr

    found = _Case.of(placed(image, spacing), placed(mask, spacing), spec, label, engine).maps()
    _warn(found)
    return xr.Dataset(
        {name: (("z", "y", "x"), array) for name, array in zip(found.names, found.array, strict=True)},
        coords={axis: (axis, at, {"units": "mm"}) for axis, at in found.geometry.coords().items()},
        attrs={"geometry": found.geometry.to_json(), "failures": dict(found.failures)},
    )


@dataclass(frozen=True, eq=False)
class _Case:
    """An image and a region of it, ready for an engine."""

    image: Volume
    mask: Volume
    label: int
    spec: Spec
    engine: Engine
    engine_reason: str

    @classmethod
    def of(cls, image: ImageLike, mask: ImageLike, spec: SpecLike, label: int | None, engine: str) -> _Case:
        """Read it, and see whether the engine can do it; parameters as for `extract`."""
        spec = _spec(spec)
        label = spec.settings.label if label is None else label
        chosen, reason = choose(engine)
        require(chosen, spec.graph("roi"))
        return cls(
            *prepare(image, mask, [label], spec.settings, name=f"label-{label}"), label, spec, chosen, reason
        )

    def vector(self) -> Vector:
        return self.engine.vector(self.image, self.mask, self.spec.graph("roi"))

    def maps(self) -> Maps:
        return self.engine.maps(self.image, self.mask, self.spec.graph("voxel"))


def _spec(spec: SpecLike) -> Spec:
    if isinstance(spec, Spec):
        return spec
    return Spec.from_dict(spec) if isinstance(spec, Mapping) else load_spec(spec)


def _warn(found: Vector | Maps) -> None:
    """Say aloud, to the caller's caller, what values alone do not tell."""
    for what, reasons in (("not computed", found.failures), ("without meaning", found.notes)):
        for line in by_reason(reasons):
            warnings.warn(f"{what}: {line}", RuntimeWarning, stacklevel=3)
