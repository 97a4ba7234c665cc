"""The figure of one case: its CT and one parametric map over it, on the slice with most of the region."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radstore.images.volume import Volume
from radstore.output_file import writing
from radstore.report.axial import Axial, Box, Plane, best_height, require_same_axes, zoom

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WINDOW_LEVEL, WINDOW_WIDTH = 40.0, 400.0  # HU, the usual abdominal window
MAP_RANGE = (1.0, 99.0)  # percentiles of the map's defined values that the colours span
MAP_COLOURS = "viridis"
OUTLINE = "#ff5a36"
INK, FAINT = "#1a1a1a", "#6b6b6b"
FONT = 7.0  # pt
DPI = 220
ONE_LINE = 32  # longest feature name that is not broken
ROUND_LENGTHS = (1, 2, 5, 10, 20, 50, 100)  # mm, of scale bars


def case_figure(
    image: Volume,
    feature_map: Volume,
    region: Volume | None,
    path: Path | str,
    *,
    feature: str,
    title: str,
    caption: str = "parametric map",
) -> Path:
    """Draw one case as a PNG: the CT with the region's outline, the map over it, and the map enlarged.

    The slice is the one with the largest area of the region. Pictures stand in radiological convention: the
    patient's right is on the left, anterior is up, whatever direction the arrays are stored in. Every
    array is drawn where its own geometry says, in mm, so that a map on a resampled or cropped grid is
    neither resampled nor shifted. On an oblique grid the slice is the scanner's own (see `Axial`).

    Parameters
    ----------
    image
        The CT, [z, y, x], HU.
    feature_map
        The map, [z, y, x], float; NaN (outside the region, or undefined) and inf are transparent.
    region
        The mask, [z, y, x], 0 or not, on any grid along the same axes. None: where the map is defined.
    path
        The PNG to write; its folder is made.
    feature
        Full name of the feature, for the colour bar.
    title
        What stands over the figure, e.g. the case's id.
    caption
        What kind of map it is.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    RegionError
        If the region is empty, or lies outside the image or the map, or the grids' axes differ.
    BadInput
        If the file cannot be written.
    """
    if region is None:
        region = Volume(np.isfinite(feature_map.array), feature_map.geometry, feature_map.source)
    ct, values, mask = Axial.of(image), Axial.of(feature_map), Axial.of(region)
    require_same_axes(ct, (values, feature_map), (mask, region))
    z = best_height(mask, (ct, values), region.source or title)
    figure = _figure(ct.plane(z), values.plane(z), mask.plane(z), _range(values.array), feature)
    undefined = "" if np.isfinite(values.array).any() else " (undefined everywhere)"
    _caption(figure, title, f"z = {z:.1f} mm", f"{caption}{undefined}")
    path = Path(path)
    with writing(path) as aside:
        figure.savefig(aside, format="png")
    return path


def _figure(ct: Plane, values: Plane, mask: Plane, limits: tuple[float, float], feature: str) -> Figure:
    """Three panels of one size: the CT, the map over it, both enlarged; and the colour bar."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    view = ct.extent
    enlarged = zoom(mask, view)
    figure = Figure(figsize=_size(view), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)  # not pyplot: no global state, any thread
    panels = _panels(figure, view)
    for axes, box in zip(panels, (view, view, enlarged), strict=True):
        draw_ct(axes, ct, box)
        draw_outline(axes, mask)
        draw_scale_bar(axes)
    for axes in panels[:2]:
        draw_sides(axes)
    _frame(panels[0], enlarged)
    colours = [_draw_map(axes, values, limits) for axes in panels[1:]]
    _colour_bar(figure, panels[-1], colours[-1], feature)
    return figure


def _range(array: np.ndarray) -> tuple[float, float]:
    """What the colours span: robust percentiles of the whole map's defined values."""
    defined = array[np.isfinite(array)]
    if not defined.size:
        return 0.0, 1.0
    low, high = np.percentile(defined.astype(float), MAP_RANGE)
    if high > low:
        return float(low), float(high)
    half = max(abs(low) * 1e-3, 1e-6)  # one value everywhere still needs a colour bar
    return float(low - half), float(high + half)


# ---- layout, in inches

_PANEL, _GAP, _LEFT, _RIGHT, _TOP, _BOTTOM = 2.2, 0.07, 0.07, 0.95, 0.37, 0.26
_TALLEST = 3.4


def _panel_size(view: Box) -> tuple[float, float]:
    shape = (view[2] - view[3]) / (view[1] - view[0])
    return (_PANEL, _PANEL * shape) if _PANEL * shape <= _TALLEST else (_TALLEST / shape, _TALLEST)


def _size(view: Box) -> tuple[float, float]:
    width, height = _panel_size(view)
    return _LEFT + 3 * width + 2 * _GAP + _RIGHT, _TOP + height + _BOTTOM


