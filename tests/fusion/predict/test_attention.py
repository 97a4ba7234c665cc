"""Attention as a map in the CT's geometry."""

from __future__ import annotations

from errno import ENOSPC
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from fusion.cli import main
from fusion.predict.attention import NO_VECTOR, Written, attention_map, export_attention
from fusion.predict.bound import Looking
from fusion.predict.models import Models
from fusion.predict.studies import of_store
from fusion.recipe import Recipe
from radstore.errors import BadInput
from radstore.images.read import read_image

ROW = "ct+maps+global"


def models_of(site: Any, row: str = ROW) -> Models:
    return Models(site.models, row, torch.device("cpu"), engine="cpu", mirroring=False)


def test_a_map_in_the_cts_geometry_whose_mean_is_one(site: Any) -> None:
    site.train(ROW, 0)
    (study,) = of_store(site.snapshot(), cases=["a"])
    (chain,) = models_of(site).chains([0])
    ct = study.read()
    found, given = attention_map(chain, ct, study.stored)
    assert found.geometry == ct.geometry
    inside = np.isfinite(found.array)
    assert inside[given.region.array > 0].all()  # the ROI lies around the region
    assert not inside.all()
    assert found.array[inside].min() >= 0
    assert found.array[inside].mean() == pytest.approx(1, abs=0.3)  # tiles overlap and are padded


def test_blind_heads_look_everywhere_alike(site: Any) -> None:
    def blind(network: Any) -> None:
        torch.nn.init.zeros_(network.fusion.query.weight)
        torch.nn.init.zeros_(network.fusion.query.bias)

    site.train(ROW, 0, change=blind)
    (study,) = of_store(site.snapshot(), cases=["a"])
    (chain,) = models_of(site).chains([0])
    found, _ = attention_map(chain, study.read(), study.stored)
    np.testing.assert_allclose(found.array[np.isfinite(found.array)], 1, atol=2e-3)


def test_the_vector_moves_it(site: Any) -> None:
    site.train(ROW, 0)
    (chain,) = models_of(site).chains([0])
    image = torch.randn(1, 3, 8, 16, 16)
    with torch.no_grad():
        one, other, missing = (
            Looking(chain.stage2.network, vector, 3)(image)
            for vector in (np.float32([1, 2, 3]), np.float32([-3, 0, 3]), None)
        )
    assert one.shape == (1, 2, 8, 16, 16)
    assert not torch.allclose(one, other)
    assert not torch.allclose(one, missing)


def test_the_verb_writes_a_map_and_a_picture(site: Any, tmp_path: Path, capsys: Any) -> None:
    site.train(ROW, 0)
    typed = ["attention", "--models", str(site.models), "--out", str(tmp_path), "--device", "cpu"]
    assert main([*typed, "--store", str(site.store), "--cases", "a,b", "--engine", "cpu"]) == 0
    for case in "ab":
        found = read_image(tmp_path / f"{case}.attention.nii.gz")
        assert found.geometry.mismatch(read_image(site.file(case)).geometry, 1e-6) is None
        assert (tmp_path / f"{case}.attention.png").stat().st_size > 10_000
    told = capsys.readouterr().err
    assert "note: b: Stage 1 found no pancreas; the region is the fallback's" in told
    assert "note: a:" not in told


def test_a_missing_vector_is_told(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is seen then is where the token of missing vectors looks."""
    site.train(ROW, 0)
    monkeypatch.setattr(Recipe, "network_vector", lambda recipe, numbers: None)
    ((_, made),) = export_attention(models_of(site), of_store(site.snapshot(), cases=["a"]), tmp_path)
    assert isinstance(made, Written)
    assert made.notes == (NO_VECTOR,)


def test_a_picture_that_cannot_be_written_is_no_bug(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk; and no half of it stays."""

    def full(figure: Any, path: Path, **settings: Any) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(ENOSPC, "No space left on device")

    site.train(ROW, 0)
    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(BadInput, match=r"a\.attention\.png cannot be written: No space left"):
        list(export_attention(models_of(site), of_store(site.snapshot(), cases=["a"]), tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.attention.nii.gz"]


def test_a_row_without_a_vector_has_none(site: Any, tmp_path: Path) -> None:
    site.train("ct", 0)
    with pytest.raises(BadInput, match="has no attention"):
        list(export_attention(models_of(site, "ct"), of_store(site.snapshot(), cases=["a"]), tmp_path))


def test_a_case_that_fails_does_not_stop_the_others(
    site: Any, tmp_path: Path, find_bright: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    site.train("", 0, stage=1, change=find_bright)
    site.train(ROW, 0)
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(b"no image")
    typed = ["attention", str(bad), str(site.file("a")), "--models", str(site.models), "--device", "cpu"]
    assert main([*typed, "--out", str(tmp_path), "--engine", "cpu", "--no-mirroring"]) == 1
    said = capsys.readouterr()
    assert "bad.nii.gz" in said.err
    assert "a.attention.png" in said.out
