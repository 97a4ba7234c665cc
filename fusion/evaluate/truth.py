"""What was drawn in a case: its lesions and its other structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fusion.evaluate.dice import STRUCTURES
from fusion.recipe import LABELS
from radstore.catalog import Case
from radstore.errors import CaseError
from radstore.images.read import read_header, read_labels
from radstore.images.volume import Geometry

LESION = "lesion"
TOLERANCE = 1e-3  # between grids: of a voxel, and of a direction cosine; NIfTI rounds to float32


@dataclass(frozen=True)
class Truth:
    """What was drawn in a case.

    Parameters
    ----------
    labels
        Structures as `fusion.recipe.LABELS` has them, uint8 (z, y, x) on the CT's grid.
    geometry
        That grid.
    drawn
        Which structures the source names; the others are unknown, not absent.
    """

    labels: np.ndarray
    geometry: Geometry
    drawn: tuple[str, ...]

    @classmethod
    def of(cls, case: Case) -> Truth:
        """Read it.

        Raises
        ------
        CaseError
            If the case has no label file that can be used, or no region ``lesion``.
        """
        if case.problem is not None:
            raise case.problem
        path = case.label_path(case.region(LESION))
        found = read_labels(path)
        differs = read_header(case.image).geometry.mismatch(found.geometry, TOLERANCE)
        if differs is not None:
            raise CaseError(
                f"{path} does not lie on its CT's grid: {differs} (CT against labels)",
                "Resample the labels onto the CT (nearest neighbour).",
            )
        values = structures(case)
        return cls(relabelled(found.array, values), found.geometry, tuple(values))

    @property
    def lesions(self) -> np.ndarray:
        """Mask (z, y, x) of all lesions."""
        return self.labels == LABELS[LESION]

    @property
    def lesions_mm(self) -> tuple[float, ...]:
        """Of each lesion (26-connected, as in picai_eval) the diameter of the sphere of its volume, mm."""
        from scipy import ndimage

        components, _ = ndimage.label(self.lesions, structure=np.ones((3, 3, 3)))
        volumes = np.bincount(components.ravel())[1:] * self.geometry.voxel_volume
        diameters: list[float] = np.cbrt(6 * volumes / np.pi).tolist()
        return tuple(diameters)


def structures(case: Case) -> dict[str, tuple[int, ...]]:
    """Structure → its values in the lesion's label image.

    1. As the catalog names them, where they lie in that image.
    2. The rest by PANORAMA's values, where the lesion has PANORAMA's.
    3. Else they were not drawn.
    """
    image = case.label_path(case.region(LESION))
    named = {name: case.region(name) for name in STRUCTURES if name in case.regions or name == LESION}
    values = {name: region.values for name, region in named.items() if case.label_path(region) == image}
    if values[LESION] == (LABELS[LESION],):
        values |= {name: (LABELS[name],) for name in STRUCTURES if name not in named}
    return values


def relabelled(array: np.ndarray, values: Mapping[str, tuple[int, ...]]) -> np.ndarray:
    """Labels of a source as uint8 of `fusion.recipe.LABELS`; what no structure claims is background."""
    labels = np.zeros(array.shape, np.uint8)
    for name in sorted(values, key=lambda name: name == LESION):  # last, so that nothing covers a lesion
        labels[np.isin(array, values[name])] = LABELS[name]
    return labels
