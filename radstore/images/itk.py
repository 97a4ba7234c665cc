"""Between `Volume` and ``SimpleITK.Image``."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from radstore.images.volume import Geometry, Volume


def to_itk(volume: Volume) -> sitk.Image:
    """A copy of `volume` as a SimpleITK image with the same pixel type and geometry.

    Raises
    ------
    TypeError
        For an array whose dtype ITK does not have (bool, float16).
    """
    native = volume.array.astype(volume.array.dtype.newbyteorder("="), copy=False)
    image = sitk.GetImageFromArray(native)
    image.SetSpacing(volume.geometry.spacing)
    image.SetOrigin(volume.geometry.origin)
    image.SetDirection(volume.geometry.direction)
    return image


def from_itk(image: sitk.Image, source: str = "") -> Volume:
    """The 3-D `image` as a `Volume` with exactly its pixel type.

    The array is a copy: a view of ITK's memory dangles once the image goes or is written to.
    """
    return Volume(sitk.GetArrayFromImage(image), grid_of(image), source)


def grid_of(image: sitk.Image | sitk.ImageFileReader) -> Geometry:
    """The grid of an image's first three axes, or of the one a reader has read the header of.

    −0.0 becomes 0.0, because equal grids must have equal digests.
    """
    axes = image.GetDimension()
    x, y, z = (int(n) for n in image.GetSize()[:3])
    dx, dy, dz = (float(v) for v in image.GetSpacing()[:3])
    ox, oy, oz = (float(v) + 0.0 for v in image.GetOrigin()[:3])
    direction = np.reshape(image.GetDirection(), (axes, axes))[:3, :3] + 0.0
    return Geometry((x, y, z), (dx, dy, dz), (ox, oy, oz), tuple(direction.ravel().tolist()))
