"""Every CUDA source compiles; no device needed.

`make cuda-compile` runs this with the NVRTC of CUDA 13 and with that of CUDA 12, which still knows sm_70.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ABSENT = "no NVRTC here: see `make cuda-compile`"
nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason=ABSENT)
try:
    nvrtc.nvrtcVersion()
except RuntimeError:  # the bindings without the library
    pytest.skip(ABSENT, allow_module_level=True)

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(ROOT.glob("radstore/**/*.cu"))
ARCHITECTURES = [70, 75, 80, 90]
OLDEST_OF_CUDA_13 = 75


def cubin(source: Path, architecture: int) -> bytes:
    """What NVRTC makes of a file, with the options of run time; RuntimeError with the log if nothing."""
    from radstore.cuda import compile_options

    program = call(nvrtc.nvrtcCreateProgram, source.read_bytes(), source.name.encode(), 0, [], [])
    options = [*compile_options(source), f"--gpu-architecture=sm_{architecture}"]
    status, *_ = nvrtc.nvrtcCompileProgram(program, len(options), [option.encode() for option in options])
    log = bytearray(call(nvrtc.nvrtcGetProgramLogSize, program))
    call(nvrtc.nvrtcGetProgramLog, program, log)
    if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        raise RuntimeError(f"{source.name}, sm_{architecture}: {log.decode()}")
    binary = bytearray(call(nvrtc.nvrtcGetCUBINSize, program))
    call(nvrtc.nvrtcGetCUBIN, program, binary)
    return bytes(binary)


def call(function, *arguments):
    """A function of NVRTC; what it gives besides its status."""
    status, *results = function(*arguments)
    assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, function
    return results[0] if results else None


def architectures() -> list[int]:
    """Those that we support and this NVRTC knows."""
    known = call(nvrtc.nvrtcGetSupportedArchs)
    assert {a for a in ARCHITECTURES if a >= OLDEST_OF_CUDA_13} <= set(known)
    return [a for a in ARCHITECTURES if a in known]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_source_compiles_for_every_architecture(source):
    for architecture in architectures():
        assert cubin(source, architecture).startswith(b"\x7fELF")


def test_a_source_that_is_wrong_does_not(tmp_path):
    (tmp_path / "twice.hpp").write_text("__device__ inline float twice(float x) { return x + x; }\n")
    source = tmp_path / "small.cu"
    kernel = '#include "twice.hpp"\nextern "C" __global__ void small(float* x) { *x = twice(%s); }\n'
    source.write_text(kernel % "*x")
    assert cubin(source, 80).startswith(b"\x7fELF")
    source.write_text(kernel % "nothing")
    with pytest.raises(RuntimeError, match=r'small\.cu, sm_80: .*"nothing" is undefined'):
        cubin(source, 80)
