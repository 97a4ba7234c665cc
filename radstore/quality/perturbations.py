"""Masks and images changed as little as another reader, another day or another scanner would change them.

Masks are moved through their signed distance map, in mm, so that a change means the same for any spacing.

    dilate, erode   the outline moved outwards or inwards
    shift           the mask moved in a random direction, by parts of a voxel
    contour         the outline moved by a smooth random field
    noise           independent normal noise added to the image
    finer, coarser  image and mask resampled to a smaller or larger spacing

After Zwanenburg et al., Scientific Reports 9 (2019) 614, who rotate and translate grids, add noise, and grow,
shrink and randomise outlines (theirs through supervoxels, ours through a random field).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from radstore.errors import BadInput
from radstore.images.box import Box, bounding_box, first_and_size, grown, whole
from radstore.images.volume import Geometry, Volume

Pair = tuple[Volume, Volume]

SMOOTH = 5.0  # mm: the standard deviation of the Gaussian that smooths random fields
SLACK = 1e-6  # mm: distances are sums of squares, and a voxel at just that distance belongs to it


@dataclass(frozen=True)
class Strengths:
    """How much is changed; 0 leaves a perturbation out.

    Parameters
    ----------
    dilate, erode
        mm, on average along the outline: where it is less than a voxel, a smooth random field says which of
        the outline's voxels join or leave.
    shift
        mm, in a random direction.
    contour
        mm: standard deviation of the outline's displacement.
    noise
        HU (the image's own unit): standard deviation.
    resample
        Share of the spacing: 0.1 resamples to 0.9 and to 1.1 times the spacing.

    Raises
    ------
    BadInput
        If one is negative or not finite, or `resample` is 1 or more.
    """

    dilate: float = 1.0
    erode: float = 1.0
    shift: float = 1.0
    contour: float = 1.0
    noise: float = 5.0
    resample: float = 0.1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < np.inf or (field.name == "resample" and value >= 1):
                below = "below 1" if field.name == "resample" else "in mm or HU"
                raise BadInput(
                    f"{field.name} is {value}", f"Give a number from 0 on, {below}; 0 leaves it out."
                )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The perturbations that are not left out."""
        names = [field.name for field in fields(self) if getattr(self, field.name) > 0]
        return tuple(kind for name in names for kind in _KINDS.get(name, (name,)))


_KINDS = {"resample": ("finer", "coarser")}
SMALL_MASKS = Strengths(dilate=0.5, erode=0.5, shift=1.0, contour=0, noise=0, resample=0)
"""What ``radstore check`` does to masks: less than two careful readers differ by."""


def perturbed(
    kind: str,
    image: Volume,
    mask: Volume,
    strengths: Strengths,
    random: np.random.Generator,
    frame: Box | None = None,
) -> Pair | None:
    """Image and mask after one perturbation; None where nothing is left of the mask.

    Parameters
    ----------
    kind
        One of `Strengths.kinds`.
    mask
        uint8, 0 or 1, not empty.
    random
        All that is random comes from it.
    frame
        The part of the image that features read: noise need not be drawn elsewhere, and resampling may cut
        the rest off. None: all of it.
    """
    if kind == "noise":
        return _noisy(image, strengths.noise, random, frame), mask
    if kind in _KINDS["resample"]:
        factor = 1 - strengths.resample if kind == "finer" else 1 + strengths.resample
        return _resampled(image, mask, factor, frame)
    moved = _moved(kind, mask, strengths, random)
    return (image, moved) if moved.array.any() else None


def signed_distance(mask: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Distance in mm of each voxel [z, y, x] to the nearest across the mask's outline; negative inside."""
    from scipy.ndimage import distance_transform_edt

    inside = mask > 0
    outer = distance_transform_edt(~inside, sampling=spacing[::-1])
    distance: np.ndarray = outer - distance_transform_edt(inside, sampling=spacing[::-1])
    return distance


def _moved(kind: str, mask: Volume, strengths: Strengths, random: np.random.Generator) -> Volume:
    from scipy.special import ndtr

    spacing = mask.geometry.spacing
    by = getattr(strengths, kind)
    reach = [int(np.ceil(4 * by / step)) + 2 for step in spacing[::-1]]  # 4: the field's largest value, about
    box = grown(_box(mask), reach, mask.array.shape)
    distance = signed_distance(mask.array[box], spacing)
    if kind in ("dilate", "erode"):
        # a voxel's own size is added where the field says so: half a voxel takes every other one of the rim
        edge = by + min(spacing) * ndtr(_field(distance.shape, spacing, random)) + SLACK
        new = distance <= edge if kind == "dilate" else distance < -edge
    elif kind == "shift":
        new = _shifted(distance, by, spacing, random) < 0
    else:
        new = distance + by * _field(distance.shape, spacing, random) < 0
    array = np.zeros_like(mask.array)
    array[box] = new
    return replace(mask, array=array)


def _shifted(
    distance: np.ndarray, by: float, spacing: tuple[float, float, float], random: np.random.Generator
) -> np.ndarray:
    from scipy.ndimage import shift

    direction = random.standard_normal(3)
    voxels = by * direction / np.linalg.norm(direction) / np.array(spacing[::-1])
    moved: np.ndarray = shift(distance, voxels, order=1, mode="nearest")
    return moved


def _field(
    shape: tuple[int, ...], spacing: tuple[float, float, float], random: np.random.Generator
) -> np.ndarray:
    """A smooth random field with standard deviation 1."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(random.standard_normal(shape), [SMOOTH / step for step in spacing[::-1]])
    smooth: np.ndarray = field / field.std()
    return smooth


def _noisy(image: Volume, sigma: float, random: np.random.Generator, frame: Box | None) -> Volume:
    part = frame or whole(image.array.shape)
    array = image.array.copy()
    values = array[part] + sigma * random.standard_normal(array[part].shape)
    array[part] = cast(values, array.dtype)
    return replace(image, array=array)


def _resampled(image: Volume, mask: Volume, factor: float, frame: Box | None) -> Pair | None:
    """Both on a grid of the same extent with another spacing; the mask where it is at least half."""
    from radstore.images.resample import resample

    part = frame or whole(image.array.shape)
    (fx, fy, fz), (nx, ny, nz) = (each.tolist() for each in first_and_size(part))
    old = image.geometry.crop((fx, fy, fz), (nx, ny, nz))
    dx, dy, dz = (step * factor for step in old.spacing)
    mx, my, mz = (int((n - 1) / factor) + 1 for n in (nx, ny, nz))  # none beyond the last voxel's centre
    new = Geometry((mx, my, mz), (dx, dy, dz), old.origin, old.direction)
    share = resample(mask.array.astype(np.float32), mask.geometry, new, "sitkLinear")
    if not (share >= 0.5).any():
        return None
    # in float32: of whole numbers the resampling cuts off the decimals, which would shift the mean
    values = resample(image.array[part].astype(np.float32), old, new, "sitkBSpline")
    return (
        replace(image, array=cast(values, image.array.dtype), geometry=new),
        replace(mask, array=(share >= 0.5).astype(np.uint8), geometry=new),
    )


def cast(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values in a dtype: whole numbers are rounded, and kept within its range."""
    if dtype.kind == "f":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)


def _box(mask: Volume) -> Box:
    box = bounding_box(mask.array)
    if box is None:
        raise ValueError("an empty mask has no outline")
    return box
