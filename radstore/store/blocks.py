"""Blocks: a case's arrays as one immutable Zarr group.

A block is encoded in memory, written under a nonce, and only then named by an exclusively created
pointer: a reader sees all of it or nothing. Whoever comes second uses the first one's block and leaves
its own to gc.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from radstore.canonical import digest_of, digest_of_array
from radstore.errors import CorruptBlock, StoreError
from radstore.images.volume import Geometry
from radstore.store import layout
from radstore.store.bucket import Bucket

if TYPE_CHECKING:
    import zarr

CHUNK = 32  # voxels along each axis: the unit of reading
TABLE_CHUNK = (1024, 128)  # cases, features
TRAINING = "training"  # the kind of a sample that a network is trained on
DIMENSIONS = {1: ("feature",), 2: ("case", "feature"), 3: ("z", "y", "x"), 4: ("feature", "z", "y", "x")}
TRAINING_DIMENSIONS = DIMENSIONS | {2: ("sample", "label_zyx"), 4: ("channel", "z", "y", "x")}
CODEC: dict[str, Any] = {"name": "blosc", "cname": "zstd", "clevel": 3, "shuffle": "shuffle"}
TRAINING_CODEC: dict[str, Any] = {"name": "blosc", "cname": "lz4hc", "clevel": 5, "shuffle": "shuffle"}
"""Of training samples: they are read again in every epoch, so what counts is decoding."""
AXES = ("z", "y", "x")
REMAKE = "Delete this folder, then run `radstore build --rehash`: the block will be computed anew."


@dataclass(frozen=True, eq=False)
class Block:
    """What one block holds.

    Parameters
    ----------
    kind
        ``image``, ``region``, ``features``, ``maps`` (also the name of its main array), or `TRAINING`.
    arrays
        Array name → values. Arrays with three axes or more end in z, y, x.
    geometry
        The grid of those axes; None for features.
    content
        What else belongs to the content and enters the digest: names, recipes, the full grid.
    provenance
        Where it comes from: spec, region, engine, code version, input digests. Not in the digest.
    """

    kind: str
    arrays: Mapping[str, np.ndarray]
    geometry: Geometry | None = None
    content: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """sha256 over the arrays (dtype, shape, values), the geometry and the content."""
        arrays = {name: digest_of_array(array) for name, array in self.arrays.items()}
        geometry = self.geometry.to_json() if self.geometry else None
        return digest_of([self.kind, arrays, geometry, _plain(self.content)])


def publish(bucket: Bucket, folder: str, block: Block) -> str:
    """Write a block into its folder and name it; returns the digest of the block that has the folder now.

    If a block is there already, it is kept (it was made by the same recipe) and its digest returned.

    Parameters
    ----------
    folder
        `layout.object_folder` of the block's key (or `layout.table_folder`).
    """
    taken = find(bucket, folder)
    if taken is not None:
        return taken
    nonce, digest = uuid.uuid4().hex, block.digest
    bucket.write_tree(f"{folder}/{nonce}.zarr", _encode(block))
    named = layout.to_json({"nonce": nonce, "digest": digest, "kind": block.kind})
    while not bucket.create(f"{folder}/{layout.POINTER}", named):
        taken = find(bucket, folder)
        if taken is not None:  # else gc took the pointer that was in our way
            return taken
    return digest


def find(bucket: Bucket, folder: str) -> str | None:
    """The digest of the block in this folder, or None if there is no block."""
    try:
        return str(_pointer(bucket, folder)["digest"])
    except FileNotFoundError:
        return None


def path_of(bucket: Bucket, folder: str) -> str:
    """The path of the block's Zarr group within the bucket.

    Raises
    ------
    StoreError
        If there is no block in this folder.
    """
    try:
        return f"{folder}/{_pointer(bucket, folder)['nonce']}.zarr"
    except FileNotFoundError as error:
        raise StoreError(
            f"{bucket.location}: block {folder} is not there",
            "Run `radstore verify` to see what else is missing, and `radstore build` to make it again.",
        ) from error


def open_group(bucket: Bucket, folder: str) -> zarr.Group:
    """The block's Zarr group, read-only; arrays are read when indexed. Raises as `load`."""
    import zarr

    path = path_of(bucket, folder)
    with _decoding(bucket, folder):
        return zarr.open_group(bucket.zarr(), path=path, mode="r", zarr_format=3, use_consolidated=False)


def load(bucket: Bucket, folder: str) -> Block:
    """The whole block, decoded.

    Raises
    ------
    StoreError
        If there is no block in this folder.
    CorruptBlock
        If it cannot be decoded.
    """
    group = open_group(bucket, folder)
    with _decoding(bucket, folder):
        attrs = own_attributes(group)
        arrays = {name: np.asarray(group[name][...]) for name in attrs["arrays"]}  # type: ignore[index]
        geometry = Geometry.from_json(attrs["geometry"]) if attrs["geometry"] else None
        return Block(attrs["kind"], arrays, geometry, attrs["content"], attrs["provenance"])


