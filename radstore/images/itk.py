"""Between `Volume` and ``SimpleITK.Image``."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from radstore.images.arrays import to_host
from radstore.images.volume import Geometry, Volume
from radstore.threads import use_threads


def to_itk(volume: Volume) -> sitk.Image:
    """A copy of `volume` as a SimpleITK image with the same pixel type and geometry.

    Raises
    ------
    TypeError
        For an array whose dtype ITK does not have (bool, float16).
    """
    array = to_host(volume.array)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    image = sitk.GetImageFromArray(native)
    image.SetSpacing(volume.geometry.spacing)
    image.SetOrigin(volume.geometry.origin)
    image.SetDirection(volume.geometry.direction)
    return image


def from_itk(image: sitk.Image, source: str = "", *, copy: bool = True) -> Volume:
    """The 3-D `image` as a `Volume` with exactly its pixel type.

    Without `copy` the array takes over the image's memory: the image must not be used any more.
    """
    array = sitk.GetArrayFromImage(image) if copy else np.asarray(_Pixels(image))
    return Volume(array, grid_of(image), source)


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


def set_threads(threads: int) -> None:
    """Set how many threads ITK's filters and our kernels use in this process."""
    use_threads(threads)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)


class _Pixels:
    """An image's memory as NumPy may own it; a view from SimpleITK itself dangles when its image goes."""

    def __init__(self, image: sitk.Image) -> None:
        interface = dict(sitk.GetArrayViewFromImage(image).__array_interface__)
        interface["data"] = (interface["data"][0], False)  # writable: nobody else has it
        self.__array_interface__ = interface
        self._image = image
