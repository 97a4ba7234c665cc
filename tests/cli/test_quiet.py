from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from radstore.cli.quiet import quiet

LEAK = "import warnings; warnings.warn('resource_tracker: There appear to be 2 leaked semaphore objects')"


def test_leaked_semaphores_of_stopped_workers_are_no_news(monkeypatch: Any) -> None:
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    quiet()
    done = subprocess.run([sys.executable, "-c", LEAK], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    other = LEAK.replace("resource_tracker", "something else")
    done = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=True)
    assert "something else" in done.stderr


def test_a_users_own_choice_stands(monkeypatch: Any) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    quiet()
    assert os.environ["PYTHONWARNINGS"] == "error"
