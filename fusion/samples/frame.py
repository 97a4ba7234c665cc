"""Which part of a CT a network sees, and on which grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fusion.roi import Roi
from fusion.samples.preparation import Preparation
from radstore.errors import RegionError
from radstore.images.box import Box, bounding_box, placed, sides, whole
from radstore.images.volume import Geometry, Index3, Volume

TOLERANCE = 1e-3  # of a voxel: files round their geometry to float32, or to a few decimals


@dataclass(frozen=True, eq=False)
class Frame:
    """The part of a CT that a network sees; array axes in the plans' order.

    Parameters
    ----------
    ct
        The whole CT.
    box
        The part, in its voxels.
    grid
        The network's grid of that part.
    """

    ct: Volume
    box: Box
    grid: Geometry

    @classmethod
    def of(cls, ct: Volume, region: Volume | None, roi: Roi, prepared: Preparation) -> Frame:
        """The ROI around a region, or the whole CT; in either, as in nnU-Net, without borders of zeros.

        Parameters
        ----------
        ct, region
            With the image's own axes.

        Raises
        ------
        RegionError, BadInput
            If the region does not lie on the CT's grid, or is empty.
        """
        if region is not None:
            require_same_grid(ct, region)
        box = whole(ct.array.shape) if region is None else roi.box(region)
        turned, box = reordered(ct, prepared.order), _turned(box, prepared.order)
        box = placed(bounding_box(turned.array[box] != 0) or whole(sides(box)), box)
        crop = cropped(turned, box)
        return cls(turned, box, resized(crop.geometry, prepared.shape(crop)))

    @property
    def crop(self) -> Volume:
        """The CT in the box."""
        return cropped(self.ct, self.box)

    def of_labels(self, labels: Volume, order: Index3) -> Volume:
        """A mask or label image (with the image's own axes, on the CT's grid) in the box."""
        return cropped(reordered(labels, order), self.box)

    def properties(self, ct: Geometry) -> dict[str, Any]:
        """nnU-Net's properties of the case, as plain JSON.

        Parameters
        ----------
        ct
            The whole CT's grid, with the image's own axes.
        """
        return {
            "sitk_stuff": {
                "spacing": list(ct.spacing),
                "origin": list(ct.origin),
                "direction": list(ct.direction),
            },
            "spacing": list(ct.spacing[::-1]),
            "shape_before_cropping": list(self.ct.array.shape),
            "bbox_used_for_cropping": [[span.start, span.stop] for span in self.box],
            "shape_after_cropping_and_before_resampling": list(sides(self.box)),
        }


def require_same_grid(ct: Volume, labels: Volume) -> None:
    """Make sure that a mask or label image lies on its CT's grid.

    Raises
    ------
    RegionError
        Naming how the grids differ.
    """
    differs = ct.geometry.mismatch(labels.geometry, TOLERANCE)
    if differs is not None:
        raise RegionError(
            f"{labels.source or 'the labels'}: not on the grid of {ct.source or 'the CT'}: {differs} "
            "(CT against labels)",
            "Resample the label image onto the CT's grid, or leave the case out.",
        )


def reordered(volume: Volume, order: Sequence[int]) -> Volume:
    """The same voxels with array axes in another order (array axis i of the result is axis ``order[i]``)."""
    return replace(
        volume, array=volume.array.transpose(order), geometry=reordered_grid(volume.geometry, order)
    )


def reordered_grid(grid: Geometry, order: Sequence[int]) -> Geometry:
    """The grid of an array whose axes were transposed so."""
    x, y, z = (2 - order[2 - axis] for axis in range(3))  # index axes x, y, z are array axes 2, 1, 0
    turned = grid.axes[:, [x, y, z]]
    return Geometry(
        size=(grid.size[x], grid.size[y], grid.size[z]),
        spacing=(grid.spacing[x], grid.spacing[y], grid.spacing[z]),
        origin=grid.origin,
        direction=tuple(turned.ravel().tolist()),
    )


def cropped(volume: Volume, box: Box) -> Volume:
    """The part of a volume in a box."""
    z, y, x = box
    depth, height, width = sides(box)
    grid = volume.geometry.crop((x.start, y.start, z.start), (width, height, depth))
    return replace(volume, array=volume.array[box], geometry=grid)


def resized(grid: Geometry, shape: Index3) -> Geometry:
    """The grid of `shape` voxels (z, y, x) that fills the same space, as resampling functions lay it.

    Voxel i of n lies at (i + ½) · N / n − ½ of the N voxels before.
    """
    size = np.array(shape[::-1])
    scale = np.array(grid.size) / size
    x, y, z = (scale / 2 - 0.5).tolist()
    spacing = (scale * grid.spacing).tolist()
    return Geometry(tuple(size.tolist()), tuple(spacing), grid.point((x, y, z)), grid.direction)


def _turned(box: Box, order: Sequence[int]) -> Box:
    return box[order[0]], box[order[1]], box[order[2]]
