# `make demo` and `make test` do all their own set-up, in .venv.
# They need Python 3.11 or newer, pip, and a network the first time.
# Every other task is a nox session: `make dev`, then `.venv/bin/nox --list`.

PYTHON ?= python3
ARGS   ?=
OUT    ?= demo-output
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test test-frameworks dev clean
.DELETE_ON_ERROR:

help:
	@echo "make demo             blur a photograph and recover it; figure in $(OUT)/"
	@echo "make test             run the tests"
	@echo "make test-frameworks  run the tests with PyTorch, JAX, Keras and onnxruntime (large)"
	@echo "make dev              prepare .venv for every task; then .venv/bin/nox --list"
	@echo "make clean            remove the environments and everything that was generated"
	@echo
	@echo "Options: PYTHON=python3.13   OUT=folder   ARGS='photo.jpg' or ARGS='-k adjoint'"

demo: $(VENV)/.demo
	$(BIN)/convadjoint demo --out $(OUT) $(ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto $(ARGS)

# PyTorch is large, so it has an environment of its own.
test-frameworks:
	@$(MAKE) --no-print-directory VENV=.venv-frameworks .venv-frameworks/.frameworks
	.venv-frameworks/bin/python -m pytest -n auto tests/frameworks $(ARGS)

dev: $(VENV)/.dev

clean:
	rm -rf $(VENV) .venv-frameworks $(OUT) dist docs/_build docs/generated docs/gallery
	rm -rf .hypothesis .import_linter_cache .mypy_cache .nox .pytest_cache .ruff_cache
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is older than pyproject.toml when the requirements may have changed.
# Debian's Python may lack ensurepip, so its pip fills an environment made without one;
# its pip may also be too old for dependency groups, so the environment gets a new one.
$(VENV)/.demo: pyproject.toml
	@$(PYTHON) -c 'pass' 2>/dev/null || { \
	  echo "$(PYTHON) does not run. Install Python 3.11 or newer, or name one: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) --version), but convadjoint needs Python 3.11 or newer. Name one: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || $(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) has no pip. On Debian: apt install python3-pip" >&2; exit 1; }
	@echo "Setting up $(VENV); this takes about a minute the first time."
	@if $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  $(PYTHON) -m venv --without-pip $(VENV) && \
	  $(PYTHON) -m pip --disable-pip-version-check --quiet --python $(BIN)/python install --upgrade pip; \
	else \
	  $(PYTHON) -m venv --upgrade-deps $(VENV); \
	fi
	@$(PIP) install --editable '.[demo,fast]'
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@echo "Adding the test tools."
	@$(PIP) install --group test
	@touch $@

$(VENV)/.frameworks: $(VENV)/.test
	@echo "Adding PyTorch, JAX, Keras and onnxruntime; together they are large."
	@$(PIP) install --group frameworks
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	@echo "Adding the tools for checks and documentation."
	@$(PIP) install --group dev
	@touch $@
