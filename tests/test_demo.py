"""What ``make demo`` runs, on a cohort of two and a spec that takes no minutes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk

from pipelines import demo
from radstore.cli import exits, main

ROOT = Path(__file__).resolve().parents[1]
SPEC = """\
features: [original_firstorder_Mean, original_shape_Sphericity]
region: pancreas
setting: {binWidth: 20, resampledPixelSpacing: [4, 4, 5]}
maps: true
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: Any) -> Path:
    """A small copy of what the repository's root holds."""
    catalog = (ROOT / "catalog.yaml").read_text()
    assert "cases: 12" in catalog
    (tmp_path / "catalog.yaml").write_text(catalog.replace("cases: 12", "cases: 2"))
    (tmp_path / "selected.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_demo(folder: Path, capsys: Any) -> None:
    assert main(["build", "--features", "selected.yaml", "--workers", "1"]) == exits.OK
    capsys.readouterr()
    demo.main([])
    said = capsys.readouterr()
    assert said.err == ""
    assert "<xarray.Dataset>" in said.out
    assert "(case: 2, feature: 2)" in said.out
    assert "Picture: demo/demo.png" in said.out
    assert "A second build computed nothing: all 2 cases are up to date." in said.out
    picture = sitk.ReadImage(str(folder / "demo" / "demo.png"))
    assert min(picture.GetSize()) > 300
    # what it says to type next is there to be typed
    for command in re.findall(r"^  \.venv/bin/radstore (.+?)   ", said.out, re.MULTILINE):
        verb = command.split()[0]
        assert main([verb, "--help"]) == exits.OK
        capsys.readouterr()
        for option in re.findall(r" (--?[a-z]+)", command):
            main([verb, "--help"])
            assert option in capsys.readouterr().out
    assert main(["show", re.search(r"radstore show (\S+)", said.out)[1]]) == exits.OK  # type: ignore[index]


def test_a_store_that_lags_behind_is_told(folder: Path, capsys: Any) -> None:
    assert main(["build", "--features", "selected.yaml", "--workers", "1", "--limit", "1"]) == exits.OK
    demo.main(["--out", "there/map.png"])
    assert "A second build computed 3 features and maps; 0 cases failed." in capsys.readouterr().out
    assert (folder / "there" / "map.png").is_file()


def test_make_knows_the_verbs_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for verb in set(re.findall(r"`?make (demo|test|lint|clean)\b", readme)):
        done = subprocess.run(["make", "--dry-run", verb], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    dry = subprocess.run(["make", "--dry-run", "demo"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "radstore build --features selected.yaml" in dry.stdout
    assert "-m pipelines.demo" in dry.stdout


def test_the_commands_of_the_readme_exist(capsys: Any) -> None:
    """Every ``radstore VERB --option`` that the README shows."""
    for page in (ROOT / "README.md", ROOT / "docs" / "clusters.md"):
        code = "".join(re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL))
        for line in re.findall(r"^radstore (.+?)(?: +#.*)?$", code, re.MULTILINE):
            verb, *rest = line.split()
            assert main([verb, "--help"]) == exits.OK, line
            text = capsys.readouterr().out
            for word in rest:
                if word.startswith("-"):
                    assert word in text, line
