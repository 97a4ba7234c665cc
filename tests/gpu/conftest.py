"""What the tests on a real device share. They need numpy, scipy, PyWavelets, cupy and pytest alone."""

from __future__ import annotations

import pytest

from radstore import cuda


@pytest.fixture(scope="session")
def cupy():
    """CuPy with a device; else the test is skipped, and says why."""
    reason = cuda.why_none()
    if reason:
        pytest.skip(f"no CUDA device: {reason}")
    import cupy

    return cupy
