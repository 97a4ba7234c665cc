"""The door to nnunetv2: import this module before any of its own.

nnU-Net reads its folders and its number of processes from the environment when it is imported. It is told
here, within this process: the user sets nothing, and no folder of nnU-Net's is needed. What the environment
says already stays as it is.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import tempfile
from pathlib import Path

from radstore.errors import BadInput

FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
EXTRA = "pip install 'radstore[fusion]'"


def _prepare() -> None:
    if importlib.util.find_spec("nnunetv2") is None or importlib.util.find_spec("torch") is None:
        raise BadInput("nnunetv2 or torch is not installed", f"Install them: {EXTRA}.")
    nowhere = Path(tempfile.gettempdir()) / f"fusion-nnunet-{os.getuid() if hasattr(os, 'getuid') else 0}"
    for (
        name
    ) in FOLDERS:  # nothing is written there: datasets, trainers and predictors of ours name their folders
        if name not in os.environ:
            os.environ[name] = str(nowhere / name)
            (nowhere / name).mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("nnUNet_def_n_proc", "2")  # its default, 8, are spawned processes
    with contextlib.redirect_stdout(io.StringIO()):  # a banner
        import nnunetv2  # noqa: F401


_prepare()
