"""One CT of one patient: the grid it is taken on, what each tissue measures, texture and noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from radstore.images.volume import Geometry, Vector3, Volume
from radstore.phantom.anatomy import Anatomy
from radstore.phantom.canvas import Canvas, smooth_curve
from radstore.phantom.draw import draw, stream
from radstore.phantom.template import BACKGROUND, DUCT, HU, LESION, PARENCHYMA, Organ, Size, Tube
from radstore.phantom.texture import field

# What tells a PDAC from another mass, and nothing else does: the distance over which the texture inside
# falls to a correlation of 1/e. Its histogram is the same.
TEXTURE_MM = {False: 2.2, True: 3.4}
MASS_TEXTURE_HU = 9.0
# Within a disc of parenchyma two public portal-venous CTs have a standard deviation of 9.9 to 13.1 HU and an
# in-plane autocorrelation of 0.50 to 0.64 from one voxel to the next: noise and texture together, 11 HU.
PARENCHYMA_TEXTURE_HU = 6.3
PARENCHYMA_TEXTURE_MM = 2.2
NOISE_HU = 9.0
NOISE_BLUR = (0.4, 0.6, 0.6)  # of white noise, voxels along z, y, x

FIELD_OF_VIEW = 1.05  # widths of the patient
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
        Mean attenuation of each tissue in `HU`; ``mass`` is relative to the pancreas.
    """

    geometry: Geometry
    centre: Vector3
    hu: Mapping[str, float]


def draw_scan(seed: int, index: int, anatomy: Anatomy, size: Size) -> Scan:
    """The acquisition of case `index`. Grid numbers are exact in the single precision of a NIfTI header."""
    rng = stream(seed, index, "grid")
    pixel = round(2 * FIELD_OF_VIEW * anatomy.half_width / size.matrix * 128) / 128
    slices = int(rng.integers(size.slices[0], size.slices[1] + 1))
    spacing = pixel, pixel, float(rng.choice(size.slice_mm))
    corner = -pixel * (size.matrix - 1) / 2
    x, y, z = (np.round(rng.normal((corner, corner, -520.0), (5.0, 8.0, 90.0)) * 8) / 8).tolist()
    geometry = Geometry((size.matrix, size.matrix, slices), spacing, (x, y, z))
    middle = np.array(geometry.point(((size.matrix - 1) / 2, (size.matrix - 1) / 2, (slices - 1) / 2)))
    off = rng.normal(0.0, (0.8, 1.2, 3.0))
    cx, cy, cz = (middle + off).tolist()
    hu = {tissue: draw(stream(seed, index, tissue), spread) for tissue, spread in HU.items()}
    return Scan(geometry, (cx, cy, cz), hu)


def take(seed: int, index: int, anatomy: Anatomy, pdac: bool, size: Size) -> tuple[Volume, Volume]:
    """The CT (int16, HU) and the label image (uint8) of case `index`."""
    scan = draw_scan(seed, index, anatomy, size)
    canvas = Canvas(scan.geometry, scan.centre, scan.hu["air"])
    rough = _field(seed, index, "rough", scan, 3.0)
    _body(canvas, anatomy, scan, rough)
    _pancreas(canvas, anatomy, scan, rough, seed, index, pdac)
    _vessels_and_ducts(canvas, anatomy, scan)
    _spine(canvas, anatomy, scan)
    noise = field(stream(seed, index, "noise"), canvas.shape, NOISE_BLUR)
    hu = np.clip(np.rint(canvas.hu + NOISE_HU * noise), *CT_RANGE).astype(np.int16)
    return Volume(hu, scan.geometry), Volume(canvas.labels, scan.geometry)


def _field(seed: int, index: int, purpose: str, scan: Scan, correlation_mm: float) -> np.ndarray:
    """A random field of mean 0 and variance 1 whose correlation falls to 1/e over `correlation_mm`."""
    sigma = [correlation_mm / 2 / s for s in scan.geometry.spacing[::-1]]
    return field(stream(seed, index, purpose), scan.geometry.shape, sigma)


