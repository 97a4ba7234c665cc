"""Calls that CuPy would refuse are refused: parameters are compared with the real ones in ``cupy.txt``."""

from __future__ import annotations

import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any

KNOWN = Path(__file__).parents[1] / "cupy.txt"


@cache
def known() -> dict[str, str | None]:
    """Name with its prefix (``cupy.``, ``ndarray.``, ``ndimage.``) → parameters, None if it is not called."""
    lines = (re.fullmatch(r"([\w.]+)(?:\((.*)\))?", line) for line in KNOWN.read_text().splitlines())
    return {found[1]: found[2] for found in lines if found}


def refuse_what_cupy_lacks(name: str) -> None:
    """Raise `AttributeError` for a name that CuPy does not have."""
    if name not in known():
        raise AttributeError(f"CuPy has no {name}")


def refuse_what_cupy_would(name: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Raise `TypeError` for arguments that CuPy's function does not take."""
    _signature(name).bind(*args, **keywords)


@cache
def _signature(name: str) -> inspect.Signature:
    return inspect.signature(eval(f"lambda {known()[name]}: None"))
