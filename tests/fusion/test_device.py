"""Where networks run, said with its reason."""

from __future__ import annotations

import pytest

from fusion.device import choose_device
from radstore.errors import BadInput

torch = pytest.importorskip("torch")


def test_devices() -> None:
    assert choose_device("cpu") == (torch.device("cpu"), "as asked: cpu")
    assert choose_device()[1].startswith("auto-detected: ")
    for wrong in ("cuda:99", "gpu"):
        with pytest.raises(BadInput, match="--device"):
            choose_device(wrong)
