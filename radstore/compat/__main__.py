"""``python -m radstore.compat SCRIPT …`` or ``-m MODULE …``: run a PyRadiomics program with our kernels."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from radstore.compat.install import install


def main(arguments: list[str]) -> None:
    """Run a script or a module as Python would, after `install`."""
    if not arguments or arguments == ["-m"]:
        sys.exit("usage: python -m radstore.compat SCRIPT [ARGUMENT …]  (or -m MODULE [ARGUMENT …])")
    install()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path[0] = str(Path(arguments[0]).resolve().parent)
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
