"""`fusion plan` says what `fusion.plan.plan` can do, and does it."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields
from typing import Any

import pytest
from typer.main import get_command

from fusion.cli import main
from fusion.cli.app import app
from fusion.plan import Overrides, plan

OPTIONS = {"settings": "set", "overrides": None, "rule": None, "progress": None}
OWN = {"json", "help", "roi_mm", "dilate_mm"}


def test_every_parameter_has_its_option() -> None:
    command: Any = get_command(app)
    spoken = {p.opts[0].lstrip("-").replace("-", "_") for p in command.commands["plan"].params}
    names = [*inspect.signature(plan).parameters, *(part.name for part in fields(Overrides))]
    wanted = {OPTIONS.get(name, name) for name in names} - {None}
    assert spoken - OWN == wanted


def test_it_plans_and_says_how(site: Any, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--catalog", str(site.root / "catalog.yaml"), "--models", str(site.root / "models")]
    shape = ["--spacing", "3", "3", "3", "--patch", "16", "32", "32", "--stages", "3", "--batch", "1"]
    size = ["--base-features", "4", "--max-features", "8", "--no-samples", "--jobs", "1"]
    command = ["plan", "--stage", "2", "--fold", "0", "--features", str(site.spec), "--region", "pancreas"]
    assert main([*command, *where, *shape, *size]) == 2
    assert "read from label files" in capsys.readouterr().err
    assert main([*command, *where, *shape, *size, "--paper"]) == 0
    told = capsys.readouterr()
    assert "spacing 3 × 3 × 3 mm, patch 16 × 32 × 32 voxels (z, y, x), batch 1" in told.out
    assert "3 stages of 4, 8, 8 features" in told.out
    assert "paper mode: " in told.err
    assert main([*command, *where, *shape, *size, "--paper", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["name"] == "stage2-fold0"
    assert len(report["training"]) + len(report["held_out"]) == 6
