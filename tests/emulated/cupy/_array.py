"""Arrays "on the device": NumPy's in disguise, that mix with NumPy's no more than CuPy's do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from cupy._ledger import ledger
from cupy._memory import pool
from cupy._strict import refuse_what_cupy_lacks, refuse_what_cupy_would

# What makes the host wait: the size of the result depends on values, or (sorts) Thrust waits for itself.
WAITING = {"nonzero", "flatnonzero", "argwhere", "unique", "extract", "sort", "argsort", "repeat"}


class ndarray:  # noqa: N801
    """``cupy.ndarray``."""

    __array_priority__ = 100

    def __init__(self, host: np.ndarray) -> None:
        pool.hold(host)
        self._host = host

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use `.get()`")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        refuse_what_cupy_lacks(f"cupy.{ufunc.__name__}")
        return call(ufunc.__name__, getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return called(function.__name__, function)(*args, **kwargs)

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self._host.ctypes.data)

    @property
    def T(self) -> ndarray:  # noqa: N802
        return ndarray(self._host.T)

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        return self._fetched("get").copy(order)

    def item(self) -> Any:
        return self._fetched("item").item()

    def tolist(self) -> Any:
        return self._fetched("tolist").tolist()

    def _fetched(self, why: str) -> np.ndarray:
        ledger.downloads.append(self._host.nbytes)
        ledger.waits[why] += 1
        return self._host

    def __int__(self) -> int:
        return int(self._fetched("int"))

    def __index__(self) -> int:
        return self._fetched("index").__index__()

    def __float__(self) -> float:
        return float(self._fetched("float"))

    def __bool__(self) -> bool:
        return bool(self._fetched("bool"))

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Iterator[ndarray]:
        return (self[place] for place in range(len(self)))

    def __getitem__(self, index: Any) -> ndarray:
        return call(_wait_for_mask("getitem", index), np.ndarray.__getitem__, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        ledger.launches[_wait_for_mask("setitem", index)] += 1
        self._host[bare(index)] = bare(value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        refuse_what_cupy_lacks(f"ndarray.{name}")
        found = getattr(self._host, name)
        if not callable(found):
            return found

        def method(*args: Any, **kwargs: Any) -> Any:
            refuse_what_cupy_would(f"ndarray.{name}", args, kwargs)
            return call(name, getattr(np.ndarray, name), (self, *args), kwargs)

        return method


def bare(value: Any) -> Any:
    """The NumPy array behind the disguise; others are refused."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, tuple | list):
        return type(value)(map(bare, value))
    return value


def dressed(value: Any) -> Any:
    """What NumPy gave, as CuPy gives it: arrays, also where there is one number."""
    if isinstance(value, tuple | list):
        return type(value)(map(dressed, value))
    return ndarray(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def call(name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run one of NumPy's functions on what is behind the disguise; count it unless it only gives a view."""
    given = [bare(arg) for arg in args]
    result = function(*given, **{key: bare(value) for key, value in kwargs.items()})
    out = kwargs.get("out")
    first = next((arg for arg in given if isinstance(arg, np.ndarray)), None)
    viewed = isinstance(result, np.ndarray) and first is not None and np.may_share_memory(result, first)
    if not viewed or out is not None or name in IN_PLACE:
        ledger.launches[name] += name not in UNCOUNTED
    if name in WAITING:
        ledger.waits[name] += 1
    if out is not None:
        return out[0] if isinstance(out, tuple) else out
    if name in IN_PLACE:
        return args[0]
    return dressed(result)


UNCOUNTED = {"empty", "empty_like"}


def called(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """One of NumPy's functions that CuPy has too."""
    refuse_what_cupy_lacks(f"cupy.{name}")

    def run(*args: Any, **kwargs: Any) -> Any:
        refuse_what_cupy_would(f"cupy.{name}", args, kwargs)
        return call(name, function, args, kwargs)

    return run


def _wait_for_mask(name: str, index: Any) -> str:
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, ndarray) and part._host.dtype == bool for part in parts):
        ledger.waits[f"{name} by mask"] += 1
    return name


def _operator(name: str) -> Any:
    def operate(self: ndarray, *others: Any) -> Any:
        return call(name.strip("_"), getattr(np.ndarray, name), (self, *others), {})

    return operate


_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift")
IN_PLACE = {f"i{name}" for name in _BINARY}
for _name in (
    *_BINARY,
    *(f"r{name}" for name in _BINARY),
    *IN_PLACE,
    *("eq", "ne", "lt", "le", "gt", "ge", "neg", "abs", "invert"),
):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
ndarray.__hash__ = None
ndarray.__module__ = "cupy"


def asarray(
    a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, blocking: bool = False
) -> ndarray:
    """The one way from the host to the device; of numbers too."""
    if isinstance(a, ndarray):
        return call("asarray", np.array, (a,), {"dtype": dtype, "order": order or "K", "copy": copy})
    host = np.array(a, dtype=dtype, order=order or "C", copy=True)
    if not host.dtype.isnative or host.dtype.kind not in "biufc":
        raise ValueError(f"Unsupported dtype {host.dtype}")
    ledger.uploads.append(host.nbytes)
    return ndarray(host)


def array(a: Any, dtype: Any = None, copy: bool = True, order: str = "K", **kwargs: Any) -> ndarray:
    """``cupy.array``."""
    refuse_what_cupy_would("cupy.array", (a,), {"dtype": dtype, "copy": copy, "order": order, **kwargs})
    if not isinstance(a, ndarray):
        return asarray(a, dtype)
    return call("array", np.array, (a,), {"dtype": dtype, "copy": copy, "order": order})
