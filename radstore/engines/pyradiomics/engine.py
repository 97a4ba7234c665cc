"""The engine `pyradiomics`: the graph walked through the real library. Slow, and the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import SimpleITK as sitk

from radstore.engines.base import Maps, Vector
from radstore.engines.pyradiomics import features as library_features
from radstore.engines.pyradiomics.capabilities import refusals, unknown_definitions
from radstore.engines.pyradiomics.features import (
    Group,
    Results,
    grouped,
    recorded,
)
from radstore.engines.pyradiomics.filters import filtered_images, ibsi_images, transform_of
from radstore.engines.pyradiomics.library import VERSION, library
from radstore.engines.pyradiomics.memory import estimate
from radstore.engines.pyradiomics.preprocess import LABEL, Prepared, prepare
from radstore.graph import Feature, Graph, Node
from radstore.images.grid import centred_grid, offset_in, resampled_grid
from radstore.images.itk import from_itk
from radstore.images.region import crop_box
from radstore.images.volume import Geometry, Volume

Compute = Callable[[Group, sitk.Image, sitk.Image, np.ndarray, Results], None]

# Operations whose numbers are ours, not the library's, with the revision of our code.
OURS = {"window": 1}
FAMILY = f"pyradiomics/{VERSION}"


class PyRadiomics:
    """PyRadiomics as an `Engine`: filters and feature classes one by one, each computed once.

    The numbers are those of ``RadiomicsFeatureExtractor.execute``. What differs is what goes round them:
    exact feature lists cost no cross product, failures are reported, maps are NaN where undefined, and
    no value depends on which voxels share a batch.
    """

    name = "pyradiomics"
    family = FAMILY
    device = "cpu"

    def version(self, op: str) -> str:
        """The library's version, and for operations that are ours their revision: ``pyradiomics/3.1.4+1``."""
        return f"{FAMILY}+{OURS[op]}" if op in OURS else FAMILY

    def refusals(self, graph: Graph) -> dict[str, str]:
        """Feature name → why the installed library cannot compute it."""
        return {**refusals(graph), **unknown_definitions(graph)}

    def memory(self, graph: Graph, image: Geometry) -> int:
        """Upper estimate of the bytes one case takes; see `radstore.engines.pyradiomics.memory`."""
        return estimate(graph, image)

    def vector(self, image: Volume, mask: Volume, graph: Graph) -> Vector:
        """The global features of one case.

        Raises
        ------
        RegionError
            If PyRadiomics will not use the mask.
        """
        with library() as log:
            results = _run(prepare(image, mask, graph), graph, self.global_values, log)
        return Vector({name: results.values.get(name, np.nan) for name in graph.names}, results.failures)

    def maps(self, image: Volume, mask: Volume, graph: Graph) -> Maps:
        """The parametric maps of one case; raises as `vector` does."""
        with library() as log:
            ready = prepare(image, mask, graph)
            results = _run(ready, graph, self.voxel_values, log)
        return _maps(ready, graph, results, image, mask)

    def global_values(
        self, group: Group, image: sitk.Image, mask: sitk.Image, box: np.ndarray, out: Results
    ) -> None:
        """Add one number a feature to `out`. A faster engine computes its families here itself."""
        library_features.global_values(group, image, mask, box, out)

    def voxel_values(
        self, group: Group, image: sitk.Image, mask: sitk.Image, box: np.ndarray, out: Results
    ) -> None:
        """Add one float32 array a feature to `out`: its value at each voxel of the region, in C order."""
        library_features.voxel_values(group, image, mask, box, out)


def _run(ready: Prepared, graph: Graph, compute: Compute, log: list[str]) -> Results:
    """Every filter once, every feature class on its image once; then the image is let go."""
    out = Results()
    for transform, features in _by_transform(graph).items():
        said = len(log)
        with recorded(partial(out.fail, features)):
            for node, image in _images(transform, ready, graph):
                for group in grouped(f for f in features if f.filtered == node):
                    shape = group.family.startswith("shape")
                    mask = ready.shape_mask if shape else ready.mask
                    with recorded(partial(out.fail, group.features)):
                        compute(group, image, mask, ready.shape_box if shape else ready.box, out)
        out.fail(features, "; ".join(log[said:]) or "PyRadiomics gives no such filtered image")
    return out


def _by_transform(graph: Graph) -> dict[Node, list[Feature]]:
    features: dict[Node, list[Feature]] = {}
    for feature in graph:
        features.setdefault(transform_of(feature.filtered), []).append(feature)
    return features


def _images(transform: Node, ready: Prepared, graph: Graph) -> Iterable[tuple[Node, sitk.Image]]:
    if transform in (graph.image, graph.shape_mask):
        return [(transform, ready.image)]
    if "ibsi" in transform.settings:
        return ibsi_images(transform, ready.image, {f.filtered for f in graph})
    return filtered_images(transform, ready.image, ready.mask)


def _maps(ready: Prepared, graph: Graph, results: Results, image: Volume, mask: Volume) -> Maps:
    """Put the voxels' values on the grid of the region's box."""
    x0, x1, y0, y1, z0, z1 = (int(n) for n in ready.box)
    box = np.s_[x0 : x1 + 1, y0 : y1 + 1, z0 : z1 + 1]
    region = (from_itk(ready.mask[box]).array == LABEL).astype(np.uint8)
    array = np.full((len(graph.features), *region.shape), np.nan, np.float32)
    for layer, name in zip(array, graph.names, strict=True):
        if name in results.values:
            layer[region == 1] = results.values[name]
    grid, crop = _whole_grid(graph, image, mask), from_itk(ready.image[box]).geometry
    geometry = grid.crop(offset_in(grid, crop), crop.size)
    return Maps(graph.names, array, region, geometry, grid, results.failures)


def _whole_grid(graph: Graph, image: Volume, mask: Volume) -> Geometry:
    spacing = graph.image.chain().get("resampledPixelSpacing")
    if spacing is None:
        return image.geometry
    if graph.image.chain().get("ibsi"):
        return centred_grid(mask.geometry, spacing)
    _, extent = crop_box(mask)
    grid = resampled_grid(mask.geometry, spacing, extent)
    # PyRadiomics leaves an image that has the new spacing already where it is, and moves the mask
    return image.geometry if np.allclose(image.geometry.spacing, grid.spacing) else grid
