"""Device facts and compile options, with and without CuPy."""

from __future__ import annotations

import sys

import pytest

from radstore import cuda
from radstore.errors import EngineError
from radstore.texture.device import VARIANTS


def test_without_cupy_the_reason_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert "CuPy is not installed" in cuda.why_none()
    assert "radstore[cuda13]" in cuda.why_none()
    for ask in (cuda.devices, cuda.current, cuda.limit, cuda.budget):
        with pytest.raises(EngineError, match="CuPy is not installed"):
            ask()


def test_a_driver_without_devices_is_named_with_what_limits_it(emulated, monkeypatch):
    def too_old():
        raise emulated.cuda.runtime.CUDARuntimeError("cudaErrorInsufficientDriver: too old")

    assert cuda.why_none() is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "9")
    for count, said in ((too_old, "InsufficientDriver"), (lambda: 0, "the driver sees none")):
        monkeypatch.setattr(emulated.cuda.runtime, "getDeviceCount", count)
        assert said in cuda.why_none()
        assert "CUDA_VISIBLE_DEVICES is '9'" in cuda.why_none()
        with pytest.raises(EngineError, match="no CUDA device can be used here") as error:
            cuda.devices()
        assert "nvidia-smi" in error.value.remedy


def test_every_device_is_described(emulated, monkeypatch):
    monkeypatch.setattr(emulated.cuda.runtime, "getDeviceCount", lambda: 2)
    assert [str(device) for device in cuda.devices()] == ["cuda:0 Emulated 1000", "cuda:1 Emulated 1000"]
    emulated.cuda.Device(1).use()
    assert cuda.current() == cuda.devices()[1]


def test_the_pool_is_bounded_once_unless_the_user_did_it(emulated):
    free, _ = emulated.cuda.Device().mem_info
    assert cuda.limit() == emulated.pool.get_limit() == int(cuda.SHARE * free)
    taken = emulated.zeros(1000)
    assert cuda.budget() == cuda.limit() - taken.nbytes
    emulated.pool.set_limit(size=5000)
    assert (cuda.limit(), cuda.budget()) == (5000, 0)


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
