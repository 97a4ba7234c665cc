"""From a filter node's operation and settings to the filter: what to compute, and what it reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radstore.images.arrays import Array
from radstore.images.filters import gradient, lbp2d, lbp3d, log, pointwise, wavelet
from radstore.images.ibsi import filters as standard

Reach = tuple[int, int, int]
Settings = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Request:
    """One call of `apply`."""

    image: Array
    spacing: Sequence[float]
    settings: Settings
    mask: Array | None
    threads: int
    bands: Collection[str] | None
    origin: Sequence[int]
    largest: float | None


def _plane(s: Settings) -> int | None:
    return s.get("force2Ddimension", 0) if s.get("force2D") else None


def _depth(s: Settings) -> int:
    return s.get("start_level", 0) + s.get("level", 1)


def _log(r: Request) -> dict[str, Array]:
    if r.settings.get("ibsi"):
        return {"": standard.filtered("log", r.image, r.spacing, r.settings)}
    return {"": log.laplacian_of_gaussian(r.image, r.spacing, r.settings["sigma"], r.threads)}


def _wavelet(r: Request) -> dict[str, Array]:
    s = r.settings
    if s.get("ibsi"):
        wanted = r.bands or standard.bands(s)
        return {
            band: standard.filtered("wavelet", r.image, r.spacing, {**s, "band": band}) for band in wanted
        }
    name = s.get("wavelet", "coif1")
    return wavelet.stationary_wavelet(r.image, name, _depth(s), _plane(s), r.bands, r.threads)


def _gradient(r: Request) -> dict[str, Array]:
    spacing = r.spacing if r.settings.get("gradientUseSpacing", True) else None
    return {"": gradient.gradient_magnitude(r.image, spacing, r.threads)}


def _lbp2d(r: Request) -> dict[str, Array]:
    s = r.settings
    circle = s.get("lbp2DSamples", 8), s.get("lbp2DRadius", 1.0), s.get("lbp2DMethod", "uniform")
    across = s.get("force2Ddimension", 0)
    return {"": lbp2d.local_binary_pattern_2d(r.image, *circle, across, r.origin, r.threads)}


def _lbp3d(r: Request) -> dict[str, Array]:
    if r.mask is None:
        raise ValueError("LBP3D is computed inside a region only: pass its mask")
    s = r.settings
    sphere = s.get("lbp3DIcosphereRadius", 1.0), s.get("lbp3DIcosphereSubdivision", 1)
    return lbp3d.local_binary_pattern_3d(r.image, r.mask, s.get("lbp3DLevels", 2), *sphere)


def _pointwise(function: Callable[[Array, float | None], Array]) -> Callable[[Request], dict[str, Array]]:
    return lambda r: {"": function(r.image, r.largest)}


_APPLY: Mapping[str, Callable[[Request], dict[str, Array]]] = {
    "log": _log,
    "wavelet": _wavelet,
    "square": _pointwise(pointwise.square),
    "squareroot": _pointwise(pointwise.squareroot),
    "logarithm": _pointwise(pointwise.logarithm),
    "exponential": _pointwise(pointwise.exponential),
    "gradient": _gradient,
    "lbp2d": _lbp2d,
    "lbp3d": _lbp3d,
}
_MARGIN: Mapping[str, Callable[[Settings, Sequence[float]], Reach]] = {
    "log": lambda s, spacing: log.reach(spacing, s["sigma"]),
    "wavelet": lambda s, _: wavelet.reach(s.get("wavelet", "coif1"), _depth(s), _plane(s)),
    "gradient": lambda *_: gradient.REACH,
    "lbp2d": lambda s, _: lbp2d.reach(s.get("lbp2DRadius", 1.0), s.get("force2Ddimension", 0)),
    "lbp3d": lambda s, _: lbp3d.reach(s.get("lbp3DIcosphereRadius", 1.0)),
}

FILTERS = tuple(_APPLY)
POINTWISE = frozenset({"square", "squareroot", "logarithm", "exponential"})


def apply(
    op: str,
    image: Array,
    spacing: Sequence[float],
    settings: Settings,
    mask: Array | None = None,
    threads: int = 1,
    *,
    bands: Collection[str] | None = None,
    origin: Sequence[int] = (0, 0, 0),
    largest: float | None = None,
) -> dict[str, Array]:
    """The filtered image, or every image that a transform gives, as PyRadiomics' filter would give them.

    Parameters
    ----------
    op
        One of `FILTERS`, as the graph's nodes name them.
    image
        [z, y, x], NumPy or CuPy; the result is of the same kind.
    spacing
        Voxel size along x, y, z in mm.
    settings
        The node's settings, PyRadiomics' names and defaults.
    mask
        The region, where the filter wants one (``lbp3d``).
    threads
        How many threads a filter may use on the CPU; the result is the same.
    bands
        Of a wavelet transform only these bands; by default all.
    origin, largest
        Where `image` is a part of an image (see `reads`): the index (z, y, x) of its first voxel there, and
        `pointwise.largest_of` the whole.

    Returns
    -------
    dict
        Band (``LLH``, ``m1``, ``k`` …), or ``""`` where there is one image, → filtered image [z, y, x].

    Raises
    ------
    ValueError
        If the filter cannot be applied to this image, and for an operation that is no filter.
    """
    _known(op)
    return _APPLY[op](Request(image, spacing, settings, mask, threads, bands, origin, largest))


def margin(op: str, settings: Settings, spacing: Sequence[float]) -> Reach:
    """How far (z, y, x) outside a box the filter reads, in voxels.

    What it reads of a box near the image's border is not always box and margin: `reads` knows.
    """
    _known(op)
    if settings.get("ibsi"):
        return standard.margin(op, settings, spacing)
    return (0, 0, 0) if op in POINTWISE else _MARGIN[op](settings, spacing)


def reads(
    op: str, settings: Settings, spacing: Sequence[float], shape: Sequence[int], box: Sequence[slice]
) -> tuple[slice, slice, slice]:
    """The part of an image to filter, so that a box gets the values that filtering the whole would give it.

    Parameters
    ----------
    op, settings, spacing
        As for `apply`, which then wants the part's `origin` and the whole's `largest` too.
    shape
        Of the whole image, (z, y, x).
    box
        The voxels whose values are wanted; slices (z, y, x) with start and stop.

    Notes
    -----
    A wavelet transform takes the image as periodic (IBSI's filters only where ``boundary`` says so): where it
    would read beyond one end, it reads the other, and so needs the axis whole.
    """
    reach = margin(op, settings, spacing)
    periodic = settings.get("boundary") == "periodic" if settings.get("ibsi") else op == "wavelet"
    parts = []
    for size, wanted, n in zip(shape, box, reach, strict=True):
        start, stop = wanted.start - n, wanted.stop + n
        if periodic and n and (start < 0 or stop > size):
            start, stop = 0, size
        parts.append(slice(max(0, start), min(size, stop)))
    z, y, x = parts
    return z, y, x


def _known(op: str) -> None:
    if op not in _APPLY:
        raise ValueError(f"no filter {op!r}: there are {', '.join(FILTERS)}")
