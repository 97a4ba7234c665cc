"""What every test may use."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

if find_spec("hypothesis"):  # on a bare GPU machine tests/gpu does without
    from hypothesis import settings

    # A busy machine is no failure: how long one example may take is not what these tests are about.
    settings.register_profile("radstore", deadline=None)
    settings.load_profile("radstore")

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real third-party images, kept beside the repository and never in it."""
    folder = (SHARED / "data").resolve()
    if not folder.is_dir():
        pytest.skip(f"real images are not here: {folder}")
    return folder


@pytest.fixture(scope="session")
def shared_reference(shared_data: Path) -> Path:
    """Third-party numbers that belong to the real images."""
    return shared_data.parent / "reference"


@pytest.fixture(scope="session")
def emulation(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModuleType]:
    """The modules of the stand-in for CuPy (``tests/emulated``), its kernels compiled once for all tests."""
    folder, before = str(Path(__file__).parent / "emulated"), _taken_out()
    sys.path.insert(0, folder)
    try:
        emulator, cupy = import_module("emulator"), import_module("cupy")
        import_module("cupyx.scipy.ndimage")
    finally:
        sys.path.remove(folder)
        modules = _taken_out()
        sys.modules.update(before)
    if not emulator.available():
        pytest.skip(f"no C++ compiler: {emulator.COMPILER}")
    cupy.build_in(tmp_path_factory.mktemp("emulated"))
    return modules


def _taken_out() -> dict[str, ModuleType]:
    """All modules of CuPy, which are then imported no more."""
    names = [name for name in sys.modules if name.partition(".")[0] in ("cupy", "cupyx")]
    return {name: sys.modules.pop(name) for name in names}


@pytest.fixture
def emulated(emulation: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """`import cupy` gives the stand-in, with one device of which nothing was asked yet."""
    from radstore import cuda

    for name, module in emulation.items():
        monkeypatch.setitem(sys.modules, name, module)
    cupy = emulation["cupy"]
    cupy.reset()
    cuda.forget()
    yield cupy
    cuda.forget()
