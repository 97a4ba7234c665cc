"""Programs that say ``import radiomics``, run with our kernels."""

from __future__ import annotations

import subprocess
import sys

import pytest
import SimpleITK as sitk

PROGRAM = """
import sys
import radiomics
from radiomics import featureextractor, getFeatureClasses, glcm
from radiomics.firstorder import RadiomicsFirstOrder
from radstore import compat
from radstore.engines.pyradiomics.library import FEATURE_CLASSES

assert featureextractor.RadiomicsFeatureExtractor is compat.RadiomicsFeatureExtractor
assert getFeatureClasses()["glcm"] is glcm.RadiomicsGLCM is compat.RadiomicsGLCM
assert RadiomicsFirstOrder is compat.RadiomicsFirstOrder
assert FEATURE_CLASSES["glcm"].__module__ == "radiomics.glcm"  # the reference engine is still the reference
radiomics.setVerbosity(60)
found = featureextractor.RadiomicsFeatureExtractor(label=3).execute(*sys.argv[1:])
print(len(found), sys.argv[0])
"""


@pytest.fixture
def files(case, tmp_path):
    paths = [str(tmp_path / name) for name in ("image.nrrd", "mask.nrrd")]
    for volume, path in zip(case, paths, strict=True):
        sitk.WriteImage(volume, path)
    return paths


def run(*arguments: str, cwd=None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", "radstore.compat", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_a_script_finds_our_classes_under_pyradiomics_names(files, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    done = run(str(script), *files)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["129", str(script)]


def test_a_module_too(files, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = run("-m", "program", *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("129 ")


def test_pyradiomics_own_command_line_with_parallel_jobs(files, tmp_path):
    table = tmp_path / "cases.csv"
    table.write_text("Image,Mask,Label\n" + f"{files[0]},{files[1]},3\n" * 2)
    program = "import sys; from radiomics.scripts import parse_args; sys.exit(parse_args())"
    (tmp_path / "cli.py").write_text(f"if __name__ == '__main__':\n    {program}\n")
    done = run(
        str(tmp_path / "cli.py"), str(table), "-j", "2", "--format", "csv", "-o", str(tmp_path / "out.csv")
    )
    assert done.returncode == 0, done.stderr
    header, *rows = (tmp_path / "out.csv").read_text().splitlines()
    assert "original_glcm_Imc2" in header
    assert len(rows) == 2


def test_nothing_to_run_says_how_it_is_used():
    done = run()
    assert done.returncode != 0
    assert "usage: python -m radstore.compat" in done.stderr
