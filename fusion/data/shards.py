"""Boxes out of a block's arrays: its shard is memory-mapped, and only the chunks that a box touches decoded.

A training patch touches hundreds of small chunks. zarr reads them rightly, but schedules each on its own;
here one is a slice of the map and one call of Blosc (`benchmarks/loader.py` has the ratios). What is not
laid out as our blocks are, or not on a local disk, is read by zarr, and says why.
"""

from __future__ import annotations

import itertools
import json
import math
import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fusion.data.lazy import Box, LazyArray, extent
from radstore.errors import CorruptBlock
from radstore.store.blocks import REMAKE
from radstore.store.bucket import Bucket
from radstore.store.local import LocalBucket

if TYPE_CHECKING:
    import zarr

OPEN = 64  # shards that one process keeps mapped; each holds a file descriptor
UNDEFINED = -1  # in a shard's index: this chunk was not stored, since it holds nothing but the fill value
HEADER = struct.Struct("<4xI4xI")  # of a Blosc buffer: how many bytes it decodes to, how many it is
BYTES = ({"name": "bytes"}, {"name": "bytes", "configuration": {"endian": "little"}})


def open_array(bucket: Bucket, path: str) -> LazyArray:
    """An array of a block.

    Parameters
    ----------
    path
        Of the array within the bucket: `radstore.store.blocks.path_of` its block, and its name.

    Raises
    ------
    CorruptBlock
        If its metadata are missing or damaged.
    """
    metadata = _metadata(bucket, path)
    if not isinstance(bucket, LocalBucket):
        return ZarrArray(bucket, path, metadata, f"{bucket.location} is not on a local disk")
    try:
        return ShardArray(bucket.root / path, Layout.of(metadata))
    except Foreign as foreign:
        return ZarrArray(bucket, path, metadata, str(foreign))


def attributes(bucket: Bucket, path: str) -> dict[str, Any]:
    """What `radstore.store.blocks.attributes` gives, without opening a Zarr group (milliseconds)."""
    return _metadata(bucket, path)["attributes"]["radstore"]


def _metadata(bucket: Bucket, path: str) -> dict[str, Any]:
    try:
        return json.loads(bucket.read(f"{path}/zarr.json"))
    except (FileNotFoundError, ValueError) as error:
        raise CorruptBlock(f"{bucket.location}/{path}/zarr.json: cannot be read ({error})", REMAKE) from error


class Foreign(Exception):
    """An array that is laid out in another way than our blocks are; zarr can read it."""


@dataclass(frozen=True)
class Layout:
    """How our blocks lay out an array: one file, of Blosc chunks with an index at its end, or a single chunk.

    Parameters
    ----------
    shape, dtype, fill
        Of the array; `fill` where a chunk is not stored.
    chunks
        Shape of a chunk.
    sharded
        Whether the file is a shard; else it is the only chunk.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    fill: float
    chunks: tuple[int, ...]
    sharded: bool

    @property
    def grid(self) -> tuple[int, ...]:
        """How many chunks there are along each axis."""
        return tuple(-(-size // chunk) for size, chunk in zip(self.shape, self.chunks, strict=True))

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> Layout:
        """From the array's ``zarr.json``; raises `Foreign`."""
        file, codecs = metadata["chunk_grid"]["configuration"]["chunk_shape"], metadata["codecs"]
        sharded = codecs[0]["name"] == "sharding_indexed"
        inner = codecs[0]["configuration"] if sharded else {"chunk_shape": file, "codecs": codecs}
        shape = tuple(metadata["shape"])
        if any(size > wide for size, wide in zip(shape, file, strict=True)):
            raise Foreign(f"it has more than one file (files of {file}, an array of {shape})")
        if sharded and not _our_index(inner):
            raise Foreign("its shard has an index of another kind")
        first, *more = inner["codecs"]
        if first not in BYTES or [codec["name"] for codec in more] != ["blosc"]:
            raise Foreign(f"its codecs are {inner['codecs']}, not bytes and blosc")
        dtype = np.dtype(metadata["data_type"]).newbyteorder("<")
        return cls(shape, dtype, float(metadata["fill_value"]), tuple(inner["chunk_shape"]), sharded)

    def file(self, folder: Path) -> Path:
        """The array's only file."""
        return folder.joinpath("c", *("0" * len(self.shape)))