def _panels(figure: Figure, view: Box) -> list[Axes]:
    """Three axes of one size, side by side."""
    (width, height), (w, h) = _panel_size(view), _size(view)
    left = [_LEFT + k * (width + _GAP) for k in range(3)]
    return [figure.add_axes((x / w, _BOTTOM / h, width / w, height / h)) for x in left]


def draw_ct(axes: Axes, plane: Plane, box: Box) -> None:
    """The CT in the abdominal window, the part in a box (mm)."""
    low, high = WINDOW_LEVEL - WINDOW_WIDTH / 2, WINDOW_LEVEL + WINDOW_WIDTH / 2
    axes.imshow(plane.array, cmap="gray", vmin=low, vmax=high, extent=plane.extent)
    axes.set_facecolor("black")
    axes.set_xlim(box[0], box[1])
    axes.set_ylim(box[2], box[3])
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def draw_outline(axes: Axes, mask: Plane, colour: str = OUTLINE, width: float = 0.8) -> None:
    """A mask's border, half-way between voxel centres; closed at the array's edge by a rim of zeros."""
    inside = np.pad((mask.array != 0).astype(float), 1)
    x = np.concatenate([[mask.x[0] - mask.step[0]], mask.x, [mask.x[-1] + mask.step[0]]])
    y = np.concatenate([[mask.y[0] - mask.step[1]], mask.y, [mask.y[-1] + mask.step[1]]])
    axes.contour(x, y, inside, levels=[0.5], colors=colour, linewidths=width)


def _draw_map(axes: Axes, plane: Plane, limits: tuple[float, float]) -> Any:
    shown = np.ma.masked_invalid(plane.array.astype(float))
    return axes.imshow(
        shown,
        cmap=MAP_COLOURS,
        vmin=limits[0],
        vmax=limits[1],
        extent=plane.extent,
        interpolation="nearest",
        zorder=1.5,
    )


def _colour_bar(figure: Figure, beside: Axes, colours: Any, feature: str) -> None:
    place, width = beside.get_position(), figure.get_size_inches()[0]
    axes = figure.add_axes((place.x1 + 0.07 / width, place.y0, 0.09 / width, place.height))
    bar = figure.colorbar(colours, cax=axes, extend="both", extendfrac=0.03)
    bar.outline.set_linewidth(0.4)
    axes.ticklabel_format(axis="y", scilimits=(-3, 4))
    axes.yaxis.get_offset_text().set(size=FONT - 1, color=INK)
    axes.tick_params(labelsize=FONT - 1, length=2, width=0.4, pad=1.5, colors=INK)
    head, _, last = feature.rpartition("_")
    label = f"{head}_\n{last}" if len(feature) > ONE_LINE else feature
    bar.set_label(label, fontsize=FONT - 0.5, color=INK, labelpad=3)


def _frame(axes: Axes, box: Box) -> None:
    """Show on the whole slice what the enlarged panel holds."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = box
    size = right - left, bottom - top
    axes.add_patch(Rectangle((left, top), *size, fill=False, lw=0.6, ec="white", ls=(0, (3, 2))))


def draw_sides(axes: Axes) -> None:
    """The patient's right and left, readable on any grey."""
    from matplotlib.patheffects import withStroke

    for at, side, align in ((0.02, "R", "left"), (0.98, "L", "right")):
        text = axes.text(
            at, 0.5, side, transform=axes.transAxes, color="white", size=FONT, ha=align, va="center"
        )
        text.set_path_effects([withStroke(linewidth=1.2, foreground="black")])


def draw_scale_bar(axes: Axes) -> None:
    """A bar of a round length under the panel, a tenth to a quarter of its width."""
    left, right = axes.get_xlim()
    length = max((n for n in ROUND_LENGTHS if n <= (right - left) / 4), default=ROUND_LENGTHS[0])
    at = axes.get_xaxis_transform()
    style: dict[str, Any] = {"color": INK, "transform": at, "clip_on": False}
    axes.plot([right - length, right], [-0.022] * 2, lw=1.2, solid_capstyle="butt", scalex=False, **style)
    axes.text(right, -0.035, f"{length} mm", size=FONT - 0.5, ha="right", va="top", **style)


def _caption(figure: Figure, title: str, height: str, map_name: str) -> None:
    """The title, and over each panel what it shows."""
    width, tall = figure.get_size_inches()
    figure.text(_LEFT / width, 1 - 0.07 / tall, title, size=FONT + 1.5, weight="bold", color=INK, va="top")
    window = f"CT, window {WINDOW_LEVEL:g} / {WINDOW_WIDTH:g} HU, {height}".replace("-", "−")
    for axes, caption in zip(figure.axes, (window, map_name, "enlarged"), strict=False):  # then the bar
        axes.set_title(caption, size=FONT, color=FAINT, loc="left", pad=2.5)
