"""One CT of one patient: the grid it is taken on, what each tissue measures, texture and noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from radstore.images.volume import Geometry, Index3, Vector3, Volume
from radstore.phantom.anatomy import Anatomy, draw_anatomy
from radstore.phantom.canvas import Canvas, smooth_curve
from radstore.phantom.draw import draw, stream
from radstore.phantom.grids import draw_geometry
from radstore.phantom.people import Study
from radstore.phantom.sizes import Size
from radstore.phantom.template import BACKGROUND, DUCT, HU, LESION, PARENCHYMA, Organ, Tube
from radstore.phantom.texture import field

# What tells a PDAC from another mass, and nothing else does: the distance over which the texture inside
# falls to a correlation of 1/e. Its histogram is the same. Tumours are less even than parenchyma; how much
# less is this phantom's choice.
TEXTURE_MM = {False: 2.2, True: 3.4}
MASS_TEXTURE_HU = 14.0
# Within a disc of parenchyma two public portal-venous CTs have a standard deviation of 9.9 to 13.1 HU and an
# in-plane autocorrelation of 0.50 to 0.64 at 0.8 mm: noise and texture together, 11 HU.
PARENCHYMA_TEXTURE_HU = 6.3
PARENCHYMA_TEXTURE_MM = 2.2
NOISE_HU = 9.0
NOISE_SLICES = 0.4  # width (σ) along z of the Gaussian that noise is smoothed with, in slices

CT_RANGE = (-1024, 3071)


@dataclass(frozen=True, eq=False)
class Scan:
    """How one study was taken.

    Parameters
    ----------
    geometry
        The image's grid.
    centre
        Where the middle of the body lies, mm, LPS.
    hu
        Mean attenuation of each tissue in `HU`.
    """

    geometry: Geometry
    centre: Vector3
    hu: Mapping[str, float]


def draw_scan(seed: int, who: Study, size: Size) -> Scan:
    """The acquisition of a study."""
    geometry = draw_geometry(seed, who.index, who.patient, size)
    nx, ny, nz = geometry.size
    middle = np.array(geometry.point(((nx - 1) / 2, (ny - 1) / 2, (nz - 1) / 2)))
    off = stream(seed, who.index, "table").normal(0.0, (0.8, 1.2, 3.0))
    cx, cy, cz = (middle + off).tolist()
    hu = {tissue: draw(stream(seed, who.index, tissue), spread) for tissue, spread in HU.items()}
    return Scan(geometry, (cx, cy, cz), hu)


def take(seed: int, who: Study, size: Size, signal: bool = True) -> tuple[Volume, Volume]:
    """The CT (int16, HU) and the label image (uint8) of a study.

    Parameters
    ----------
    signal
        Whether a PDAC has the texture of one; without, only the label image knows.
    """
    anatomy = draw_anatomy(seed, who.patient, size)
    scan = draw_scan(seed, who, size)
    canvas = Canvas.blank(scan.geometry, scan.centre, scan.hu["air"])
    _body(canvas, anatomy, scan)
    _pancreas(canvas, anatomy, scan, seed, who, signal)
    _vessels_and_ducts(canvas, anatomy, scan)
    _spine(canvas, anatomy, scan, size.vertebra_mm)
    _noise(canvas.hu, seed, who, scan, size)
    np.clip(np.rint(canvas.hu, out=canvas.hu), *CT_RANGE, out=canvas.hu)
    return Volume(canvas.hu.astype(np.int16), scan.geometry), Volume(canvas.labels, scan.geometry)


def _noise(hu: np.ndarray, seed: int, who: Study, scan: Scan, size: Size) -> None:
    pixel = scan.geometry.spacing[0]
    sigma = NOISE_SLICES, size.noise_mm / pixel, size.noise_mm / pixel
    # single precision: nothing else is as large as a whole CT
    hu += NOISE_HU * field(stream(seed, who.index, "noise"), scan.geometry.shape, sigma, np.float32)


def _body(canvas: Canvas, anatomy: Anatomy, scan: Scan) -> None:
    """Fat under the skin, the muscular wall, the fat of the cavity, and the organs that have no label."""
    width, depth, unit = anatomy.half_width, anatomy.half_depth, anatomy.scale
    canvas.paint(canvas.column(width, depth), scan.hu["fat"])
    canvas.paint(canvas.column(width - 5 * unit, depth - 4 * unit), scan.hu["muscle"])
    cavity = width - 7.5 * unit, depth - 6.5 * unit
    canvas.paint(canvas.column(*cavity), scan.hu["fat"])
    for tube in anatomy.bowel:
        _hollow(canvas, tube, scan, cavity)
    for organ in anatomy.organs:
        _organ(canvas, organ, scan, cavity)


def _organ(canvas: Canvas, organ: Organ, scan: Scan, cavity: tuple[float, float]) -> None:
    part = canvas.around(organ.centre, organ.radii)
    distance = part.ellipsoid(organ.centre, organ.radii)
    part.paint(np.maximum(distance, part.column(*cavity)), scan.hu[organ.tissue])


def _hollow(canvas: Canvas, tube: Tube, scan: Scan, cavity: tuple[float, float], wall: float = 1.6) -> None:
    points, _ = smooth_curve(tube.path)
    part = canvas.along(points, tube.radius)
    distance = np.maximum(part.tube(points, np.full(len(points), tube.radius)), part.column(*cavity))
    part.paint(distance, scan.hu["wall"])
    part.paint(distance + wall, scan.hu[tube.tissue])


def _pancreas(canvas: Canvas, anatomy: Anatomy, scan: Scan, seed: int, who: Study, signal: bool) -> None:
    """Parenchyma and mass. A mass that is no PDAC carries the label of the parenchyma."""
    points, radii = anatomy.pancreas
    mass = anatomy.mass_centre, anatomy.mass_radii
    reach = max(radii.max(), 2 * max(anatomy.mass_radii))  # a mass may stand out of the pancreas
    part = canvas.along(points, reach)
    texture = partial(_field, seed, who, shape=part.shape, spacing=scan.geometry.spacing)
    rough = texture("rough", 3.0)
    level = scan.hu["pancreas"]
    inside = PARENCHYMA_TEXTURE_HU * texture("parenchyma", PARENCHYMA_TEXTURE_MM)
    part.paint(part.tube(points, radii) + 0.5 * rough, level + inside, PARENCHYMA)
    inside = MASS_TEXTURE_HU * texture("mass", TEXTURE_MM[who.pdac and signal])
    label = LESION if who.pdac else PARENCHYMA
    part.paint(part.ellipsoid(*mass) + 0.8 * rough, level + anatomy.mass_hu + inside, label, edge=2.5)


def _field(
    seed: int, who: Study, purpose: str, correlation_mm: float, shape: Index3, spacing: Vector3
) -> np.ndarray:
    """A random field of mean 0 and variance 1 whose correlation falls to 1/e over `correlation_mm`."""
    sigma = [correlation_mm / 2 / s for s in spacing[::-1]]
    return field(stream(seed, who.index, purpose), shape, sigma)


def _vessels_and_ducts(canvas: Canvas, anatomy: Anatomy, scan: Scan) -> None:
    for tube in (*anatomy.vessels, anatomy.bile):
        points, _ = smooth_curve(tube.path)
        _tube(canvas, points, np.full(len(points), tube.radius), scan.hu[tube.tissue], tube.label)
    for points, radii in anatomy.ducts:
        _tube(canvas, points, radii, scan.hu["duct"], DUCT)


def _tube(canvas: Canvas, points: np.ndarray, radii: np.ndarray, hu: float, label: int | None) -> None:
    part = canvas.along(points, float(radii.max()))
    part.paint(part.tube(points, radii), hu, label)


def _spine(canvas: Canvas, anatomy: Anatomy, scan: Scan, period: float) -> None:
    """Vertebrae, `period` mm from one to the next with discs between them, and their arches."""
    unit = anatomy.scale
    part = canvas.part((-14 * unit, 10 * unit, -np.inf), (14 * unit, 42 * unit, np.inf))
    front = part.column(10.5 * unit, 7.5 * unit, (0, 21 * unit))
    arch = part.column(6.5 * unit, 5.5 * unit, (0, 32 * unit))
    spinous = part.column(1.6 * unit, 4 * unit, (0, 35.5 * unit))
    for distance in (spinous, arch, front):
        part.paint(distance, scan.hu["cortex"], BACKGROUND)
    part.paint(front + 1.5, scan.hu["marrow"])
    from_disc = np.abs((part.z + period / 3) % period - period / 2) - 0.09 * period
    part.paint(np.maximum(front, from_disc), scan.hu["disc"])
    part.paint(arch + 1.8, scan.hu["cord"])