def _body(canvas: Canvas, anatomy: Anatomy, scan: Scan, rough: np.ndarray) -> None:
    """Fat under the skin, the muscular wall, the fat of the cavity, and the organs that have no label."""
    width, depth, unit = anatomy.half_width, anatomy.half_depth, anatomy.scale
    canvas.paint(canvas.column(width, depth), scan.hu["fat"])
    canvas.paint(canvas.column(width - 5 * unit, depth - 4 * unit), scan.hu["muscle"])
    inside = canvas.column(width - 7.5 * unit, depth - 6.5 * unit)
    canvas.paint(inside, scan.hu["fat"])
    for tube in anatomy.bowel:
        _hollow(canvas, tube, scan, inside)
    for organ in anatomy.organs:
        _organ(canvas, organ, scan, inside + 0.3 * rough)


def _organ(canvas: Canvas, organ: Organ, scan: Scan, inside: np.ndarray) -> None:
    distance = canvas.ellipsoid(organ.centre, organ.radii)
    canvas.paint(np.maximum(distance, inside), scan.hu[organ.tissue])


def _hollow(canvas: Canvas, tube: Tube, scan: Scan, inside: np.ndarray, wall: float = 1.6) -> None:
    points, _ = smooth_curve(tube.path)
    distance = np.maximum(canvas.tube(points, np.full(len(points), tube.radius)), inside)
    canvas.paint(distance, scan.hu["wall"])
    canvas.paint(distance + wall, scan.hu[tube.tissue])


def _pancreas(
    canvas: Canvas, anatomy: Anatomy, scan: Scan, rough: np.ndarray, seed: int, index: int, pdac: bool
) -> None:
    """Parenchyma and mass. A mass that is no PDAC carries the label of the parenchyma."""
    level = scan.hu["pancreas"]
    texture = _field(seed, index, "parenchyma", scan, PARENCHYMA_TEXTURE_MM)
    canvas.paint(
        canvas.tube(*anatomy.pancreas) + 0.5 * rough, level + PARENCHYMA_TEXTURE_HU * texture, PARENCHYMA
    )
    texture = _field(seed, index, "mass", scan, TEXTURE_MM[pdac])
    canvas.paint(
        canvas.ellipsoid(anatomy.mass_centre, anatomy.mass_radii) + 0.8 * rough,
        level + scan.hu["mass"] + MASS_TEXTURE_HU * texture,
        LESION if pdac else PARENCHYMA,
        edge=2.5,
    )


def _vessels_and_ducts(canvas: Canvas, anatomy: Anatomy, scan: Scan) -> None:
    for tube in (*anatomy.vessels, anatomy.bile):
        points, _ = smooth_curve(tube.path)
        distance = canvas.tube(points, np.full(len(points), tube.radius))
        canvas.paint(distance, scan.hu[tube.tissue], tube.label)
    for points, radii in anatomy.ducts:
        canvas.paint(canvas.tube(points, radii), scan.hu["duct"], DUCT)


def _spine(canvas: Canvas, anatomy: Anatomy, scan: Scan, period: float = 20.0) -> None:
    """Vertebrae, `period` mm from one to the next with discs between them, and their arches."""
    unit = anatomy.scale
    front = canvas.ellipsoid((0, 21 * unit, 0), (10.5 * unit, 7.5 * unit, np.inf))
    arch = canvas.ellipsoid((0, 32 * unit, 0), (6.5 * unit, 5.5 * unit, np.inf))
    spinous = canvas.ellipsoid((0, 35.5 * unit, 0), (1.6 * unit, 4 * unit, np.inf))
    for distance in (spinous, arch, front):
        canvas.paint(distance, scan.hu["cortex"], BACKGROUND)
    canvas.paint(front + 1.5, scan.hu["marrow"])
    from_disc = np.abs((canvas.z + period / 3) % (period * unit) - period * unit / 2) - 1.8 * unit
    canvas.paint(np.maximum(front, from_disc), scan.hu["disc"])
    canvas.paint(arch + 1.8, scan.hu["cord"])
