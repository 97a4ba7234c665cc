"""Masks that a store keeps, on their way into a computation; `radstore.store.regions` puts them there."""

from __future__ import annotations

from radstore.catalog import Kept
from radstore.errors import RegionError
from radstore.images.region import DEFAULT_TOLERANCE
from radstore.images.volume import Geometry, Volume
from radstore.store import blocks, layout
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.manifest import Entry

IMAGE = "image"  # in a mask's origin: the digest of the image that it was made for
AGAIN = "The image is another than the one it was predicted on: predict the region again."


def kept(bucket: Bucket, entry: Entry) -> Kept:
    """Where a case finds the mask of an entry; no voxel is read."""
    return Kept(bucket.location, entry.key, entry.voxels, str((entry.origin or {}).get(IMAGE, "")))


def load_mask(mask: Kept, case: str, image: Geometry, tolerance: float | None = None) -> Volume:
    """The mask that a store keeps for a case, uint8, 0 or 1.

    Parameters
    ----------
    image
        The grid of the case's image.
    tolerance
        How far the two grids may differ; None for ITK's 1e-6.

    Raises
    ------
    StoreError
        If the block is not there any more.
    RegionError
        If it does not lie on the image's grid.
    """
    block = blocks.load(open_bucket(mask.store), layout.object_folder(mask.key))
    found = Volume(block.arrays["region"], grid_of(block.geometry), _named(mask, case))
    require_grid(found.geometry, image, tolerance, found.source)
    return found


def require_kept_grid(mask: Kept, case: str, image: Geometry, tolerance: float | None = None) -> None:
    """Make sure that a mask lies on its image's grid, without reading it; raises as `load_mask` does."""
    attributes = blocks.attributes(open_bucket(mask.store), layout.object_folder(mask.key))
    require_grid(Geometry.from_json(attributes["geometry"]), image, tolerance, _named(mask, case))


def require_kept_image(mask: Kept, case: str, image: str) -> None:
    """Make sure that a mask was made for the image with this digest.

    Raises
    ------
    RegionError
        If it was made for another. Nothing is known of a mask that was kept without it.
    """
    if mask.image not in ("", image):
        raise RegionError(f"{_named(mask, case)} was predicted on another image", AGAIN)


def _named(mask: Kept, case: str) -> str:
    return f"the region that {mask.store} keeps for case {case}"


def grid_of(geometry: Geometry | None) -> Geometry:
    """The grid of a region's block, which always has one."""
    if geometry is None:
        raise ValueError("a region without geometry")
    return geometry


def require_grid(grid: Geometry, image: Geometry, tolerance: float | None, what: str) -> None:
    """Make sure that a mask's grid is its image's; raises RegionError, naming `what`."""
    differs = image.mismatch(grid, DEFAULT_TOLERANCE if tolerance is None else tolerance)
    if differs is not None:
        raise RegionError(f"{what} is not on its image's grid: {differs} (image against mask)", AGAIN)
