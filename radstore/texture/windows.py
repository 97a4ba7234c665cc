"""Texture features of windows: the kernels, called from Python.

A window is a voxel's neighbourhood (voxel mode) or the whole region (ROI mode).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np

from radstore.images.arrays import Array, array_module, on_device, to_host
from radstore.images.discretise import BINS, discretise
from radstore.texture import _native
from radstore.texture.order import ORDER
from radstore.texture.places import Places

ROLLING = True  # whether a window may be computed from the one before it; without: the same numbers, slowly
MAX_LEVELS = (1 << 16) - 1  # distinct levels: they are stored in 16 bits, 0 is outside
MAX_GLCM_LEVELS = 8192  # a co-occurrence matrix of 8192² counts and its scratch take about 1 GB
ALL_LEVELS = 256  # up to here, levels that do not occur are listed too

GREYS = (*BINS, "ibsi", "binOrigin")  # the settings that make grey levels


@dataclass(frozen=True, eq=False)
class Windows:
    """One filtered image, its region, and the windows to describe.

    The arrays are NumPy's, or CuPy's: then the kernels run on their device, and the results stay there.

    Parameters
    ----------
    image
        Intensities [z, y, x].
    mask
        The region on the same grid, bool.
    spacing
        Voxel size along x, y, z in mm.
    centres
        int32 [window, 3]: the windows' middle voxels (z, y, x); None for one window that is the whole grid.
    known
        Grey levels by the settings that they come from: found once, shared by all families (and by copies
        with other centres).
    places
        Where the mask's voxels are; None: found when they are needed.
    """

    image: Array
    mask: Array
    spacing: tuple[float, float, float]
    centres: Array | None = None
    known: dict[tuple, tuple[Any, np.ndarray]] = field(default_factory=dict, repr=False)
    places: Places | None = None

    def features(
        self, family: str, wanted: Sequence[str], settings: Mapping[str, Any], threads: int = 1
    ) -> dict[str, Array]:
        """Feature → its value in every window, float64 [window]; all else is as for `table`."""
        return dict(zip(wanted, self.table(family, wanted, settings, threads), strict=True))

    def table(
        self, family: str, wanted: Sequence[str], settings: Mapping[str, Any], threads: int = 1
    ) -> Array:
        """Every wanted feature in every window, float64 [feature, window], NaN where it is undefined.

        Parameters
        ----------
        family
            One of `radstore.texture.order.FAMILIES`.
        wanted
            Its features to return.
        settings
            PyRadiomics' settings that matter to the family; ``kernelRadius`` and ``maskedKernel`` in voxel
            mode.
        threads
            How many threads share the windows; the result is the same.

        Raises
        ------
        ValueError
            If there are more than `MAX_LEVELS` grey levels (glcm: `MAX_GLCM_LEVELS`), or bins without end
            (see `bin_edges`).
        """
        xp = array_module(self.image)
        if self.centres is not None and not len(self.centres):
            return xp.empty((len(wanted), 0))
        plane = settings.get("force2Ddimension") if settings.get("force2D") else None
        radius = [settings.get("kernelRadius", 0)] * 3
        if plane is not None:
            radius[plane] = 0
        level, values = self._levels(settings)
        if family == "glcm":
            _check_count(len(values), MAX_GLCM_LEVELS, " of a co-occurrence matrix")
        offsets = neighbour_offsets(_distances(family, settings), self.image.shape, plane)
        centres = xp.empty((0, 3), np.int32) if self.centres is None else xp.asarray(self.centres)
        rows = getattr(_kernels(self.image), family)(
            level=level,
            values=values,
            highest=int(values[-1]),
            centres=xp.ascontiguousarray(centres, dtype=np.int32),
            radius=tuple(radius),
            offsets=offsets,
            weights=self._weights(family, settings, offsets),
            wanted=[ORDER[family].index(name) for name in wanted],
            threads=threads,
            rolling=ROLLING,
            **self._extra(family, settings),
        )
        rows = xp.stack(rows) if isinstance(rows, list) else rows
        if settings.get("ibsi") and family == "firstorder" and "Kurtosis" in wanted:
            row = rows[list(wanted).index("Kurtosis")]
            row -= 3.0 * (row != 0)  # excess kurtosis; where all values are equal, 0
        return rows

    def levels(self, settings: Mapping[str, Any]) -> int:
        """How many grey levels there are, once no more than `ALL_LEVELS` have to be listed those between
        that do not occur among them; 1: the region is flat.
        """
        return len(self._levels(settings)[1])

    def _levels(self, settings: Mapping[str, Any]) -> tuple[Any, np.ndarray]:
        """Grid (uint16: 0 outside, else 1 + place) and the levels that occur, ascending, on the host.

        On a device the grid is a `radstore.texture.device.Grid`.
        """
        masked = bool(settings.get("maskedKernel", True))
        bins = {name: settings[name] for name in GREYS if name in settings}
        key = (masked, *bins.items())
        if key not in self.known:
            places = self._inside if masked else Places.everywhere(self.mask)
            level, values = _grade(self.image, places, bins)
            self.known[key] = (_kernels(level).Grid(level, places) if on_device(level) else level, values)
        return self.known[key]

    @property
    def _inside(self) -> Places:
        return Places.of(self.mask) if self.places is None else self.places

    def _weights(self, family: str, settings: Mapping[str, Any], offsets: np.ndarray) -> np.ndarray:
        """A weight for each direction, where directions are merged into one matrix; else none."""
        norm = settings.get("weightingNorm")
        if norm is None or family not in ("glcm", "glrlm"):
            return np.empty(0)
        distance = NORMS[norm](np.abs(offsets) * np.array(self.spacing[::-1]))
        return np.exp(-(distance**2)) if family == "glcm" and norm != "no_weighting" else distance

    def _extra(self, family: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        if family == "glcm":
            return {"symmetric": settings["symmetricalGLCM"]}
        if family == "gldm":
            return {"alpha": settings["gldm_a"]}
        if family == "firstorder":
            return {
                "image": array_module(self.image).ascontiguousarray(self.image, dtype=np.float64),
                "shift": float(settings.get("voxelArrayShift", 0)),
                "voxel_volume": float(np.prod(self.spacing)),
            }
        return {}


def _kernels(array: Array) -> Any:
    """The module whose functions run where the array is."""
    return import_module("radstore.texture.device") if on_device(array) else _native


def _grade(image: Array, places: Places, bins: Mapping[str, Any]) -> tuple[Array, np.ndarray]:
    """Levels of an image at some places: see `Windows._levels`. No bins: all is one level.

    Few levels are all listed, whether they occur or not: a level's place is then its value less one, and
    nothing need be looked up. Of many, only those that occur.
    """
    xp = array_module(image)
    if not bins.keys() & set(BINS):  # first order features that need no grey levels
        return places.grid(1, np.uint16), np.ones(1)
    found, lowest, highest = discretise(places.values(image), **bins)
    if lowest < highest <= ALL_LEVELS:  # a single level stays one: MCC is then 1
        return places.grid(found, np.uint16), np.arange(1.0, highest + 1)
    occurs = xp.zeros(highest + 1, bool)
    occurs[found] = True
    levels = np.flatnonzero(to_host(occurs))  # synchronises: sizes depend on how many there are
    _check_count(len(levels), MAX_LEVELS)
    place = np.zeros(highest + 1, np.uint16)
    place[levels] = np.arange(1, len(levels) + 1)
    return places.grid(xp.asarray(place)[found], np.uint16), levels.astype(np.float64)


def _check_count(levels: int, most: int, what: str = "") -> None:
    if levels > most:
        raise ValueError(f"{levels:,} grey levels{what}, more than {most:,}: widen binWidth or set binCount")


# How long an offset is, from its extent along z, y, x in mm.
NORMS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "infinity": lambda extent: extent.max(axis=1),
    "euclidean": lambda extent: np.sqrt((extent**2).sum(axis=1)),
    "manhattan": lambda extent: extent.sum(axis=1),
    "no_weighting": lambda extent: np.ones(len(extent)),
}


def neighbour_offsets(distances: Sequence[int], shape: Sequence[int], plane: int | None = None) -> np.ndarray:
    """One offset (z, y, x) of each opposite pair, int32 [offset, 3], in PyRadiomics' order.

    Parameters
    ----------
    distances
        Infinity-norm shells: all offsets whose largest step is one of them.
    shape
        Of the grid; longer offsets are left out.
    plane
        Only offsets without a step along this axis (force2Ddimension).
    """
    reach = range(max(distances), -max(distances) - 1, -1)
    chosen = [
        offset
        for offset in product(reach, repeat=3)
        if offset > (0, 0, 0)
        and max(map(abs, offset)) in distances
        and (plane is None or offset[plane] == 0)
        and all(abs(step) < size for step, size in zip(offset, shape, strict=True))
    ]
    return np.array(chosen, dtype=np.int32).reshape(-1, 3)


def _distances(family: str, settings: Mapping[str, Any]) -> Sequence[int]:
    """Runs and zones know only direct neighbours."""
    return settings.get("distances", (1,)) if family in ("glcm", "gldm", "ngtdm") else (1,)
