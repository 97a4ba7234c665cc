"""From a case's image and mask to what filters and features read, in PyRadiomics' order of work.

Without resampling nothing is touched but the part of the image that the filters read around the region, so
that a whole CT costs no more memory than a piece of it. What depends on the whole image (its mean and
deviation, its largest value) is taken from the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from radstore.engines.groups import steps
from radstore.engines.native.check import Rules
from radstore.engines.unusable import Unusable
from radstore.errors import CaseError
from radstore.graph import Graph
from radstore.images.arrays import to_host
from radstore.images.box import Box, box_of, first_and_size, grown, inside, placed, whole
from radstore.images.filters import largest_of
from radstore.images.grid import centred_grid, covering, new_spacing, outside, resampled_part, whole_grid
from radstore.images.ibsi import resample as standard
from radstore.images.intensity import Normalisation, moments, window
from radstore.images.lazy import Lazy
from radstore.images.resample import resample
from radstore.images.volume import Geometry, Index3, Volume
from radstore.threads import threads

Put = Callable[[np.ndarray], Any]
Reads = Callable[[Sequence[int], Box], Box]

SLAB = 1 << 24  # voxels that are windowed at a time to find the mean of all


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case ready for filters; arrays are [z, y, x], NumPy or CuPy.

    Parameters
    ----------
    image
        Windowed, normalised, resampled or cropped, as the graph says; where the reach of the filters allows
        it, only a part of what PyRadiomics' filters would see.
    mask
        The region on the same voxels, bool; resegmented if the graph says so.
    shape_mask
        The mask that shape features describe.
    box, shape_box
        The region's box in `mask`, and the part of `shape_mask` that shape features describe.
    spacing
        Voxel size along x, y, z in mm.
    shape, part
        Of all that PyRadiomics' filters would see: its shape, and which part of it `image` is.
    largest
        Its largest absolute value, or None if no filter asks.
    grid
        The whole grid that maps are cropped from.
    offset
        The index (x, y, z) in `grid` of the first voxel of `image`.
    """

    image: Any
    mask: Any
    shape_mask: Any
    box: Box
    shape_box: Box
    spacing: tuple[float, float, float]
    shape: tuple[int, ...]
    part: Box
    largest: float | None
    grid: Geometry
    offset: Index3


@dataclass(frozen=True, eq=False)
class _Seen:
    """What filters see, before the region is checked; fields as in `Prepared`."""

    image: Any
    mask: Any
    shape: tuple[int, ...]
    part: Box
    largest: float | None
    grid: Geometry
    offset: Index3


def prepare(
    image: Volume, mask: Volume, graph: Graph, put: Put, reads: Reads, *, largest: bool = False
) -> Prepared:
    """Do what the graph's nodes above the filters say.

    Parameters
    ----------
    put
        Brings an array to where the work is done.
    reads
        From the shape of an image and the region's box in it: which part of it filters and features read.
    largest
        Whether a filter asks for the largest absolute value.

    Raises
    ------
    RegionError
        Where PyRadiomics will not use the mask.
    CaseError
        If the image cannot be normalised.
    """
    settings = steps(graph)
    rules = Rules(mask.source or image.source, **settings["roi"])
    region = rules.some(mask.array)
    frame = _Frame(image, mask, rules, _intensity(image, settings), put, reads, largest)
    if "ibsi" in settings.get("resample", {}):
        seen = frame.centred(region, **settings["resample"])
    elif "resample" in settings:
        seen = frame.resampled(region, **settings["resample"])
    else:
        seen = frame.cropped(region, **settings.get("crop", {}))
    box = shape_box = rules.box(seen.mask)
    kept = shape_mask = seen.mask
    if "resegment" in settings:
        kept = resegmented(seen.image, seen.mask, rules, put, **settings["resegment"])
        box = rules.box(kept, "after resegmentation")
        shape_mask = kept if graph.shape_mask == graph.mask else seen.mask
        shape_box = box if shape_mask is kept or "box" in settings else shape_box
    return Prepared(
        image=seen.image,
        mask=kept,
        shape_mask=shape_mask,
        box=box,
        shape_box=shape_box,
        spacing=seen.grid.spacing,
        shape=seen.shape,
        part=seen.part,
        largest=seen.largest,
        grid=seen.grid,
        offset=seen.offset,
    )


