"""A light install: texture and image arithmetic work with NumPy, SciPy and PyWavelets alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What a bare GPU machine need not have, and what a user need not have installed for these parts.
HEAVY = (
    "SimpleITK",
    "cupy",
    "dask",
    "matplotlib",
    "nanobind",
    "obstore",
    "pandas",
    "pydantic",
    "radiomics",
    "rich",
    "skimage",
    "sklearn",
    "torch",
    "typer",
    "xarray",
    "yaml",
    "zarr",
)

REFUSE = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError(f"{{name}} is not installed", name=name)

sys.meta_path.insert(0, Refuse())
"""

IMPORT = """
import importlib, pkgutil
import radstore.images, radstore.texture

ARRAY_CODE = ("arrays", "discretise", "filters", "resample")  # the others read and write files
found = [*pkgutil.walk_packages(radstore.texture.__path__, "radstore.texture.")]
for name in ARRAY_CODE:
    found += [m for m in pkgutil.walk_packages(radstore.images.__path__, "radstore.images.")
              if f"{m.name}.".startswith(f"radstore.images.{name}.")]
for module in found:
    importlib.import_module(module.name)
print(len(found))
"""

TEXTURE = """
import numpy as np
from radstore.texture.names import default_features
from radstore.texture.order import FAMILIES
from radstore.texture.windows import Windows

image = np.random.default_rng(0).normal(0, 30, (5, 6, 7))
mask = np.ones(image.shape, bool)
settings = {"binWidth": 10, "symmetricalGLCM": True, "gldm_a": 0, "kernelRadius": 1}
for centres in (None, np.argwhere(mask)):
    for family in FAMILIES:
        wanted = default_features(family)
        found = Windows(image, mask, (1, 1, 1), centres).features(family, wanted, settings)
        assert all(np.isfinite(found[name]).all() for name in wanted), family
print("computed")
"""


def light(program: str) -> str:
    """Run a program where `HEAVY` cannot be imported; what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", REFUSE + program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_everything_that_shall_be_light_can_be_imported():
    assert int(light(IMPORT)) >= 3


def test_texture_is_computed():
    assert light(TEXTURE) == "computed\n"


def test_radstore_itself_imports():
    light("import radstore, radstore.errors, radstore.graph")


@pytest.mark.parametrize("name", ["SimpleITK", "pydantic"])
def test_what_is_refused_is_refused(name):
    assert "refused" in light(f"try:\n    import {name}\nexcept ImportError:\n    print('refused')\n")
