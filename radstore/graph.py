"""The resolved graph: what has to be computed for a spec, each step once.

A `Spec` says which numbers; `resolve` turns it into nodes:

    image ─ window ─ normalise ─ resample ─ filter ─ discretise ─ matrix ─ feature
    mask ───────────────────────┘  └ resegment ┘

Everything that must know what depends on what walks these nodes and nothing else: the planner and the
keys (`recipe`), ``radstore check``, and the engines, which compute each node once and share it. A setting
that stands in no node cannot change a number, and one that does changes the keys of exactly the features
below its node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from radstore.canonical import digest_of

if TYPE_CHECKING:
    from radstore.spec import Column, Settings

Mode = Literal["roi", "voxel"]

# The features of first order that need grey levels; the others read the filtered image itself.
BINNED_FIRST_ORDER = frozenset({"Entropy", "Uniformity"})
# The features of first order that voxelArrayShift changes.
SHIFTED_FIRST_ORDER = frozenset({"Energy", "TotalEnergy", "RootMeanSquared"})

# Which settings each texture matrix depends on, besides the grey levels and the neighbourhood's plane.
# Under IBSI's definitions: excess kurtosis, and axes from a covariance over n − 1.
IBSI_FEATURES = frozenset(
    ("firstorder_Kurtosis", "shape_MajorAxisLength", "shape_MinorAxisLength", "shape_LeastAxisLength")
)

MATRIX_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "glcm": ("distances", "symmetricalGLCM", "weightingNorm"),
    "glrlm": ("weightingNorm",),
    "glszm": (),
    "gldm": ("distances", "gldm_a"),
    "ngtdm": ("distances",),
}


@dataclass(frozen=True)
class Node:
    """One step: an operation, the settings that change its result, and what it reads.

    `params` carry PyRadiomics' own setting names wherever one exists.
    """

    op: str
    params: tuple[tuple[str, Any], ...] = ()
    inputs: tuple[Node, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """This node's own params as a dict."""
        return dict(self.params)

    def chain(self) -> dict[str, Any]:
        """The params of this node and of everything above it; the nearer node wins."""
        merged: dict[str, Any] = {}
        for node in self.inputs:
            merged.update(node.chain())
        merged.update(self.params)
        return merged


IMAGE = Node("image")
MASK = Node("mask")


@dataclass(frozen=True)
class Feature:
    """One column of the result, resolved.

    Parameters
    ----------
    name
        PyRadiomics' full name, e.g. ``wavelet-LLH_glcm_Imc1``.
    family, feature
        Its last two parts, e.g. ``glcm`` and ``Imc1``.
    filtered
        The node of the filtered image (for shape: of the mask).
    node
        The node of the number (or map) itself.
    """

    name: str
    family: str
    feature: str
    filtered: Node
    node: Node


@dataclass(frozen=True)
class Graph:
    """The features of one spec in one mode, and the nodes they come from.

    Parameters
    ----------
    mode
        ``roi``: one number a case; ``voxel``: one number a voxel.
    features
        In the spec's order.
    image, mask
        The nodes of the image and the mask after pre-processing (what filters read).
    shape_mask
        The mask that shape features describe: before resegmentation (but inside its box), unless
        resegmentShape.
    """

    mode: Mode
    features: tuple[Feature, ...]
    image: Node
    mask: Node
    shape_mask: Node

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.features)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    def only(self, names: Sequence[str]) -> Graph:
        """The same graph with only the features in `names`."""
        wanted = set(names)
        kept = tuple(f for f in self.features if f.name in wanted)
        return Graph(self.mode, kept, self.image, self.mask, self.shape_mask)

    def recipes(self, leaves: Mapping[str, str], version: Callable[[str], str]) -> dict[str, str]:
        """The key of every feature: what determines its value, and nothing else.

        Parameters
        ----------
        leaves
            Content digests of the inputs: ``image`` and ``mask``.
        version
            The engine's algorithm version of an operation (see `Engine.version`).

        Returns
        -------
        dict
            Feature name → sha256 of its recipe. Shape features read no image, so theirs has no image digest
            (unless the mask was resegmented by the image's values).
        """
        known: dict[Node, str] = {}

        def key(node: Node) -> str:
            if node not in known:
                if not node.inputs:
                    known[node] = leaves[node.op]
                else:
                    known[node] = digest_of(
                        [node.op, node.settings, version(node.op), [key(above) for above in node.inputs]]
                    )
            return known[node]

        return {f.name: digest_of([self.mode, key(f.node)]) for f in self.features}


def resolve(columns: Sequence[Column], settings: Settings, mode: Mode) -> Graph:
    """Turn columns and settings into nodes.

    Parameters
    ----------
    columns
        What the spec names, in order. Voxel mode leaves out the shape features: they have no map.
    settings
        The spec's own settings, which rule pre-processing; each column carries those of its filter.
    """
    image, mask, shape_mask = _preprocess(settings)
    features = tuple(
        _feature(column, image, mask, shape_mask, mode)
        for column in columns
        if mode == "roi" or not column.family.startswith("shape")
    )
    return Graph(mode, features, image, mask, shape_mask)


def _node(op: str, settings: Any, names: Sequence[str], *inputs: Node) -> Node:
    return Node(op, _params(settings, *names), inputs)