def _our_index(sharding: Mapping[str, Any]) -> bool:
    return sharding.get("index_location", "end") == "end" and sharding["index_codecs"] == [
        BYTES[1],
        {"name": "crc32c"},
    ]


class ShardArray(LazyArray):
    """An array in one memory-mapped file.

    Parameters
    ----------
    folder
        The array's.
    """

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.path, self.layout = str(layout.file(folder)), layout
        self.shape, self.dtype, self.fill = layout.shape, layout.dtype, layout.fill

    def pieces(self, box: Box) -> Iterator[tuple[Box, np.ndarray]]:
        from blosc2 import decompress2  # minds where its input ends: `decompress` may crash on a damaged one

        mapped, index = _mapped(self.path, self.layout.grid, self.layout.sharded)
        spans = [_spans(span, chunk) for span, chunk in zip(box, self.layout.chunks, strict=True)]
        if not all(spans):  # an empty box
            return
        touched = index[tuple(slice(along[0][0], along[-1][0] + 1) for along in spans)]
        chunk = np.empty(self.layout.chunks, self.dtype)
        for (start, size), spots in zip(
            touched.reshape(-1, 2).tolist(), itertools.product(*spans), strict=True
        ):
            if start == UNDEFINED:
                continue
            at, into, of = zip(*spots, strict=True)
            try:
                if HEADER.unpack_from(mapped, start) != (chunk.nbytes, size):
                    raise ValueError("its header does not fit the index")
                decompress2(mapped[start : start + size], chunk, nthreads=1)
            except (RuntimeError, ValueError, struct.error) as error:
                raise CorruptBlock(f"{self.path}: chunk {at} is damaged ({error})", REMAKE) from error
            yield into, chunk[of]


def _spans(span: slice, chunk: int) -> list[tuple[int, slice, slice]]:
    """Along one axis, of each chunk that a span touches: its number, where in the span, which part of it."""
    found = []
    for number in range(span.start // chunk, -(-span.stop // chunk) if span.stop > span.start else 0):
        low, high = max(span.start, number * chunk), min(span.stop, (number + 1) * chunk)
        into = slice(low - span.start, high - span.start)
        found.append((number, into, slice(low - number * chunk, high - number * chunk)))
    return found


@lru_cache(maxsize=OPEN)  # blocks are immutable; a forked process goes on with its parent's maps
def _mapped(path: str, grid: tuple[int, ...], sharded: bool) -> tuple[memoryview, np.ndarray]:
    """The bytes of a file, and where its chunks begin and how long they are: int64 (`grid`, 2)."""
    try:
        with Path(path).open("rb") as file:
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (FileNotFoundError, ValueError) as error:  # an empty file cannot be mapped
        raise CorruptBlock(f"{path}: cannot be read ({error})", REMAKE) from error
    if not sharded:
        return mapped, np.array([0, len(mapped)]).reshape(*grid, 2)
    size = 16 * math.prod(grid)
    index, checksum = mapped[-size - 4 : -4], mapped[-4:]
    if len(mapped) < size + 4 or _crc32c(index) != int.from_bytes(checksum, "little"):
        raise CorruptBlock(f"{path}: the index is damaged (its checksum is another)", REMAKE)
    # unsigned and all ones where there is no chunk: as signed numbers, `UNDEFINED`
    return mapped, np.frombuffer(index, "<i8").reshape(*grid, 2)


def _crc32c(data: memoryview) -> int:
    import google_crc32c

    return google_crc32c.value(bytes(data))


class ZarrArray(LazyArray):
    """An array that zarr reads.

    Parameters
    ----------
    metadata
        Its ``zarr.json``.
    reason
        Why it is not memory-mapped.
    """

    def __init__(self, bucket: Bucket, path: str, metadata: Mapping[str, Any], reason: str) -> None:
        self.bucket, self.path, self.reason = bucket, path, reason
        self.shape, self.fill = tuple(metadata["shape"]), float(metadata["fill_value"])
        self.dtype = np.dtype(metadata["data_type"])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_array"}

    @cached_property
    def _array(self) -> zarr.Array:
        import zarr

        return zarr.open_array(self.bucket.zarr(), path=self.path, mode="r", zarr_format=3)

    def pieces(self, box: Box) -> Iterator[tuple[Box, np.ndarray]]:
        if all(extent(box)):
            yield (slice(None),) * self.ndim, np.asarray(self._array[box])