@dataclass(frozen=True, eq=False)
class _Frame:
    """A case and how its image is framed; parameters as of `prepare`.

    `intensity` is what happens to the image's values, as a function of any part of it.
    """

    image: Volume
    mask: Volume
    rules: Rules
    intensity: Callable[[Any], Any]
    put: Put
    reads: Reads
    asks_largest: bool

    def cropped(self, region: Box, padDistance: int | None = None) -> _Seen:
        """Without resampling: the whole image or (preCrop) the box and its padding; of that, what is read."""
        self.rules.same_size(self.image.geometry, self.mask.geometry)
        if padDistance is None:
            return self._cut(region, whole(self.image.array.shape))
        self.rules.box(self.mask.array[region])
        return self._padded(region, padDistance)

    def resampled(
        self, region: Box, resampledPixelSpacing: Sequence[float], padDistance: int, interpolator: str
    ) -> _Seen:
        """On the new grid: the region's box and its padding."""
        first, size = first_and_size(region)
        image, mask = self.image.geometry, self.mask.geometry
        told = outside(image, mask, first, size)
        if told is not None:
            raise self.rules.refuse(f"larger than image space: it {told}", Unusable.OUTSIDE)
        new = new_spacing(mask, resampledPixelSpacing, size)
        if np.allclose(image.spacing, new):  # the mask alone is moved
            moved = replace(self, mask=replace(self.mask, array=self._mask_on(image), geometry=image))
            return moved._padded(self.rules.box(moved.mask.array), padDistance)
        target, offset = resampled_part(mask, new, first, size, padDistance)
        array = resample(self._lazy(), image, target, interpolator, threads())
        return _Seen(
            image=array,
            mask=self.put(self._mask_on(target)) == 1,
            shape=array.shape,
            part=whole(array.shape),
            largest=largest_of(array) if self.asks_largest else None,
            grid=whole_grid(image, mask, resampledPixelSpacing, size.tolist()),
            offset=offset,
        )

    def centred(
        self, region: Box, resampledPixelSpacing: Sequence[float], ibsi: bool, interpolator: str
    ) -> _Seen:
        """On IBSI's grid: of the whole resampled image the part that is read."""
        mask = self.mask.geometry
        grid = centred_grid(mask, resampledPixelSpacing)
        box = box_of(*covering(grid, mask, *first_and_size(region)))
        part = whole(grid.shape) if self.asks_largest else self.reads(grid.shape, box)
        (x, y, z), (nx, ny, nz) = (each.tolist() for each in first_and_size(part))
        target = grid.crop((x, y, z), (nx, ny, nz))
        array = self.intensity(self.put(self.image.array))
        array = standard.resample(array, self.image.geometry, target, interpolator)
        return _Seen(
            image=array,
            mask=standard.resample_mask(self.put(self.mask.array), mask, target),
            shape=grid.shape,
            part=part,
            largest=largest_of(array) if self.asks_largest else None,
            grid=grid,
            offset=(x, y, z),
        )

    def _padded(self, region: Box, pad: int) -> _Seen:
        return self._cut(region, grown(region, (pad, pad, pad), self.image.array.shape))

    def _cut(self, region: Box, frame: Box) -> _Seen:
        """Of what filters see, `frame`, the part that is read."""
        array, mask = self.image.array[frame], self.mask.array[frame]
        part = self.reads(array.shape, inside(region, frame))
        x, y, z = (int(n) for n in first_and_size(placed(part, frame))[0])
        return _Seen(
            image=self._made(array[part]),
            mask=self.put(mask[part]) == 1,
            shape=array.shape,
            part=part,
            largest=self._largest(array) if self.asks_largest else None,
            grid=self.image.geometry,
            offset=(x, y, z),
        )

    def _made(self, array: Any) -> Any:
        """A part of the image, ready for filters, where the work is done."""
        return self.intensity(self.put(array))

    def _lazy(self) -> Lazy:
        """All of it, made where it is read."""
        array = self.image.array
        dtype = self.intensity(array[:0, :0, :0]).dtype
        return Lazy(array, self._made, dtype.newbyteorder("="))

    def _largest(self, array: Any) -> float:
        """The largest |value| of an array after `intensity`, which keeps the order of values."""
        ends = [to_host(end)[()] for end in (array.min(), array.max())]
        return largest_of(self.intensity(np.array(ends, dtype=array.dtype)))

    def _mask_on(self, target: Geometry) -> Any:
        """The mask at the voxels of `target`, nearest neighbour."""
        if self.mask.geometry == target:
            return self.mask.array
        array = Lazy(self.mask.array, self.put, self.mask.array.dtype)
        return resample(array, self.mask.geometry, target, "sitkNearestNeighbor", threads())


