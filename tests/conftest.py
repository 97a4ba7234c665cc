"""What every test may use."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

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
