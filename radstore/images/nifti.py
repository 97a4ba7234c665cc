"""What a NIfTI header says before ITK smooths it over: it turns a zero or NaN spacing into 1 mm."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

GZIP_MAGIC = b"\x1f\x8b"
_HEADER_BYTES = {1: 348, 2: 540}


@dataclass(frozen=True)
class NiftiHeader:
    """The few fields needed to judge a file.

    Parameters
    ----------
    dims
        Sizes of the axes the file names, x first.
    spacing
        As stored, in the file's units: 0 or NaN where the writer did not know.
    data_offset
        Bytes before the first voxel (after decompression).
    data_bytes
        Bytes of voxels.
    floats
        The voxels' type if they are float32 or float64, else None.
    """

    dims: tuple[int, ...]
    spacing: tuple[float, ...]
    data_offset: int
    data_bytes: int
    floats: np.dtype | None


def read_nifti_header(path: Path) -> NiftiHeader | None:
    """The header of a NIfTI-1 or -2 file (plain or gzip); None if it is neither.

    Raises
    ------
    OSError, zlib.error
        If the file cannot be read or decompressed that far.
    """
    return _parse(head(path, _HEADER_BYTES[2]))


def head(path: Path, count: int) -> bytes:
    """The first `count` bytes of a file, decompressed if it is gzip; fewer if it is shorter."""
    with path.open("rb") as file:
        raw = file.read(count)
        if not raw.startswith(GZIP_MAGIC):
            return raw
        unzip, plain = zlib.decompressobj(31), b""
        while raw and len(plain) < count:
            plain += unzip.decompress(raw, count - len(plain))
            raw = unzip.unconsumed_tail or file.read(4096)
        return plain


def _parse(raw: bytes) -> NiftiHeader | None:
    for order in "<>":
        if (
            len(raw) >= 348
            and struct.unpack_from(order + "i", raw) == (348,)
            and raw[344:346] in (b"n+", b"ni")
        ):
            dim = struct.unpack_from(order + "8h", raw, 40)
            kind, bits = struct.unpack_from(order + "2h", raw, 70)
            pixdim = struct.unpack_from(order + "8f", raw, 76)
            (offset,) = struct.unpack_from(order + "f", raw, 108)
            return _header(dim, order, kind, bits, pixdim, int(offset))
        if len(raw) >= 540 and struct.unpack_from(order + "i", raw) == (540,) and raw[4:6] in (b"n+", b"ni"):
            kind, bits = struct.unpack_from(order + "2h", raw, 12)
            dim = struct.unpack_from(order + "8q", raw, 16)
            pixdim = struct.unpack_from(order + "8d", raw, 104)
            (offset,) = struct.unpack_from(order + "q", raw, 168)
            return _header(dim, order, kind, bits, pixdim, offset)
    return None


def _header(
    dim: tuple[int, ...], order: str, kind: int, bits: int, pixdim: tuple[float, ...], offset: int
) -> NiftiHeader:
    axes = min(max(dim[0], 0), 7)
    dims = dim[1 : axes + 1]
    floats = {16: np.dtype(order + "f4"), 64: np.dtype(order + "f8")}.get(kind)
    data_bytes = math.prod(max(size, 1) for size in dims) * bits // 8
    return NiftiHeader(dims, pixdim[1 : axes + 1], offset, data_bytes, floats)
