# The developer's entry point; every verb here is a verb of the README.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint sanitize clean

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

$(VENV)/.installed: pyproject.toml CMakeLists.txt $(wildcard radstore/*/kernels/*)
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
