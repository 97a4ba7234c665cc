"""The picture of a case: its three best slices, with the candidates and the region outlined on the CT."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radstore.images.volume import Volume
from radstore.output_file import writing
from radstore.report.axial import Axial, Box, Plane
from radstore.report.slices import (
    DPI,
    FAINT,
    FONT,
    INK,
    OUTLINE,
    WINDOW_LEVEL,
    WINDOW_WIDTH,
    draw_ct,
    draw_outline,
    draw_scale_bar,
    draw_sides,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SLICES = 3
APART = 5.0  # mm between two slices, where the candidates leave a choice: neighbours look alike
MARGIN = 25.0  # mm around what is outlined
CANDIDATE = "#19d3f3"
NUMBER = 0.05  # height of a number, in panels
PANEL, GAP, SIDE, TOP, BOTTOM = 2.4, 0.07, 0.07, 0.55, 0.26  # inches


def picture(
    ct: Volume,
    path: Path | str,
    *,
    region: Volume,
    probability: Volume,
    candidates: Volume,
    title: str,
) -> Path:
    """Draw a case as a PNG.

    In radiological convention: the patient's right is on the left, anterior is up. On an oblique grid the
    slices are the scanner's own.

    Parameters
    ----------
    ct
        HU, [z, y, x]. All others lie on its grid.
    path
        The PNG to write; its folder is made.
    region
        Where vector and maps come from.
    probability, candidates
        Of lesion, and the detection map.
    title
        What stands over it, e.g. the case.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    BadInput
        If the file cannot be written.
    """
    image, found, mask = (Axial.of(volume) for volume in (ct, candidates, region))
    figure = _figure(image, found, mask, best_slices(found, Axial.of(probability), mask))
    _caption(figure, title, float(candidates.array.max(initial=0)))
    path = Path(path)
    with writing(path) as aside:
        figure.savefig(aside, format="png")
    return path


def best_slices(candidates: Axial, probability: Axial, region: Axial) -> list[int]:
    """Up to `SLICES` indices of slices, from foot to head.

    1. With candidates: where the most confident ones are most probable.
    2. Else the middle and the quarters of the region.
    3. Without both: of the volume.
    """
    confidence = candidates.array.max(axis=(1, 2))
    if confidence.any():
        peak = np.where(candidates.array > 0, probability.array, 0).max(axis=(1, 2))
        order = np.lexsort((-peak, -confidence))[: np.count_nonzero(confidence)]
        return sorted(_apart(order.tolist(), candidates.steps[0]))
    inside = np.flatnonzero(region.array.any(axis=(1, 2)))
    span = inside if len(inside) else np.arange(len(confidence))
    return sorted({int(span[round(share * (len(span) - 1))]) for share in (0.25, 0.5, 0.75)})


def _apart(order: Sequence[int], step: float) -> list[int]:
    """The first slices of an order of which no two are close; close ones only to fill up."""
    taken: list[int] = []
    for at in order:
        if all(abs(at - other) * step >= APART for other in taken):
            taken.append(at)
    return [*taken, *(at for at in order if at not in taken)][:SLICES]


def _figure(ct: Axial, candidates: Axial, region: Axial, slices: Sequence[int]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    view = _view(ct, [candidates, region])
    tall = PANEL * (view[2] - view[3]) / (view[1] - view[0])
    width, height = 2 * SIDE + len(slices) * (PANEL + GAP) - GAP, TOP + tall + BOTTOM
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)  # not pyplot: no global state, any thread
    for at, index in enumerate(slices):
        left = (SIDE + at * (PANEL + GAP)) / width
        axes = figure.add_axes((left, BOTTOM / height, PANEL / width, tall / height))
        _panel(axes, ct, candidates, region, index, view)
    return figure


def _panel(axes: Axes, ct: Axial, candidates: Axial, region: Axial, index: int, view: Box) -> None:
    z = float(ct.coords[0][index])
    draw_ct(axes, ct.plane(z), view)
    found = candidates.plane(z)
    for plane, colour, line in ((region.plane(z), OUTLINE, 0.6), (found, CANDIDATE, 1.1)):
        if plane.array.any():  # nothing has no outline, about which matplotlib warns
            draw_outline(axes, plane, colour, line)
    _name_candidates(axes, found, view)
    draw_sides(axes)
    draw_scale_bar(axes)
    axes.set_title(f"z = {z:.1f} mm".replace("-", "−"), size=FONT, color=FAINT, loc="left", pad=2.5)


def _name_candidates(axes: Axes, plane: Plane, view: Box) -> None:
    """Each candidate's confidence, above it, or within it at the upper edge."""
    from matplotlib.patheffects import withStroke

    for confidence in np.unique(plane.array[plane.array > 0]):
        rows, columns = np.nonzero(plane.array == confidence)
        x = float(np.clip(plane.x[columns].mean(), view[0], view[1]))
        y = max(float(plane.y[rows.min()] - plane.step[1]), view[3] + NUMBER * (view[2] - view[3]))
        text = axes.text(
            x, y, f"{confidence:.2f}", color=CANDIDATE, size=FONT - 0.5, ha="center", clip_on=True
        )
        text.set_path_effects([withStroke(linewidth=1.2, foreground="black")])


def _view(ct: Axial, outlined: Sequence[Axial]) -> Box:
    """The part of every slice that is drawn (mm): a square around all that is outlined, within the CT."""
    flat = np.any([axial.array.any(axis=0) for axial in outlined], axis=0)
    whole = ct.plane(float(ct.coords[0][0])).extent
    if not flat.any():
        return whole
    rows, columns = np.nonzero(flat)
    x, y = ct.coords[2][columns], ct.coords[1][rows]
    half = max(float(np.ptp(x)), float(np.ptp(y))) / 2 + MARGIN
    cx, cy = float(x.min() + x.max()) / 2, float(y.min() + y.max()) / 2
    left, right = max(whole[0], cx - half), min(whole[1], cx + half)
    back, front = min(whole[2], cy + half), max(whole[3], cy - half)
    return left, right, back, front


def _caption(figure: Figure, title: str, score: float) -> None:
    """The title, the score, and what the colours mean."""
    width, tall = figure.get_size_inches()
    top = 1 - 0.07 / tall
    figure.text(SIDE / width, top, title, size=FONT + 1.5, weight="bold", color=INK, va="top")
    told = f"score {score:.3f}" if score else "no candidate"
    figure.text(1 - SIDE / width, top, told, size=FONT + 1.5, color=INK, va="top", ha="right")
    at = 1 - 0.24 / tall
    window = f"CT, window {WINDOW_LEVEL:g} / {WINDOW_WIDTH:g} HU"
    figure.text(SIDE / width, at, window, size=FONT, color=FAINT, va="top")
    figure.text(1 - 0.62 / width, at, "region", size=FONT, color=OUTLINE, va="top", ha="right")
    figure.text(1 - SIDE / width, at, "candidate", size=FONT, color="#0aa5c2", va="top", ha="right")