def seen_spacing(image: Volume, mask: Volume, graph: Graph) -> tuple[float, float, float]:
    """The spacing (x, y, z in mm) of the grid of which filters see a part: IBSI's, else the image's."""
    settings = steps(graph).get("resample", {})
    if "ibsi" not in settings:
        return image.geometry.spacing
    return centred_grid(mask.geometry, settings["resampledPixelSpacing"]).spacing


def resegmented(
    image: Any, mask: Any, rules: Rules, put: Put, resegmentRange: Sequence[float], resegmentMode: str
) -> Any:
    """The voxels of a mask whose values lie in a range (both ends included).

    Parameters
    ----------
    image, mask
        Arrays [z, y, x]; the mask bool.
    rules, put
        For the error; brings an array to where these are.
    resegmentRange
        The lowest value, or the lowest and the highest.
    resegmentMode
        What they are in: ``absolute`` values, ``relative`` to the region's maximum, or ``sigma``: the
        region's mean ± so many of its deviations.

    Raises
    ------
    RegionError
        If one voxel or none is left.
    """
    values = to_host(image[mask])  # in NumPy on either processor: its mean decides which voxels stay
    limits = sorted(resegmentRange)
    if resegmentMode == "relative":
        limits = [values.max() * limit for limit in limits]
    elif resegmentMode == "sigma":
        mean, deviation = np.mean(values), np.std(values)
        limits = [mean + deviation * limit for limit in limits]
    stays = values >= limits[0]
    if len(limits) == 2:
        stays &= values <= limits[1]
    if np.count_nonzero(stays) <= 1:
        raise rules.refuse(
            f"Resegmentation excluded too many voxels: {np.count_nonzero(stays)} of {len(values)} are in "
            f"{resegmentRange} ({resegmentMode})",
            Unusable.RESEGMENTED,
        )
    kept = mask.copy()
    kept[mask] = put(stays)
    return kept


def _intensity(image: Volume, settings: dict[str, dict[str, Any]]) -> Callable[[Any], Any]:
    """What happens to intensities, as a function of any part of the image."""
    clipped = settings.get("window")

    def windowed(array: Any) -> Any:
        return window(array, **clipped) if clipped else array

    if "normalise" not in settings:
        return windowed
    mean, deviation = moments(windowed(slab) for slab in _slabs(image.array))
    if not deviation > 0:
        raise CaseError(
            f"{image.source or 'image'}: all voxels have the value {mean:g}: no deviation to divide by",
            "Leave out normalize, or this case.",
        )
    told = settings["normalise"]
    normalised = Normalisation(mean, deviation, told["normalizeScale"], told["removeOutliers"])
    return lambda array: normalised(windowed(array))


def _slabs(array: Any) -> Iterator[Any]:
    """Some slices at a time."""
    z, y, x = array.shape
    step = max(1, SLAB // (y * x))
    return (array[start : start + step] for start in range(0, z, step))
