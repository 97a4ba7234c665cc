"""One case without a store: `extract`, as users of PyRadiomics know it.

>>> from radstore.extract import extract
>>> done = extract("ct.nii.gz", "mask.nii.gz", "selected.yaml", maps=True)   # doctest: +SKIP
>>> done.series()                                                            # doctest: +SKIP
>>> done.write_maps("maps")                                                  # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import SimpleITK as sitk

from radstore.engines.base import Engine, Maps, Vector
from radstore.engines.registry import AUTO, choose, require
from radstore.errors import ReadError
from radstore.images.itk import from_itk
from radstore.images.read import read_image, read_labels
from radstore.images.region import region_mask
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume
from radstore.spec import Settings, Spec, load_spec

if TYPE_CHECKING:
    import pandas as pd

    from radstore.catalog import Case

ImageLike: TypeAlias = str | Path | sitk.Image | Volume
"""A file, or an image in memory."""


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
            "engine": {"name": self.engine.name, "family": self.engine.family, "device": self.engine.device},
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


def prepare(
    image: ImageLike, labels: ImageLike, values: Sequence[int], settings: Settings, *, name: str
) -> tuple[Volume, Volume]:
    """Read an image and the mask of a region in it, as the spec's settings say.

    Parameters
    ----------
    image, labels
        The image, and the label image that the region is part of.
    values
        The label values that make up the region.
    settings
        Of the spec: ``label_channel``, ``geometryTolerance`` and ``correctMask`` act here.
    name
        The region's name, for messages.

    Returns
    -------
    image, mask
        The image with its own pixel type; the mask uint8, 0 or 1.

    Raises
    ------
    ReadError, RegionError
        If either cannot be used, or they do not fit.
    """
    volume = _image(image)
    mask = region_mask(
        _labels(labels, settings.label_channel),
        values,
        volume.geometry,
        tolerance=settings.geometryTolerance,
        correct=settings.correctMask,
        name=name,
        resamples=settings.resamples,
    )
    return volume, mask


def prepare_case(case: Case, region: str, settings: Settings) -> tuple[Volume, Volume]:
    """The same for a case of a catalog and one of its regions."""
    where = case.region(region)
    return prepare(case.image, case.label_path(where), where.values, settings, name=region)


def _image(image: ImageLike) -> Volume:
    if isinstance(image, str | Path):
        return read_image(image)
    volume = image if isinstance(image, Volume) else from_itk(_three_d(image))
    if volume.array.dtype.kind == "f" and not np.isfinite(volume.array).all():
        raise ReadError(
            f"{volume.source or 'the image'} has NaN or infinite voxels", "replace them, for instance by air"
        )
    return volume


def _labels(labels: ImageLike, channel: int) -> Volume:
    if isinstance(labels, str | Path):
        return read_labels(labels, channel)
    if isinstance(labels, Volume):
        return labels
    if labels.GetNumberOfComponentsPerPixel() > 1:
        labels = sitk.VectorIndexSelectionCast(labels, channel)
    return from_itk(_three_d(labels))


def _three_d(image: sitk.Image) -> sitk.Image:
    if image.GetDimension() != 3:
        raise ReadError(f"an image of {image.GetDimension()} dimensions", "give a 3-D image")
    return image
