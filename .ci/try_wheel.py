"""What an installed wheel must do: run with the Python it was installed into, outside the source tree.

With only NumPy, SciPy and PyWavelets beside it the texture kernels are tried; with all of radstore's
dependencies an extraction too.
"""

import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np

import radstore
from radstore.texture.names import default_features
from radstore.texture.order import FAMILIES
from radstore.texture.windows import Windows

SPEC = "features: [original_glcm_Imc1, original_shape_Sphericity]\nmaps: true\n"


def main() -> None:
    installed = Path(radstore.__file__).parent
    if installed.is_relative_to(Path(__file__).resolve().parents[1] / "radstore"):
        sys.exit(f"{installed} is the source tree, not an installed wheel")
    print(f"{sys.version.split()[0]}: {installed}; compiler on PATH: {shutil.which('c++') or 'none'}")
    sources(installed)
    image = np.random.default_rng(0).normal(0, 30, (12, 13, 14))
    texture(image)
    if importlib.util.find_spec("radiomics"):
        extraction(image)


def sources(installed: Path) -> None:
    """What NVRTC reads at run time is there; what only a compiler needs is not."""
    kernels = {path.suffix for path in installed.rglob("kernels/*")}
    assert ".hpp" in kernels, kernels
    assert ".cpp" not in kernels, kernels
    tracked = Path(__file__).resolve().parents[1] / "radstore"
    for source in [*tracked.rglob("*.cu"), *tracked.rglob("*.cuh"), *tracked.rglob("*.hpp")]:
        assert (installed / source.relative_to(tracked)).is_file(), source


def texture(image: np.ndarray) -> None:
    settings = {"binWidth": 10, "symmetricalGLCM": True, "gldm_a": 0}
    windows = Windows(image, np.ones(image.shape, bool), (1, 1, 1))
    for family in FAMILIES:
        found = windows.features(family, default_features(family), settings, threads=2)
        assert np.isfinite(list(found.values())).all(), family
    print(f"texture: {len(FAMILIES)} classes")


def extraction(image: np.ndarray) -> None:
    from radstore.extract import features, maps

    mask = np.zeros(image.shape, np.uint8)
    mask[3:9, 3:10, 3:11] = 1
    Path("spec.yaml").write_text(SPEC, encoding="utf-8")
    print(features(image, mask, "spec.yaml", engine="cpu"))
    found = maps(image, mask, "spec.yaml", engine="cpu")["original_glcm_Imc1"]
    assert np.isfinite(found).all()
    print(f"map: {dict(found.sizes)}")
    Path("spec.yaml").unlink()


if __name__ == "__main__":
    main()
