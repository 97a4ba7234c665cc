"""CUDA sources compiled by the C++ compiler and run on the CPU, thread by thread: see ``cuda.hpp``."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
COMPILER = os.environ.get("CXX", "g++")
FLAGS = (
    "-std=c++17",
    "-O1",
    "-ffp-contract=off",
    "-fPIC",
    "-shared",
    "-pthread",
    "-Wall",
    "-Wextra",
    "-Werror",
)
EXTRA = tuple(os.environ.get("RADSTORE_EMULATED", "").split())
"""More flags: ``-DRS_THREADS -fsanitize=thread -g`` is what ``make tsan`` asks for."""


def available() -> bool:
    """Whether there is a compiler."""
    return shutil.which(COMPILER) is not None


def kernels(code: str) -> list[str]:
    """The names of the kernels in a source."""
    return re.findall(r"^RS_(?:KERNEL|WINDOWS|REGION) (\w+)\(", code, re.MULTILINE)


def library(code: str, folders: Sequence[str], defines: Sequence[str], build: Path) -> ctypes.CDLL:
    """A source as a shared library that has ``launch_<kernel>`` for each of its kernels."""
    exports = "\n".join(f"RS_EXPORT({name})" for name in kernels(code))
    text = f'#include "cuda.hpp"\n{code}\n{exports}\n'
    flags = [
        *FLAGS,
        *EXTRA,
        *(f"-D{name}" for name in defines),
        *(f"-I{folder}" for folder in (HERE, *folders)),
    ]
    name = hashlib.sha256(f"{text} {flags}".encode()).hexdigest()[:16]
    built = build / f"{name}.so"
    if not built.exists():
        source = built.with_suffix(".cpp")
        source.write_text(text, encoding="utf-8")
        subprocess.run([COMPILER, *flags, str(source), "-o", str(built)], check=True)
    return ctypes.CDLL(str(built))
