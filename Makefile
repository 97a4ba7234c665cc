# The developer's entry point; every verb here is a verb of the README.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint sanitize tsan clean

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
	LD_PRELOAD="$(SANITIZERS)" ASAN_OPTIONS=detect_leaks=0 $(BIN)/python -m pytest -m 'not slow' tests/texture; \
	status=$$?; $(BIN)/python -m pip install --quiet --editable . \
	    --config-settings=cmake.define.RADSTORE_SANITIZE=OFF && exit $$status

# The CUDA kernels' lanes as threads of the operating system, under ThreadSanitizer: races, missing barriers.
tsan: $(VENV)/.installed-test
	RADSTORE_EMULATED='-DRS_THREADS -fsanitize=thread -g' TSAN_OPTIONS='halt_on_error=1 exitcode=66' \
	LD_PRELOAD="$(shell $(CXX) -print-file-name=libtsan.so)" OPENBLAS_NUM_THREADS=1 \
	$(BIN)/python -m pytest tests/texture/test_cuda_emulated.py -k lanes_wait

$(VENV)/.installed: pyproject.toml CMakeLists.txt $(wildcard radstore/texture/kernels/*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/.installed-lint: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[lint]'
	touch $@

clean:
	rm -rf $(VENV) store demo
