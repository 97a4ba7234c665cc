# The developer's entry point; every verb here is a verb of the README.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: dev demo test lint sanitize tsan cuda-compile wheel clean

demo: $(VENV)/.installed
	$(BIN)/radstore build --features selected.yaml
	$(BIN)/python -m pipelines.demo

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

# The kernels under AddressSanitizer and UBSan; then the usual build again.
SANITIZERS = $(foreach lib,libasan.so libubsan.so libstdc++.so.6,$(shell $(CXX) -print-file-name=$(lib)))
sanitize: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --editable . --config-settings=cmake.define.RADSTORE_SANITIZE=ON
	LD_PRELOAD="$(SANITIZERS)" ASAN_OPTIONS=detect_leaks=0 $(BIN)/python -m pytest -m 'not slow' tests/texture tests/images/filters tests/images/test_resample.py; \
	status=$$?; $(BIN)/python -m pip install --quiet --editable . \
	    --config-settings=cmake.define.RADSTORE_SANITIZE=OFF && exit $$status

# Every CUDA source for every architecture, with NVRTC of CUDA 13 and of CUDA 12 (which still knows sm_70); no device.
NVRTC = $(VENV)/nvidia-cuda-nvrtc $(VENV)/nvidia-cuda-nvrtc-cu12
cuda-compile: $(NVRTC)
	for nvrtc in $^; do PYTHONPATH=. $$nvrtc/bin/python -m pytest --noconftest tests/test_cuda_sources.py || exit 1; done

$(NVRTC):
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet pytest cuda-bindings $(notdir $@) || { rm -r $@; exit 1; }

# A wheel for this machine, tried as a user gets it: in an environment of its own, no compiler on the PATH.
wheel:
	rm -rf dist
	$(PYTHON) -m pip wheel --quiet --no-deps --wheel-dir dist .
	$(PYTHON) -m venv dist/venv
	dist/venv/bin/python -m pip install --quiet numpy scipy PyWavelets
	dist/venv/bin/python -m pip install --quiet --no-deps dist/radstore-*.whl
	PATH=$(CURDIR)/dist/venv/bin dist/venv/bin/python .ci/try_wheel.py

# The CUDA kernels' lanes as threads of the operating system, under ThreadSanitizer: races, missing barriers.
tsan: $(VENV)/.installed-test
	RADSTORE_EMULATED='-DRS_THREADS -fsanitize=thread -g' TSAN_OPTIONS='halt_on_error=1 exitcode=66' \
	LD_PRELOAD="$(shell $(CXX) -print-file-name=libtsan.so)" OPENBLAS_NUM_THREADS=1 \
	$(BIN)/python -m pytest tests/texture/test_cuda_emulated.py -k lanes_wait

# Each installs this tree, which compiles the kernels; `dev` has all that test and lint need in one go.
SOURCES := pyproject.toml CMakeLists.txt $(wildcard radstore/*/kernels/*)
INSTALL  = $(BIN)/python -m pip install --quiet --editable

dev: $(VENV)/.installed-dev

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(VENV)/bin/python $(SOURCES)
	$(INSTALL) .
	touch $@

$(VENV)/.installed-test $(VENV)/.installed-lint: $(VENV)/.installed-%: $(VENV)/bin/python $(SOURCES)
	$(INSTALL) '.[$*]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: $(VENV)/bin/python $(SOURCES)
	$(INSTALL) '.[dev]'
	touch $@ $(VENV)/.installed $(VENV)/.installed-test $(VENV)/.installed-lint

clean:
	rm -rf $(VENV) store demo cohort panorama dist
