# Everything from nothing but Python 3.11 to 3.13 and make. `make demo` first; PYTHON=… picks an interpreter.

VENV ?= .venv
BIN := $(VENV)/bin
# A shim on the path may not run: candidates are tried, not looked up.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && { echo $$p; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/'

demo: $(VENV)/.demo  ## the whole line on this machine: sweep, collect, fit, compare, plan
	$(BIN)/loadgen demo

test: $(VENV)/.test  ## the suite
	$(BIN)/python -m pytest -n 2 --dist loadgroup

test-all: $(VENV)/.test  ## the suite and its slow checks
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "slow or not slow"

check: $(VENV)/.check  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:  ## remove the environment and caches (runs/ stays)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.uv:
	@test -n "$(PYTHON)" || { echo "no Python 3.11 to 3.13 found: install one, or give PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || true
	@touch $@

# uv installs ten times faster; pip is the fall-back where uv cannot be had.
define install
	{ $(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[$(1)]' 2>/dev/null \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(1)]'; }
	@touch $@
endef

$(VENV)/.demo: $(VENV)/.uv pyproject.toml
	$(call install,local)

$(VENV)/.test: $(VENV)/.uv pyproject.toml
	$(call install,local$(comma)notebooks$(comma)test)

$(VENV)/.check: $(VENV)/.uv pyproject.toml
	$(call install,local$(comma)notebooks$(comma)test$(comma)check)

comma := ,
