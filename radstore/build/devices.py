"""CUDA devices in a build: which of those there are it uses, and one that was lost on the way.

What a device is and why there is none, `radstore.cuda` says. Nothing here opens one: asking how many there
are and what they are called takes no memory on them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from radstore import cuda
from radstore.engines.base import Engine
from radstore.errors import BadInput

ALL = "all"
VISIBLE = cuda.VISIBLE
LABEL = "RADSTORE_DEVICE"  # in a worker's environment: its device as the whole machine numbers it
LOST = 75  # exit code of a worker whose device is lost (EX_TEMPFAIL: another process may be luckier)

# Where CuPy's errors of a driver or runtime call are defined.
_CUDA_ERRORS = "cupy_backends.cuda.api."


@dataclass(frozen=True)
class Device:
    """A CUDA device as a build's record and ``--gpus`` name it.

    Parameters
    ----------
    id
        CUDA's number for it in this process, what ``--gpus`` takes: counted among the visible ones.
    name
        As the driver has it.
    memory
        Bytes of its memory, all in all.
    visible
        What ``CUDA_VISIBLE_DEVICES`` must say for a process to see this one alone: a number or a UUID.
    """

    id: int
    name: str
    memory: int
    visible: str

    def __str__(self) -> str:
        return f"cuda:{self.id} {self.name}"


def visible() -> tuple[Device, ...]:
    """The devices this process may use, at least one; raises `EngineError` if there is none."""
    there = cuda.devices()
    names = _names(len(there))
    return tuple(Device(one.index, one.name, one.memory, names[one.index]) for one in there)


def chosen(asked: str | Sequence[int] | None, there: Sequence[Device]) -> tuple[Device, ...]:
    """Those of the devices that a build shall use.

    Parameters
    ----------
    asked
        ``all`` (as None), or numbers: ``"0,1"`` or ``[0, 1]``.

    Raises
    ------
    BadInput
        If that names a device that is not there, one twice, or none.
    """
    if asked is None or asked == ALL:
        return tuple(there)
    numbers = _numbers(asked)
    known = {device.id: device for device in there}
    unknown = [number for number in numbers if number not in known]
    if unknown:
        limited = f" ({VISIBLE}={os.environ[VISIBLE]})" if VISIBLE in os.environ else ""
        raise BadInput(
            f"there is no CUDA device {', '.join(map(str, unknown))} here{limited}",
            f"Those there are: {', '.join(map(str, there))}.",
        )
    return tuple(known[number] for number in numbers)


def is_lost(error: BaseException) -> bool:
    """Whether this process can use its device no more after an error; running out of memory is none of these.

    After a kernel's illegal access, or a card that fell off its bus, every later call fails as well.
    """
    if not (isinstance(error, RuntimeError) and type(error).__module__.startswith(_CUDA_ERRORS)):
        return False
    try:
        cuda.runtime().deviceSynchronize()  # to hear whether the next call fails too
    except RuntimeError:
        return True
    return False


def leave(engine: Engine, case: str, problem: BaseException) -> NoReturn:
    """End this process, whose device is lost to it; Dask starts another, which tries the case again."""
    print(f"{label(engine)} is lost at case {case} ({problem}); its worker starts again", file=sys.stderr)
    sys.stderr.flush()
    os._exit(LOST)


def label(engine: Engine) -> str:
    """Where an engine computes, for the record: a worker that sees one device knows which one it is."""
    return os.environ.get(LABEL) or engine.device


def _numbers(asked: str | Sequence[int]) -> list[int]:
    words = asked.split(",") if isinstance(asked, str) else [str(number) for number in asked]
    words = [word.strip() for word in words]
    if not words or not all(word.isdecimal() for word in words) or len(set(words)) < len(words):
        raise BadInput(
            f"--gpus {asked if isinstance(asked, str) else list(asked)!r} does not name devices",
            f"Give {ALL!r}, or different numbers as `radstore doctor` lists them, separated by commas.",
        )
    return [int(word) for word in words]


def _names(count: int) -> list[str]:
    """What the first `count` visible devices are called for `VISIBLE`."""
    limited = os.environ.get(VISIBLE)
    return limited.split(",")[:count] if limited else [str(number) for number in range(count)]
