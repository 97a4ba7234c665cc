"""Device facts and compile options, with and without CuPy."""

from __future__ import annotations

import sys

import pytest

from radstore import cuda
from radstore.errors import EngineError
from radstore.texture.device import VARIANTS


@pytest.fixture
def without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    cuda.why_none.cache_clear()
    yield
    cuda.why_none.cache_clear()


def test_without_cupy_there_is_no_device_and_the_reason_says_what_to_install(without_cupy):
    assert cuda.devices() == ()
    assert "pip install 'cupy-cuda" in cuda.why_none()
    with pytest.raises(EngineError, match="no CUDA device"):
        cuda.budget()


@pytest.mark.parametrize("given", ["much", "0", "-1", "nan"])
def test_a_memory_limit_that_is_no_number_above_zero_is_refused(given, monkeypatch):
    monkeypatch.setenv(cuda.MEMORY_LIMIT, given)
    with pytest.raises(EngineError, match=cuda.MEMORY_LIMIT):
        cuda.memory_limit()


def test_the_memory_limit_is_in_gib(monkeypatch):
    monkeypatch.delenv(cuda.MEMORY_LIMIT, raising=False)
    assert cuda.memory_limit() is None
    monkeypatch.setenv(cuda.MEMORY_LIMIT, "1.5")
    assert cuda.memory_limit() == 3 << 29


def test_a_changed_header_is_another_kernel(tmp_path):
    source, header = tmp_path / "one.cu", tmp_path / "two.hpp"
    source.write_text("kernel")
    header.write_text("first")
    cuda.sources_digest.cache_clear()
    before = cuda.compile_options(source, ["N=1"])
    header.write_text("second")
    cuda.sources_digest.cache_clear()
    after = cuda.compile_options(source, ["N=1"])
    cuda.sources_digest.cache_clear()
    assert before != after
    assert before[:-1] == after[:-1] == (*cuda.OPTIONS, f"-I{tmp_path}", "-DN=1")


def test_every_kernel_source_is_listed():
    assert {source.name for source, _ in VARIANTS} >= {"glcm.cu", "glrlm.cu", "firstorder.cu"}
    assert all(source.exists() for source, _ in VARIANTS)
