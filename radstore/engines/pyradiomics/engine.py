"""The engine `pyradiomics`: the graph walked through the real library. Slow, and the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import SimpleITK as sitk

from radstore.engines.base import Maps, Vector
from radstore.engines.groups import Group, by_transform, grouped
from radstore.engines.pyradiomics.capabilities import refusals
from radstore.engines.pyradiomics.features import global_values, voxel_values
from radstore.engines.pyradiomics.filters import filtered_images
from radstore.engines.pyradiomics.library import VERSION, library
from radstore.engines.pyradiomics.memory import estimate
from radstore.engines.pyradiomics.preprocess import LABEL, Prepared, prepare
from radstore.engines.results import Results, recorded
from radstore.graph import Graph, Node
from radstore.images.grid import offset_in, whole_grid
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
        return refusals(graph)

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
            results = _run(prepare(image, mask, graph), graph, global_values, log)
        found = {name: results.values.get(name, np.nan) for name in graph.names}
        return Vector(found, results.failures, notes=results.notes)

    def maps(self, image: Volume, mask: Volume, graph: Graph) -> Maps:
        """The parametric maps of one case; raises as `vector` does."""
        with library() as log:
            ready = prepare(image, mask, graph)
            results = _run(ready, graph, voxel_values, log)
        return _maps(ready, graph, results, image, mask)


def _run(ready: Prepared, graph: Graph, compute: Compute, log: list[str]) -> Results:
    """Every filter once, every feature class on its image once; then the image is let go."""
    out = Results()
    for transform, features in by_transform(graph).items():
        said = len(log)
        with recorded(partial(out.fail, features)):
            for node, image in _images(transform, ready, graph):
                for group in grouped(f for f in features if f.filtered == node):
                    mask = ready.shape_mask if group.family.startswith("shape") else ready.mask
                    with recorded(partial(out.fail, group.features)):
                        compute(group, image, mask, ready.box, out)
        out.fail(features, "; ".join(log[said:]) or "PyRadiomics gives no such filtered image")
    return out


def _images(transform: Node, ready: Prepared, graph: Graph) -> Iterable[tuple[Node, sitk.Image]]:
    if transform in (graph.image, graph.shape_mask):
        return [(transform, ready.image)]
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
    return Maps(graph.names, array, region, geometry, grid, results.failures, notes=results.notes)


def _whole_grid(graph: Graph, image: Volume, mask: Volume) -> Geometry:
    spacing = graph.image.chain().get("resampledPixelSpacing")
    if spacing is None:
        return image.geometry
    return whole_grid(image.geometry, mask.geometry, spacing, crop_box(mask)[1])
