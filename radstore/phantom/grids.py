"""The grids that CTs are taken on: PANORAMA's.

``panorama_grids.csv`` holds every tenth of PANORAMA's 2,238 training CTs in the order of slice distance,
pixel size and extent: their spacing, and their extent to some millimetres, as the data set's nnU-Net
fingerprint says. Slice distance: median 1.5 mm, 5th to 95th percentile 0.7 to 4.0; pixel: median 0.747 mm,
0.61 to 0.92.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from radstore.images.volume import Geometry
from radstore.phantom.draw import stream
from radstore.phantom.sizes import Size

TABLE = Path(__file__).with_name("panorama_grids.csv")
AIR = 1.05  # width of the field of view, in widths of the patient


class Grid(NamedTuple):
    """One real grid: slice distance (mm), slices, pixel (mm), pixels along x and along y."""

    slice_mm: float
    slices: int
    pixel_mm: float
    matrix: int


@cache
def real_grids() -> tuple[Grid, ...]:
    """The table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Grid(_exact(r["slice_mm"]), int(r["slices"]), _exact(r["pixel_mm"]), int(r["matrix"]))
            for r in csv.DictReader(file)
        )


def half_width(seed: int, patient: int, size: Size) -> float:
    """Half the width of a patient, mm: what fits a field of view that was drawn."""
    grid = _in_plane(seed, patient)
    least, most = size.half_width
    return min(max(size.field * grid.pixel_mm * grid.matrix / 2 / AIR, least), most)


def draw_geometry(seed: int, index: int, patient: int, size: Size) -> Geometry:
    """The grid of case `index`: pixels by the patient, slices by the study."""
    rng = stream(seed, index, "grid")
    along = real_grids()[rng.integers(len(real_grids()))]
    pixel = _exact(size.pixel * _in_plane(seed, patient).pixel_mm)
    matrix = round(2 * AIR * half_width(seed, patient, size) / pixel)
    least, most = size.depth_mm
    depth = min(max(size.field * along.slices * along.slice_mm, least), most)
    corner = -pixel * (matrix - 1) / 2
    x, y, z = (round(v * 8) / 8 for v in rng.normal((corner, corner, -520.0), (5.0, 8.0, 90.0)).tolist())
    slices = round(depth / along.slice_mm)
    return Geometry((matrix, matrix, slices), (pixel, pixel, along.slice_mm), (x, y, z))


def _exact(mm: str | float) -> float:
    """Rounded to what the single precision of a NIfTI header holds exactly, at 1/256 mm."""
    return round(float(mm) * 256) / 256


def _in_plane(seed: int, patient: int) -> Grid:
    grids = real_grids()
    return grids[stream(seed, patient, "field of view").integers(len(grids))]
