"""``cupyx.scipy.ndimage``: SciPy's functions on disguised arrays."""

from __future__ import annotations

from typing import Any

import scipy.ndimage
from cupy._array import call
from cupy._strict import refuse_what_cupy_lacks, refuse_what_cupy_would


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    refuse_what_cupy_lacks(f"ndimage.{name}")

    def run(*args: Any, **kwargs: Any) -> Any:
        refuse_what_cupy_would(f"ndimage.{name}", args, kwargs)
        return call(name, getattr(scipy.ndimage, name), args, kwargs)

    return run
