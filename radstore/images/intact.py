"""Is a file whole? What ITK decoded is checked against the checksum that the file itself carries.

ITK reads a truncated NIfTI, and a damaged NIfTI or compressed MHA, without complaint: the voxels that are
not there are zeros. In a NIfTI it also turns NaN and infinity into zeros. The checksum of the decoded
voxels takes milliseconds where decompressing a second time takes as long as reading, so that is done only
when the first does not settle it (NaN; several gzip members; rescaled or byte-swapped voxels).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np

from radstore.errors import ReadError
from radstore.images.finite import check_finite
from radstore.images.nifti import GZIP_MAGIC, NiftiHeader, head, read_nifti_header

_ONCE_MORE = "Copy or download the file again."
_CHUNK = 1 << 20


@dataclass(frozen=True)
class _Stream:
    """Where voxels lie compressed.

    `offset` bytes into the file `path` it begins; what comes out are the voxels, for a NIfTI behind its
    `nifti` header.
    """

    path: Path
    offset: int = 0
    nifti: NiftiHeader | None = None

    @property
    def skip(self) -> int:
        return self.nifti.data_offset if self.nifti else 0


def check_whole(path: Path, voxels: np.ndarray) -> None:
    """Raise `ReadError` if `path` is truncated or damaged, or ITK hid NaN or infinite voxels.

    Parameters
    ----------
    path
        A NIfTI, NRRD or MetaImage file; nothing is checked of one that carries no checksum.
    voxels
        What ITK decoded from it, any shape.
    """
    if path.name.lower().endswith((".nii", ".nii.gz")):
        header = read_nifti_header(path)
        if header is None:
            return
        if not _is_gzip(path):
            _check_plain_nifti(path, header)
            return
        stream: _Stream | None = _Stream(path, 0, header)
    else:
        stream = _text_header_stream(path)
    if stream is not None and not _checksum_matches(stream, voxels):
        _decompress(path, stream)


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP_MAGIC


def _check_plain_nifti(path: Path, header: NiftiHeader) -> None:
    size, expected = path.stat().st_size, header.data_offset + header.data_bytes
    if size < expected:
        raise ReadError(f"{path} is truncated: {size:,} bytes of {expected:,}", _ONCE_MORE)
    if header.floats is not None:
        count = header.data_bytes // header.floats.itemsize
        check_finite(path, [np.memmap(path, header.floats, "r", header.data_offset, (count,))])


def _text_header_stream(path: Path) -> _Stream | None:
    """NRRD and MetaImage: ``key: value`` or ``key = value`` lines, then the data or the name of its file."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        nrrd = file.read(4) == b"NRRD"
        for raw in file:
            line = raw.decode("latin-1").strip()
            if nrrd and not line:  # a blank line ends an NRRD header
                break
            key, _, value = line.partition(":" if nrrd else "=")
            fields[key.strip().lower().replace(" ", "")] = value.strip()
            if key.strip() == "ElementDataFile":  # and this line a MetaImage's
                break
        offset = file.tell()
    compressed = fields.get("encoding", "").lower() in ("gzip", "gz")
    if not compressed and fields.get("compresseddata", "").lower() != "true":
        return None
    data = fields.get("datafile") or fields.get("elementdatafile") or "LOCAL"
    if data == "LOCAL":
        return _Stream(path, offset)
    detached = path.parent / data
    return _Stream(detached) if detached.is_file() else None


def _checksum_matches(stream: _Stream, voxels: np.ndarray) -> bool:
    with stream.path.open("rb") as file:
        file.seek(stream.offset)
        gzipped = file.read(2) == GZIP_MAGIC
        file.seek(-8, 2)
        trailer = file.read(8)
    plain = np.ascontiguousarray(voxels).data
    if gzipped:  # CRC-32 of everything that went in, then its length modulo 2³²
        before = head(stream.path, stream.skip) if stream.skip else b""
        found = zlib.crc32(plain, zlib.crc32(before)), (len(before) + voxels.nbytes) % 2**32
        return found == (int.from_bytes(trailer[:4], "little"), int.from_bytes(trailer[4:], "little"))
    return zlib.adler32(plain) == int.from_bytes(trailer[4:], "big")


def _decompress(path: Path, stream: _Stream) -> None:
    """Decompress to the end, which checks every checksum on the way."""
    length = 0

    def voxels() -> Iterator[bytes]:
        nonlocal length
        with stream.path.open("rb") as file:
            file.seek(stream.offset)
            for chunk in _decompressed(file, stream.skip):
                length += len(chunk)
                yield chunk

    floats = stream.nifti.floats if stream.nifti else None
    try:
        if floats is None:
            for _ in voxels():
                pass
        else:
            check_finite(path, (_as_floats(chunk, floats) for chunk in voxels()))
    except EOFError as e:
        raise ReadError(f"{path} is truncated: its compressed data end too early", _ONCE_MORE) from e
    except (zlib.error, gzip.BadGzipFile) as e:
        raise ReadError(f"{path} is damaged: {e}", _ONCE_MORE) from e
    if stream.nifti and length < stream.nifti.data_bytes:
        whole = f"{stream.nifti.data_bytes:,}"
        raise ReadError(f"{path} is truncated: {length:,} bytes of voxels of {whole}", _ONCE_MORE)


def _decompressed(file: BufferedReader, skip: int) -> Iterator[bytes]:
    """What comes out after the first `skip` bytes, in pieces of `_CHUNK`."""
    if file.peek(2)[:2] == GZIP_MAGIC:  # one member or several
        with BufferedReader(gzip.GzipFile(fileobj=file)) as unzipped:
            unzipped.read(skip)
            while chunk := unzipped.read(_CHUNK):
                yield chunk
        return
    unzip = zlib.decompressobj()
    while raw := file.read(_CHUNK):
        yield unzip.decompress(raw)
    if not unzip.eof:
        raise EOFError


def _as_floats(chunk: bytes, dtype: np.dtype) -> np.ndarray:
    return np.frombuffer(chunk, dtype, len(chunk) // dtype.itemsize)
