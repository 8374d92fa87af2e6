# Needs make and a Python of 3.11 or later, nothing else: everything is put into .venv here.
# With Node.js and npm, the tests also run JavaScript clients; those go into tests/clients.
#   make run                    serve on this machine
#   make test ARGS="-k stop"    run the tests; ARGS go to pytest; WORKERS= for one process
#   make run PYTHON=python3.12  choose the Python that .venv is made with

PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq install
CLIENTS := tests/clients/node_modules
# One try: without a network, more of them only take longer.
NPM := npm ci --prefix $(dir $(CLIENTS)) --loglevel=error --prefer-offline \
  $(if $(CI),,--fetch-retries=0)
ARGS ?=
# Tests mostly wait, for each other's processes and for the disk: one worker more than a machine of
# two cores has is the fastest there. WORKERS= runs them in one process, in order.
WORKERS ?= -n 3 --dist loadfile

.PHONY: help run test bench lint clean

help:
	@echo "make run      install into $(VENV), make or upgrade the database, serve"
	@echo "make test     run the tests            (ARGS=... goes to pytest)"
	@echo "make bench    measure against a bare relay (ARGS=... goes to bench/run.py)"
	@echo "make lint     style, import rules, types"
	@echo "make clean    remove what was installed and caches; data/ stays"

# `exec` puts the server in the shell's place, so that what stops make stops it too, and politely.
run: $(VENV)/installed-run
	@$(BIN)/gateway migrate
	@exec $(BIN)/gateway serve

test: $(VENV)/installed-dev $(CLIENTS)/installed
	@exec $(BIN)/python -m pytest $(WORKERS) $(ARGS)

bench: $(VENV)/installed-run
	@exec $(BIN)/python bench/run.py $(ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(CLIENTS) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find adapters bench core gateway tests -name __pycache__ -prune -exec rm -rf {} +

# The first Python of the list that runs and is new enough. A name that merely exists is no proof:
# version managers keep stand-ins for the versions that are switched off.
# The folder is order-only: its date says nothing about what was installed.
$(BIN)/python:
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$("$$python" --version) ..."; \
	    "$$python" -m venv --clear $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	    echo "$$python cannot make a virtual environment." >&2; \
	    echo "On Debian and Ubuntu: apt install python3-venv" >&2; \
	    exit 1; \
	  fi; \
	done; \
	echo "Python 3.11 or later is needed; tried: $(PYTHONS)." >&2; \
	echo "Install one, or name yours: make PYTHON=/path/to/python3.12 ..." >&2; \
	exit 1

$(VENV)/installed-run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what it needs into $(VENV), once ..."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# All of requirements.lock is in requirements-dev.lock, in the same versions: this installs both.
$(VENV)/installed-dev: requirements-dev.lock requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what it and its tests need into $(VENV), once ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $(VENV)/installed-run $@

# Where that can't be, the tests that need them say so and are skipped; in CI it fails.
$(CLIENTS)/installed: tests/clients/package-lock.json tests/clients/package.json
	@if ! command -v node >/dev/null || ! command -v npm >/dev/null; then \
	  [ -z "$$CI" ] || { echo "In CI the tests need node and npm." >&2; exit 1; }; \
	else \
	  echo "Installing the JavaScript clients of the tests into $(CLIENTS), once ..."; \
	  if said=$$($(NPM) 2>&1); then \
	    touch $@; \
	  else \
	    echo "$$said" | head -n 4 >&2; \
	    [ -z "$$CI" ] || exit 1; \
	    echo "Not installed, so the tests do without them." >&2; \
	  fi; \
	fi
