# Lodestream. `make` lists what there is. Needs Python 3.11 to 3.13, make, and the package registries.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p && break; done)
OUT ?= out/demo
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := service tests benchmarks deploy

.PHONY: help setup demo test lint types contracts unit integration faults evaluate benchmark lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed ## Make .venv with .venv/bin/lodestream and the embedded broker

demo: setup ## Run the main job over seeds/ on an embedded Kafka (OUT=DIR: where its files go)
	@$(BIN)/lodestream demo --out $(OUT)

test: lint types contracts unit integration ## Run all tests

lint: .venv/.tested ## Lint and formatting
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: .venv/.tested ## Static types
	$(BIN)/mypy

contracts: .venv/.tested ## Which package may import which
	$(BIN)/lint-imports --no-logo

unit: .venv/.tested .tools/prometheus ## Tests without a broker
	$(BIN)/python -m pytest tests/unit tests/deploy

integration: .venv/.tested ## Tests on a real Kafka, with real faults
	$(BIN)/python -m pytest tests/integration tests/faults --durations=15 --durations-min=20

faults: .venv/.tested ## Long runs of faults on three brokers (FAULTS=n, SEED=n)
	$(BIN)/python -m pytest tests/faults -m long -s --show-capture=no

evaluate: .venv/.tested ## Cleaning against right answers (DATA=DIR, SHOW=NAME)
	$(BIN)/python -m benchmarks.evaluate $(if $(DATA),--data $(DATA)) $(if $(SHOW),--show $(SHOW))

benchmark: .venv/.tested ## Speed, as ratios in one run (see benchmarks/)
	$(BIN)/python -m benchmarks

lock: ## Write the lock files anew (needs uv)
	uv pip compile $(LOCK) pyproject.toml --extra setup --extra broker -o requirements/run.txt
	uv pip compile $(LOCK) pyproject.toml --extra setup --extra broker --extra dev -c requirements/run.txt -o requirements/dev.txt
	uv pip compile $(LOCK) pyproject.toml -c requirements/run.txt -o requirements/service.txt
	echo hatchling | uv pip compile $(LOCK) -c requirements/run.txt - -o requirements/build.txt
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate

clean: ## Remove what the commands above made in this folder
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .tools out

# Each stamp says that what it depends on is installed as it stands now.
.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.13 is needed; none was found"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "Python 3.11 to 3.13 is needed; $(PYTHON) is $$($(PYTHON) --version)"; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python pyproject.toml requirements/run.txt
	@echo "installing the service and the embedded broker"
	@$(PIP) install --no-deps --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.tested: .venv/.installed requirements/dev.txt
	@echo "installing the tools of the tests"
	@$(PIP) install --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

# Prometheus comes from Debian; where there is no apt, its tests say that they are left out.
.tools/prometheus:
	@deploy/prometheus/fetch.sh || test "$$CI" != true
