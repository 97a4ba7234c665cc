"""Canonical JSON and the hashes made of it: one place, so that equal things have equal keys."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces; floats as Python's shortest exact form, 4.0 kept apart from 4.

    Raises
    ------
    TypeError
        For a value that is not plain JSON.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(value: Any) -> str:
    """sha256 (hex) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()


def digest_of_file(file: Path | str) -> str:
    """sha256 (hex) of a file's bytes, read piece by piece."""
    with Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of_array(array: np.ndarray, *context: Any) -> str:
    """sha256 (hex) of an array's dtype, shape and values (C order, little-endian), and of `context`.

    Every NaN counts as the same NaN, and −0.0 differs from 0.0.
    """
    plain = np.ascontiguousarray(array)
    plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    if plain.dtype.kind == "f":
        missing = np.isnan(plain)
        if missing.any():
            plain = np.where(missing, np.array(np.nan, plain.dtype), plain)
    state = hashlib.sha256(canonical([plain.dtype.str, list(plain.shape), *context]))
    state.update(plain.data)
    return state.hexdigest()
