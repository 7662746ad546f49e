# Nothing is needed but make and Python 3.11 or newer: every target builds its own .venv first, from the lock files.
# Another interpreter: make PYTHON=python3.12 test

PYTHON  ?= python3
OLDEST  := 3.11
VENV    := .venv
BIN     := $(VENV)/bin
WORKERS ?= 2
FUZZ    ?= 200

# The main job, as the README promises it.
DEMO := $(BIN)/python -m zzcp solve

# A stamp for each set of packages, renewed when pyproject.toml or the lock changes: zzcp alone, and everything.
ALONE := $(VENV)/.installed
DEV   := $(VENV)/.installed-dev

# The lock: what builds zzcp, what it needs to run, and everything; resolved and renewed by uv.
LOCK    := locks
UV      := .venv-uv/bin/uv
# Looks for known vulnerabilities; in an environment of its own, which make audit makes.
AUDIT    := .venv-audit/bin/pip-audit
PATIENCE ?= 60
# Makes mutants of the code; in an environment of its own, which make mutants makes.
COSMIC  := .venv-mutants/bin/cosmic-ray
MUTANTS ?= 40
SEED    ?= 0
LOOK     := timeout $(PATIENCE) $(AUDIT) --vulnerability-service osv --disable-pip --require-hashes \
	--progress-spinner off --requirement $(LOCK)/dev.txt
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --quiet --no-config --universal \
	--python-version $(OLDEST) --generate-hashes
# Prints what pyproject.toml says builds zzcp.
BUILDS  := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo cluster-demo test test-slow fuzz coverage audit mutants test-newest test-oldest lint format bench bench-compare \
	lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(ALONE) ## run the main job on the bundled seed example
	@$(DEMO)

cluster-demo: $(DEV) ## run a sweep on a Dask cluster of a scheduler and two workers on this machine
	@$(BIN)/python examples/cluster_demo.py

test: $(DEV) ## run the tests, all but the slow ones
	@$(BIN)/python -m pytest -m "not slow" -n $(WORKERS)

test-slow: $(DEV) ## run the tests that take minutes
	@$(BIN)/python -m pytest -m slow -n $(WORKERS) -o faulthandler_timeout=10800

fuzz: $(DEV) ## change good files at random: a result or one message (FUZZ=1000 tries each more often)
	@ZZCP_FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/fuzz tests/io/test_fuzz.py tests/conversion/test_fuzz.py -n $(WORKERS)

coverage: $(DEV) ## run the tests (COVER=tests/cost: some of them) and say which branches of the package none takes
	@$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --cov --cov-report=term:skip-covered --cov-report=html:build/coverage $(COVER)

audit: $(AUDIT) ## look for known vulnerabilities of the locked packages (needs the network)
	@$(LOOK)

mutants: $(DEV) $(COSMIC) ## put faults into cost/ and solver/, one at a time: tests must fail (MUTANTS=40 SEED=0)
	@.venv-mutants/bin/python -m benchmarks.mutants --python $(abspath $(BIN)/python) --number $(MUTANTS) --seed $(SEED)

test-newest: ## run the tests with the newest release of everything, in .venv-newest
	$(call venv,.venv-newest)
	@.venv-newest/bin/python -m pip install --quiet --no-input --upgrade --upgrade-strategy eager pip --editable ".[dev]"
	@.venv-newest/bin/python -m pytest -m "not slow" -n $(WORKERS)

test-oldest: $(UV) ## run the tests with the oldest releases that pyproject.toml allows, in .venv-oldest
	@$(UV) venv --quiet --clear --no-config --python $(OLDEST) .venv-oldest
	@$(PYTHON) -c '$(BUILDS)' | $(call lowest,--requirements -)
	@$(call lowest,--requirements pyproject.toml --extra dev)
	@$(call lowest,--no-deps --editable .)
	@.venv-oldest/bin/python -m pytest -m "not slow" -n $(WORKERS)

lint: $(DEV) ## check style and types
	@status=0; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/ruff format --check . || status=1; \
	$(BIN)/mypy || status=1; \
	if [ -x $(AUDIT) ]; then $(LOOK) \
		|| echo "note: make audit has found something, or did not end; that is no fault of the style" >&2; \
	else echo "note: known vulnerabilities of packages are not looked for; make audit does, and make lint after it" >&2; fi; \
	exit $$status

format: $(DEV) ## put the code into the house style
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(DEV) ## run the benchmarks
	@$(BIN)/python -m benchmarks

bench-compare: $(DEV) ## compare the mappers with proven optima, and write the table of docs/comparison.md
	@$(BIN)/python -m benchmarks compare

lock: $(UV) ## renew the lock files with the newest release of everything
	@$(PYTHON) -c '$(BUILDS)' | $(COMPILE) --upgrade --output-file $(LOCK)/dev.txt --extra dev pyproject.toml -
	@cp $(LOCK)/dev.txt $(LOCK)/run.txt  # the releases that are already in the file are preferred
	@$(COMPILE) --output-file $(LOCK)/run.txt pyproject.toml
	@cp $(LOCK)/dev.txt $(LOCK)/build.txt
	@$(PYTHON) -c '$(BUILDS)' | $(COMPILE) --output-file $(LOCK)/build.txt -

clean: ## remove the environments and everything else that was generated
	rm -rf $(VENV) .venv-* .coverage* build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call lowest,WHAT): install the oldest releases of WHAT that are allowed, built with those that are there.
lowest = $(UV) pip install --quiet --no-config --python .venv-oldest --no-build-isolation --resolution lowest-direct $(1)

# $(call pip,WHAT): install WHAT, built with the setuptools that is there. Pips before 25.3 take the build backend of a
# package that does not name it only when told to.
pip = PIP_USE_PEP517=1 $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check \
	--no-build-isolation $(1)

# $(call install,LOCK): an editable install of zzcp with the packages of a lock file.
install = @echo "Installing $(1) into $(VENV) (the first time takes a minute or two) ..." >&2; \
	$(call pip,--require-hashes --requirement $(LOCK)/build.txt) && \
	$(call pip,--require-hashes --requirement $(1)) && \
	$(call pip,--no-deps --editable .)

# $(call venv,FOLDER): a new virtual environment.
venv = @$(PYTHON) -c 'import sys; sys.exit(sys.version_info < ($(subst .,$(comma) ,$(OLDEST))))' 2>/dev/null || { \
		echo "zzcp needs Python $(OLDEST) or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1);" \
			"name another one, as in: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }; \
	$(PYTHON) -m venv --clear $(1) || { rm -rf $(1); exit 1; }
comma := ,

$(ALONE): pyproject.toml $(LOCK)/build.txt $(LOCK)/run.txt | $(BIN)/python
	$(call install,$(LOCK)/run.txt)
	@touch $@

$(DEV): pyproject.toml $(LOCK)/build.txt $(LOCK)/dev.txt | $(BIN)/python
	$(call install,$(LOCK)/dev.txt)
	@touch $(ALONE) $@

$(BIN)/python:
	$(call venv,$(VENV))

$(AUDIT):
	$(call venv,.venv-audit)
	@.venv-audit/bin/python -m pip install --quiet --no-input --disable-pip-version-check pip-audit

$(COSMIC):
	$(call venv,.venv-mutants)
	@.venv-mutants/bin/python -m pip install --quiet --no-input --disable-pip-version-check cosmic-ray

$(UV):
	$(call venv,.venv-uv)
	@.venv-uv/bin/python -m pip install --quiet --no-input --disable-pip-version-check uv
