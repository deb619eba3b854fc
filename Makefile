# What a newcomer needs: `make demo`, `make test`. Every target makes its own environment.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# The first Python of at least 3.11 that runs; `make PYTHON=/path/to/python demo` chooses another.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)
JOBS ?= 2
PYTEST_ARGS ?=

RUN_STAMP := $(VENV)/.assay-run
TEST_STAMP := $(VENV)/.assay-test
DOCS_STAMP := $(VENV)/.assay-docs
BENCH_STAMP := $(VENV)/.assay-bench

.PHONY: help demo test coverage check bench docs soak lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Assay needs Python 3.11 or later with venv. Install it, or name one: make PYTHON=/path/to/python3.11 demo" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(TEST_STAMP): requirements-test.lock $(RUN_STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-test.lock
	touch $@

$(BENCH_STAMP): $(TEST_STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e '.[bench]'
	touch $@

# The best possible trader of the demo's market earns a net Sharpe ratio of EDGE; 0 plants none.
EDGE ?= 2
DEMO := demo/edge-$(EDGE)
demo: $(RUN_STAMP) ## the whole job on a simulated gold market: verdict and report (EDGE=0: no edge)
	test -f $(DEMO)/assay.toml || $(BIN)/assay init $(DEMO)
	$(BIN)/assay data simulate --workspace $(DEMO) --edge $(EDGE)
	$(BIN)/assay run --workspace $(DEMO)

test: $(TEST_STAMP) ## all tests, then the branch coverage of the money path
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)
	$(MAKE) coverage

# Compiled code hides its branches, so the money path runs here as plain Python; the trader,
# whose features are compiled only, runs once more as it is, and both are counted together.
COMPILED := tests/engine/test_trader.py tests/strategy/test_live.py
AS_PYTHON := -m 'not soak and not compiled'
MONEY := domain risk execution engine
COVERED := $(foreach part,$(MONEY),--cov=assay.$(part)) --cov-branch
coverage: $(TEST_STAMP) ## every branch of domain, risk, execution and engine is tested
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -p no:cacheprovider \
		$(AS_PYTHON) $(foreach part,$(MONEY) reference,$(wildcard tests/$(part))) $(COVERED) --cov-report=
	$(BIN)/python -m pytest -p no:cacheprovider $(COMPILED) $(COVERED) \
		--cov-append --cov-report=term-missing:skip-covered --cov-fail-under=100

check: $(TEST_STAMP) ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_tidy.py tests/test_layers.py
	$(BIN)/python tools/lock.py --check

# The others in bench/ calibrate, need a folder of histories, or are read by one of these.
NO_BENCH := edges honest_strategy leaks noise_markets planted verdict_power
BENCHES := $(filter-out $(NO_BENCH:%=bench/%.py),$(wildcard bench/*.py))
bench: $(BENCH_STAMP) ## each benchmark against its named peer
	for program in $(BENCHES); do echo "== $$program"; $(BIN)/python $$program; done

docs: $(TEST_STAMP) ## docs/ as HTML in site/, with every link checked
	$(BIN)/python tools/reference.py
	$(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

soak: $(TEST_STAMP) ## the long runs: many seeds, hours
	$(BIN)/python -m pytest -m soak $(PYTEST_ARGS)

lock: ## write the lock files from a fresh environment
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check hatchling editables -e '.[test,docs]'
	.venv-lock/bin/python tools/lock.py
	rm -rf .venv-lock

clean: ## delete what the targets made, but not your workspaces
	rm -rf $(VENV) .venv-lock site .mypy_cache .ruff_cache .pytest_cache .coverage*