def attributes(bucket: Bucket, folder: str) -> dict[str, Any]:
    """The block's own attributes (``kind``, ``geometry``, ``content``, ``provenance``), no array decoded."""
    return own_attributes(open_group(bucket, folder))


def own_attributes(group: zarr.Group) -> dict[str, Any]:
    """The same of a group that is open already."""
    attrs: Any = group.attrs["radstore"]
    return attrs


def verify(bucket: Bucket, folder: str, digest: str) -> None:
    """Read a block again and compare it with the digest it should have.

    Raises
    ------
    CorruptBlock
        If it cannot be decoded or its content is another.
    """
    try:
        pointed, found = find(bucket, folder), load(bucket, folder).digest
    except (StoreError, CorruptBlock):
        raise
    except Exception as error:  # whatever a codec raises on damaged bytes
        raise CorruptBlock(
            f"{bucket.location}/{folder}: cannot be read ({type(error).__name__}: {error})",
            REMAKE,
        ) from error
    for where, it in ((layout.POINTER, pointed), ("the arrays", found)):
        if it != digest:
            raise CorruptBlock(
                f"{bucket.location}/{folder}: {where}: digest {it}, but {digest} was written", REMAKE
            )


def _pointer(bucket: Bucket, folder: str) -> dict[str, Any]:
    return layout.read_json(bucket, f"{folder}/{layout.POINTER}", REMAKE)


@contextmanager
def _decoding(bucket: Bucket, folder: str) -> Iterator[None]:
    """Says of damaged bytes where they are; what Zarr and its codecs raise tells only what is wrong."""
    try:
        yield
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise CorruptBlock(
            f"{bucket.location}/{folder}: cannot be read ({type(error).__name__}: {error})", REMAKE
        ) from error


def _encode(block: Block) -> dict[str, bytes]:
    import zarr
    from zarr.storage import MemoryStore

    files: dict[str, Any] = {}
    group = zarr.open_group(MemoryStore(files), mode="w")
    group.attrs.update(_attrs(block))
    for name, array in block.arrays.items():
        _write_array(group, name, array, training=block.kind == TRAINING)
    return {path: buffer.to_bytes() for path, buffer in files.items()}


def _write_array(group: zarr.Group, name: str, array: np.ndarray, *, training: bool) -> None:
    from zarr.codecs import BloscCodec

    codec, dimensions = (TRAINING_CODEC, TRAINING_DIMENSIONS) if training else (CODEC, DIMENSIONS)
    spatial = array.ndim >= 3
    if spatial:  # all features of a small cube lie in one chunk: a patch of every map is one read (of a
        # sample not: a row of the ablation reads its channels only, and of maps what is defined)
        together = [1 if training else max(1, n) for n in array.shape[:-3]]
        chunks: tuple[int, ...] = (*together, CHUNK, CHUNK, CHUNK)
    else:  # a sample's locations are always read whole
        chunks = TABLE_CHUNK if array.ndim == 2 and not training else array.shape
        chunks = tuple(max(1, min(c, n)) for c, n in zip(chunks, array.shape, strict=True))
    shards = tuple(-(-max(1, n) // c) * c for n, c in zip(array.shape, chunks, strict=True))
    # Bytes one by one are in order already, but readers take the time to shuffle them.
    shuffle: Any = codec["shuffle"] if array.itemsize > 1 else "noshuffle"
    group.create_array(
        name,
        shape=array.shape,
        dtype=array.dtype,
        chunks=chunks,
        shards=shards if spatial else None,
        compressors=BloscCodec(cname=codec["cname"], clevel=codec["clevel"], shuffle=shuffle),
        fill_value=np.nan if array.dtype.kind == "f" else 0,
        dimension_names=dimensions[array.ndim],
        # Stored though empty, so that one that is missing is damage. But maps of a sample are NaN nearly
        # everywhere: there the shard's index, which has a checksum, says that a chunk is empty.
        config={"write_empty_chunks": not (training and name == "data")},
    )[...] = array


def _attrs(block: Block) -> dict[str, Any]:
    attrs: dict[str, Any] = {
        "radstore": {
            "kind": block.kind,
            "geometry": block.geometry.to_json() if block.geometry else None,
            "arrays": sorted(block.arrays),
            "content": _plain(block.content),
            "provenance": _plain(block.provenance),
        }
    }
    if block.geometry and block.kind in ("image", "region"):
        attrs["ome"] = _multiscales(block.kind, block.geometry)
    return attrs


def _plain(value: Any) -> Any:
    """The value as standard JSON has it: NaN and infinities as strings, as Zarr writes its fill values."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _multiscales(name: str, geometry: Geometry) -> dict[str, Any]:
    """OME-Zarr 0.5 metadata of a single level; direction and frame stand in our own attributes."""
    axes = [{"name": axis, "type": "space", "unit": "millimeter"} for axis in AXES]
    transforms = [
        {"type": "scale", "scale": list(geometry.spacing[::-1])},
        {"type": "translation", "translation": list(geometry.origin[::-1])},
    ]
    dataset = {"path": name, "coordinateTransformations": transforms}
    return {"version": "0.5", "multiscales": [{"name": name, "axes": axes, "datasets": [dataset]}]}
