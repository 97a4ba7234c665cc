"""Processes are as many as fit into memory."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fusion.samples import needs
from radstore.catalog import Case
from radstore.errors import BadInput
from radstore.images.volume import Geometry
from radstore.images.write import write_volume

CT = Geometry((512, 512, 400), (0.75, 0.75, 1.25))


def test_what_was_measured_fits_the_estimate() -> None:
    """Peak of a process for a CT of 512 × 512 × 400 voxels: 4.0 GB in Stage 1, 2.5 GB in Stage 2."""
    assert 4.0e9 < needs.memory(CT, (9.0, 4.5, 4.5), 0, roi=False) < 6e9
    assert 2.5e9 < needs.memory(CT, (1.25, 0.75, 0.75), 10, roi=True) < 6e9


def test_as_many_as_fit(tmp_path: Path, tiny: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_volume(tiny.ct(), tmp_path / "ct.nii.gz")
    cases = [Case(str(number), str(number), "files", path) for number in range(4)]
    recipe = SimpleNamespace(maps=(), stage=1)
    job: Any = SimpleNamespace(recipe=recipe, preparation=SimpleNamespace(spacing=(9.0, 4.5, 4.5)))
    monkeypatch.setattr(needs, "cores", lambda: 8)
    monkeypatch.setattr(needs, "free_memory", lambda: 10e9)
    assert needs.processes(cases, job, None) == 4
    assert needs.processes(cases, job, 3) == 3
    monkeypatch.setattr(needs, "free_memory", lambda: 2e9)
    assert needs.processes(cases, job, None) == 2
    with pytest.raises(BadInput, match=r"not enough memory: 3 × 600\.\d MB for samples, 1\.6 GB"):
        needs.processes(cases, job, 3)
    monkeypatch.setattr(needs, "free_memory", lambda: 1e8)
    with pytest.raises(BadInput, match="1 × 600"):
        needs.processes(cases, job, None)
