# Nothing is needed but make and Python 3.11 or newer: every target builds its own .venv first.
# Another interpreter: make PYTHON=python3.12 test

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
WORKERS ?= 2

# The main job, as the README promises it.
DEMO := $(BIN)/python -m zzcp solve

# A stamp for each set of packages, renewed when pyproject.toml changes: zzcp alone, and everything.
ALONE := $(VENV)/.installed
DEV   := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-slow lint format bench bench-compare clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(ALONE) ## run the main job on the bundled seed example
	@$(DEMO)

test: $(DEV) ## run the tests, all but the slow ones
	@$(BIN)/python -m pytest -m "not slow" -n $(WORKERS)

test-slow: $(DEV) ## run the tests that take minutes
	@$(BIN)/python -m pytest -m slow -n $(WORKERS)

lint: $(DEV) ## check style and types
	@status=0; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/ruff format --check . || status=1; \
	$(BIN)/mypy || status=1; \
	exit $$status

format: $(DEV) ## put the code into the house style
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(DEV) ## run the benchmarks
	@$(BIN)/python -m benchmarks

bench-compare: $(DEV) ## compare the mappers with proven optima, and write the table of docs/comparison.md
	@$(BIN)/python -m benchmarks compare

clean: ## remove .venv and everything else that was generated
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call install,WHAT): an editable install of WHAT. Pips older than 23.1 resolve slowly and are renewed first.
install = @echo "Installing $(1) into $(VENV) (the first time takes a minute or two) ..." >&2; \
	$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check "pip>=23.1" && \
	$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --editable "$(1)"

$(ALONE): pyproject.toml | $(BIN)/python
	$(call install,.)
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(call install,.[dev])
	@touch $(ALONE) $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "zzcp needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1);" \
			"name another one, as in: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
