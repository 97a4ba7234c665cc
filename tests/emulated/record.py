"""What CuPy has and with which parameters, a line each.

``python -P tests/emulated/record.py > tests/emulated/cupy.txt`` writes it anew.

Needs CuPy, and no device. The stand-in takes no call that the real one would refuse: it reads this list.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any


def signatures() -> Iterator[str]:
    """All functions that NumPy has too, all that arrays have, and those of ``cupyx.scipy.ndimage``."""
    import cupy
    import cupyx.scipy.ndimage
    import numpy as np

    shared = {name: getattr(cupy, name) for name in dir(cupy) if hasattr(np, name)}
    for prefix, found in (
        ("cupy.", shared),
        ("ndarray.", {name: getattr(cupy.ndarray, name) for name in dir(cupy.ndarray)}),
        ("ndimage.", vars(cupyx.scipy.ndimage)),
    ):
        for name, thing in sorted(found.items()):
            if not name.startswith("_") and not inspect.ismodule(thing):
                yield prefix + name + _parameters(thing)


def _parameters(thing: Any) -> str:
    """``(a, out=None)``; nothing for what is not called, or is a type."""
    if not callable(thing) or isinstance(thing, type):
        return ""
    try:
        told = ", ".join(_one(parameter) for parameter in _marked(inspect.signature(thing)))
    except ValueError:  # Cython: the first line of the text says it
        found = re.search(r"\w\((.*?)\)(?: ->|\n|$)", thing.__doc__ or "")
        told = found[1].replace("\\", "").removeprefix("self").lstrip(", ") if found else "*a, **k"
        told = re.sub(r"\b(?:Py_ssize_t|bint|int|str|tuple|bool|_ndarray_base) (?=\w)", "", told)
        if told == "args" or "..." in told:
            told = "*a, **k"
    return f"({told})"


def _marked(signature: inspect.Signature) -> Iterator[inspect.Parameter | str]:
    keywords = False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            keywords = True
        if parameter.kind is parameter.KEYWORD_ONLY and not keywords:
            keywords = True
            yield "*"
        yield parameter


def _one(parameter: inspect.Parameter | str) -> str:
    if isinstance(parameter, str):
        return parameter
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    return stars + parameter.name + ("" if parameter.default is parameter.empty else "=None")


if __name__ == "__main__":
    print("\n".join(signatures()))
