# Watchhouse: every command of the house. `make` alone lists them.
# Needs make and Python 3.11 or newer; everything else goes into .venv.

.DEFAULT_GOAL := help
SHELL := /bin/sh

PORT ?= 8080
HOME_DIR ?= hub
DATA ?=
RECIPE ?= configs/train/minilm.yaml
OUT ?= runs/minilm

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
ROOMS := model training serve labelling doors
CODE := $(ROOMS) watchhouse.py tests

.PHONY: help run test lint stress bench bench-queue train evaluate screenshot clean

help: ## List the commands
	@echo "Watchhouse. Commands:"
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)$$/  make \1|\2/' \
	  | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'
	@echo
	@echo "Variables: PORT=$(PORT) HOME_DIR=$(HOME_DIR) PYTHON=... DATA=... RECIPE=$(RECIPE) OUT=$(OUT)"

run: $(VENV)/.base ## Start a hub with a sample feed and one sign-in per role (PORT, HOME_DIR)
	@$(BIN)/watchhouse demo --home "$(HOME_DIR)" --port "$(PORT)"

# Two runs: what starts servers, kills them or drives a browser would be disturbed by company.
test: lint ## Run everything: linters, types, import contracts, tests, examples in docstrings
	$(BIN)/pytest -n 2 -m "not kill and not browser" --doctest-modules --ignore=serve/storage/migrations tests $(ROOMS)
	$(BIN)/pytest -n 0 -m "kill or browser"

lint: $(VENV)/.dev ## Only the checks that run no product code
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

stress: $(VENV)/.dev ## 32 officers, 10,000 cases, 200 kills on each database; prints what happened
	WATCHHOUSE_STRESS=true $(BIN)/pytest -n 0 -q tests/integration/test_fencing.py

bench: $(VENV)/.dev ## Measure `watchhouse score`: posts a second, start-up, memory
	$(BIN)/python tests/benchmarks/bench_score.py

bench-queue: $(VENV)/.dev ## Measure claims and decisions a second on a PostgreSQL of its own, at three backlogs
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/bench_queue.py

train: $(VENV)/.dev ## Train a bundle: make train DATA=DIR [RECIPE=FILE] [OUT=DIR]
	@test -n "$(DATA)" || { echo "make train: say where the data is, e.g. make train DATA=../data (docs/data.md)"; exit 2; }
	$(BIN)/watchhouse train --recipe "$(RECIPE)" --data "$(DATA)" --out "$(OUT)"

evaluate: $(VENV)/.dev ## Print the figures of the shipped bundle: make evaluate DATA=DIR
	@test -n "$(DATA)" || { echo "make evaluate: say where the data is, e.g. make evaluate DATA=../data (docs/data.md)"; exit 2; }
	$(BIN)/watchhouse evaluate --data "$(DATA)"

screenshot: $(VENV)/.dev ## Take docs/images/case.png again, in real Chromium
	$(BIN)/python tests/browser/take_readme_picture.py

clean: ## Remove .venv, caches and build output; hubs and training runs stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis test-screenshots
	find model training serve labelling doors tests -name __pycache__ -type d -prune -exec rm -rf {} +

# One virtual environment, made with the first Python that is new enough and has venv and pip inside.
# 3.11 first: it is the version that the tests run on. A command that exists may still not start
# (version managers leave such stubs), so each is asked.
$(BIN)/python:
	@for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python; do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "Making $(VENV) with $$candidate ($$("$$candidate" --version 2>&1))"; \
	    "$$candidate" -m venv $(VENV) && exit 0; \
	    echo "$$candidate could not make $(VENV); see above."; exit 1; \
	  fi; \
	done; \
	echo "Watchhouse needs Python 3.11 or newer, with its venv and pip modules. None was found on PATH."; \
	echo "Debian or Ubuntu: apt-get install python3 python3-venv. Or name one: make run PYTHON=/path/to/python3.11"; \
	exit 1

# The stamps: reinstall only when pyproject.toml changes.
$(VENV)/.base: pyproject.toml | $(BIN)/python
	@echo "Installing Watchhouse (no torch) into $(VENV); a minute or two"
	@$(PIP) -e .
	@touch $@

# torch is named in the same command as what depends on it: left to the resolver, the registry's
# CUDA build of several GB would arrive instead of the pinned one.
$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing Watchhouse with everything that the tests need into $(VENV); some minutes"
	@$(PIP) torch==2.13.0 -e '.[dev]'
	@touch $@ $(VENV)/.base
