"""One patient's anatomy: the template, moved, scaled and given a pancreas with a mass of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from radstore.images.volume import Vector3
from radstore.phantom.canvas import ellipsoid_distance, smooth_curve
from radstore.phantom.draw import draw, stream
from radstore.phantom.grids import half_width
from radstore.phantom.sizes import Size
from radstore.phantom.template import (
    BILE,
    BOWEL,
    HALF_DEPTH,
    HALF_WIDTH,
    ISOATTENUATING,
    ISOATTENUATING_HU,
    MASS_HU,
    ORGANS,
    PANCREAS,
    PANCREAS_PROFILE,
    VESSELS,
    Organ,
    Tube,
)

# Where masses sit along the pancreas, counted in points of its path, and how often: head 65 %, body 20 %,
# tail 15 % (within what the CURVAS-PDACVI challenge reports of 125 PANORAMA cases).
MASS_SITES = ((0.4, 1.4), (2.6, 3.8), (4.0, 4.6))
MASS_SHARES = (0.65, 0.20, 0.15)
UPSTREAM_DILATION = 1.35  # of the duct between mass and tail

_Warp = Callable[[Sequence[float]], Vector3]


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Where everything lies in one patient, in mm from the middle of the body.

    Parameters
    ----------
    half_width, half_depth
        Of the body.
    scale
        Against the template.
    organs, bowel, vessels, bile
        The template's, in this patient.
    pancreas, ducts
        Centre lines [n, 3] with radii [n]; the duct is interrupted by the mass.
    mass_centre, mass_radii
        The mass, an ellipsoid.
    mass_hu
        Its mean attenuation less that of the pancreas, HU.
    isoattenuating
        Whether it is one of the few that hardly differ from the pancreas.
    """

    half_width: float
    half_depth: float
    scale: float
    organs: tuple[Organ, ...]
    bowel: tuple[Tube, ...]
    vessels: tuple[Tube, ...]
    bile: Tube
    pancreas: tuple[np.ndarray, np.ndarray]
    ducts: tuple[tuple[np.ndarray, np.ndarray], ...]
    mass_centre: Vector3
    mass_radii: Vector3
    mass_hu: float
    isoattenuating: bool


def draw_anatomy(seed: int, patient: int, size: Size) -> Anatomy:
    """The anatomy of a patient; it does not depend on whether the mass is a PDAC."""
    body = stream(seed, patient, "body")
    width = half_width(seed, patient, size)
    scale = width / HALF_WIDTH
    warp = _warp(stream(seed, patient, "warp"), scale)
    points, knots = smooth_curve([warp(p) for p in PANCREAS])
    volume = 1000.0 * draw(stream(seed, patient, "pancreas"), size.pancreas_cm3)
    centre, radii = _mass(stream(seed, patient, "mass"), points, knots, size)
    attenuation = stream(seed, patient, "attenuation")
    iso = bool(attenuation.random() < ISOATTENUATING)
    duct_radius = draw(stream(seed, patient, "duct"), size.duct_mm) / 2
    return Anatomy(
        width,
        HALF_DEPTH * scale * float(body.uniform(0.95, 1.04)),
        scale,
        tuple(_move_organ(o, warp, scale) for o in ORGANS),
        tuple(_move_tube(t, warp, scale) for t in BOWEL),
        tuple(_move_tube(t, warp, scale * size.tubes) for t in VESSELS),
        _move_tube(BILE, warp, scale * size.tubes),
        (points, _pancreas_radii(points, knots, volume)),
        _ducts(points, duct_radius, centre, radii),
        centre,
        radii,
        draw(attenuation, ISOATTENUATING_HU if iso else MASS_HU),
        iso,
    )


def _warp(rng: np.random.Generator, scale: float, amplitude: float = 1.8, length: float = 90.0) -> _Warp:
    """A smooth displacement, so that neighbours move together and nothing is torn."""
    waves = rng.standard_normal((3, 3)) / length
    phases = rng.uniform(0, 2 * np.pi, 3)

    def warp(point: Sequence[float]) -> Vector3:
        at = np.asarray(point, dtype=float)
        x, y, z = (scale * (at + amplitude * np.sin(2 * np.pi * waves @ at + phases))).tolist()
        return x, y, z

    return warp


def _move_organ(organ: Organ, warp: _Warp, scale: float) -> Organ:
    a, b, c = organ.radii
    return replace(organ, centre=warp(organ.centre), radii=(scale * a, scale * b, scale * c))


def _move_tube(tube: Tube, warp: _Warp, thickness: float) -> Tube:
    return replace(tube, radius=thickness * tube.radius, path=tuple(warp(p) for p in tube.path))


def _pancreas_radii(points: np.ndarray, knots: np.ndarray, volume: float) -> np.ndarray:
    """Radii [n] in mm that give the tube along `points` its volume (mm³): V = ∫ πr² ds and two half balls."""
    profile = np.interp(knots, np.arange(len(PANCREAS_PROFILE)), PANCREAS_PROFILE)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    squared = (profile[:-1] ** 2 + profile[1:] ** 2) / 2
    per_square = np.pi * float(np.sum(squared * steps))
    per_cube = 2 / 3 * np.pi * float(profile[0] ** 3 + profile[-1] ** 3)
    radius = max(np.roots([per_cube, per_square, 0.0, -volume]).real)  # the one positive root
    return radius * profile


def _mass(
    rng: np.random.Generator, points: np.ndarray, knots: np.ndarray, size: Size
) -> tuple[Vector3, Vector3]:
    """Centre and half axes of the mass."""
    at = rng.uniform(*MASS_SITES[rng.choice(len(MASS_SITES), p=MASS_SHARES)])
    on_line = [np.interp(at, knots, points[:, axis]) for axis in range(3)]
    x, y, z = (on_line + rng.normal(0.0, 1.5, 3)).tolist()
    a, b, c = (draw(rng, size.mass_mm) / 2 * rng.uniform(0.9, 1.1, 3)).tolist()
    return (x, y, z), (a, b, c)


def _ducts(
    points: np.ndarray, radius: float, centre: Vector3, radii: Vector3
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """The duct's pieces: the mass stops it, and it is wider on the side of the tail."""
    free = ellipsoid_distance(points[:, 0], points[:, 1], points[:, 2], centre, radii) > 0
    last = int(np.flatnonzero(~free)[-1]) if not free.all() else -1
    width = np.where(np.arange(len(points)) > last, UPSTREAM_DILATION if last >= 0 else 1.0, 1.0) * radius
    edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]]).astype(int)))
    pieces = zip(edges[::2], edges[1::2], strict=True)
    return tuple((points[a:b], width[a:b]) for a, b in pieces if b - a > 1)
