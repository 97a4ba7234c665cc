"""What the tests of the spec share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from radstore.errors import SpecError
from radstore.spec import Spec, load_spec


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a spec's text to a file."""

    def write(text: str) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def load(write) -> Callable[..., Spec]:
    """The spec of a text."""
    return lambda text, *overrides: load_spec(write(text), overrides)


@pytest.fixture
def refusal(load) -> Callable[..., str]:
    """Why a text is refused."""

    def refusal(text: str, *overrides: str) -> str:
        with pytest.raises(SpecError) as caught:
            load(text, *overrides)
        return str(caught.value)

    return refusal