def _params(settings: Any, *names: str) -> tuple[tuple[str, Any], ...]:
    return tuple((name, getattr(settings, name)) for name in names)


def _preprocess(s: Settings) -> tuple[Node, Node, Node]:
    image, mask = IMAGE, MASK
    if s.windowWidth is not None:
        image = _node("window", s, ("windowLevel", "windowWidth"), image)
    if s.normalize:
        image = _node("normalise", s, ("normalizeScale", "removeOutliers"), image)
    # 1. Resampling crops to the mask's box + padDistance; 2. preCrop only crops; 3. neither: whole image.
    if s.resamples:
        # IBSI aligns the grids' centres and resamples all of the image
        grid = ("resampledPixelSpacing", "ibsi" if s.ibsi else "padDistance")
        image = _node("resample", s, (*grid, "interpolator"), image, mask)
        mask = _node("resample-mask", s, grid, mask)
    elif s.preCrop:
        image = _node("crop", s, ("padDistance",), image, mask)
        mask = _node("crop-mask", s, ("padDistance",), mask)
    mask = _node("roi", s, ("minimumROIDimensions", "minimumROISize"), mask)
    resegmented = mask
    if s.resegmentRange is not None:
        resegmented = _node("resegment", s, ("resegmentRange", "resegmentMode"), image, mask)
        # 1. One mask for all; 2. IBSI's morphological mask; 3. PyRadiomics: that, cut to the other's box
        if s.resegmentShape:
            mask = resegmented
        elif not s.ibsi:
            mask = Node("box", (), (mask, resegmented))
    return image, resegmented, mask


def _plane(s: Settings) -> tuple[str, ...]:
    return ("force2D", "force2Ddimension") if s.force2D else ()


def _ibsi(s: Settings, *names: str) -> tuple[str, ...]:
    """``ibsi`` and what it brings with it, where it is true: then it stands in each node that it changes."""
    return ("ibsi", *names) if s.ibsi else ()


def _filter(column: Column, image: Node, mask: Node) -> Node:
    s, kind = column.settings, column.image_type
    if kind == "Original":
        return image
    if kind == "LoG":
        return Node("log", (("sigma", column.sigma), *_params(s, *_ibsi(s, "boundary"))), (image,))
    if kind == "Wavelet":
        transform = Node(
            "wavelet",
            (
                *_params(s, "wavelet", "start_level", *_plane(s), *_ibsi(s, "boundary", "rotationInvariant")),
                ("level", column.level),
            ),
            (image,),
        )
        return Node("band", (("band", column.band),), (transform,))
    if kind == "Gradient":
        return _node("gradient", s, ("gradientUseSpacing",), image)
    if kind == "LBP2D":
        return _node("lbp2d", s, ("lbp2DRadius", "lbp2DSamples", "lbp2DMethod", "force2Ddimension"), image)
    if kind == "LBP3D":
        names = ("lbp3DLevels", "lbp3DIcosphereRadius", "lbp3DIcosphereSubdivision")
        return Node("band", (("band", column.band),), (_node("lbp3d", s, names, image, mask),))
    return Node(kind.lower(), (), (image,))  # Square, SquareRoot, Logarithm, Exponential


def _feature(column: Column, image: Node, mask: Node, shape_mask: Node, mode: Mode) -> Feature:
    s, family, feature = column.settings, column.family, column.feature
    own = _ibsi(s) if f"{family}_{feature}" in IBSI_FEATURES else ()
    if family.startswith("shape"):
        filtered = shape_mask
        above = _node(family, s, (*(_plane(s) if family == "shape2D" else ()), *own), shape_mask)
    else:
        filtered = _filter(column, image, mask)
        window = ("kernelRadius", "maskedKernel") if mode == "voxel" else ()
        if family == "firstorder":
            above = filtered
            if feature in BINNED_FIRST_ORDER:
                above = _discretise(column, filtered, mask, mode)
            # the plane matters only to a window; in ROI mode first order has no neighbourhood
            names = (*window, *(_plane(s) if window else ()), *own)
            if feature in SHIFTED_FIRST_ORDER:
                names += ("voxelArrayShift",)
            above = _node("firstorder", s, names, above, mask)
        else:
            names = (*MATRIX_SETTINGS[family], *_plane(s), *window)
            above = _node(family, s, names, _discretise(column, filtered, mask, mode), mask)
    node = Node("feature", (("feature", feature),), (above,))
    return Feature(column.name, family, feature, filtered, node)


def _discretise(column: Column, filtered: Node, mask: Node, mode: Mode) -> Node:
    s = column.settings
    names: tuple[str, ...] = ("binCount",) if s.binCount is not None else ("binWidth",)
    if mode == "voxel":  # the voxels that set the bins: the region, or the crop around it
        names += ("maskedKernel",) if s.maskedKernel else ("maskedKernel", "kernelRadius")
    return Node("discretise", (*_params(s, *names), *_bins(column)), (filtered, mask))


def _bins(column: Column) -> tuple[tuple[str, Any], ...]:
    """IBSI's bins, and where those of a width begin: at the lower bound of the range of these very values."""
    s = column.settings
    if not s.ibsi:
        return ()
    origin = None
    if s.resegmentRange is not None and s.resegmentMode == "absolute" and column.image_type == "Original":
        origin = s.resegmentRange[0]
    return ("ibsi", True), ("binOrigin", origin if s.binCount is None else None)
