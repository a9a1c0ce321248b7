# Everything a newcomer needs: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# How many tests run at the same time: as many as there are cores, but no more than eight.
PYTEST_WORKERS ?= logical
# How many slow tests run at the same time; 0: one, in the process of pytest itself.
SLOW_WORKERS ?= 0
# Other versions of Python, and the tests that are run under each.
PYTHONS ?= python3.12 python3.13 python3.14
OF_PYTHON := lake queries sql decode upgrades test_settings.py orchestration/test_definitions.py \
  orchestration/automation/test_schedules.py cli/test_refresh.py
# How many combinations of faults `make faults` tries, and the first of them.
COUNT ?= 1000
FIRST ?= 0
AZURITE := 3.37.0
# A worker starts with a row of neighbouring tests and takes from the others when it is through: module fixtures are
# made once or twice, and no worker waits for a long module.
PARALLEL := --numprocesses $(PYTEST_WORKERS) --maxprocesses 8 --dist worksteal
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo dev serve test coverage test-slow pythons azurite faults day bench guard lint format check docs answers site wheel snapshot pictures clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) (a minute or so) …"
	$(INSTALL) --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(INSTALL) --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed ## a simulated tenant, all the way into Parquet
	@$(BIN)/defender-assets demo

dev: $(VENV)/.installed ## the Dagster UI on the tenant of your settings
	@mkdir -p -m 700 .dagster && { test -e .dagster/dagster.yaml || cp defender_assets/orchestration/dagster.yaml .dagster; }
	@DAGSTER_HOME=$(CURDIR)/.dagster PYTHONWARNINGS='ignore:Function `dev_command`' $(BIN)/dagster dev

serve: $(VENV)/.installed ## Dagster on this machine for good: daemon and UI, history in .dagster
	@$(BIN)/defender-assets serve

test: $(VENV)/.installed-dev ## the test suite, on every core (PYTEST_WORKERS=1: one)
	$(BIN)/python -m pytest -m "not slow" $(PARALLEL) $(PYTEST_OPTIONS)

coverage: PYTEST_OPTIONS += --cov --cov-report term
coverage: test ## the same, and which lines and branches it went through

# Most of them wait: for a daemon's next look, for a table to be late. Those that are marked "alone" come after the others.
test-slow: $(VENV)/.installed-dev ## the slow tests alone, one after the other (SLOW_WORKERS=2: two side by side)
	@status=0; \
	$(BIN)/python -m pytest -m "slow and not alone" --numprocesses $(SLOW_WORKERS) --dist loadfile $(PYTEST_OPTIONS) || status=$$?; \
	$(BIN)/python -m pytest -m "slow and alone" $(PYTEST_OPTIONS) || status=$$?; \
	exit $$status

# What depends on Python and its libraries more than on the service. A version that cannot be run here is named, with why.
pythons: ## a part of the suite under Python 3.12, 3.13 and 3.14, as far as they are on this machine
	@ran=; for python in $(PYTHONS); do \
	  why=$$($$python -c '' 2>&1) || { echo "$$python: not run: $$why"; continue; }; \
	  ran="$$ran $$python"; echo "$$python:" && $$python -m venv build/pythons/$$python \
	  && build/pythons/$$python/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev-without-spark]' \
	  && build/pythons/$$python/bin/python -m pytest -m "not slow" $(PARALLEL) $(addprefix defender_assets_tests/,$(OF_PYTHON)) \
	  || exit 1; \
	done; echo "Run under:$${ran:- none of them}."

azurite: build/azurite/node_modules/.bin/azurite-blob ## Azure's storage emulator (npm), for the tests of lakes there

build/azurite/node_modules/.bin/azurite-blob:
	npm install --silent --no-audit --no-fund --prefix build/azurite azurite@$(AZURITE)

faults: $(VENV)/.installed-dev ## random combinations of faults: is what is published the truth? (COUNT=1000 FIRST=0)
	$(BIN)/python -m defender_assets_tests.faults.company $(COUNT) --first $(FIRST)

day: $(VENV)/.installed-dev ## a day in fast motion: the daemon against a changing tenant (minutes)
	$(BIN)/python -m benchmarks.day

bench: $(VENV)/.installed-dev ## measure, beside peers and floors, into docs/performance.md (BENCH="--full": more)
	$(BIN)/python -m benchmarks $(BENCH)

guard: $(VENV)/.installed-dev ## have calls, bytes or peak memory grown against the kept baseline? (two minutes)
	$(BIN)/python -m benchmarks.guard

lint: $(VENV)/.installed-dev ## lint, format check, type check, import rules, dead code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m defender_assets_tests.rules.dead_code

format: $(VENV)/.installed-dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: azurite lint coverage test-slow guard pythons ## everything CI runs

docs: $(VENV)/.installed ## write data dictionary, permissions, settings and the policy's schema from their declarations
	$(BIN)/python -m defender_assets.catalog.page docs
	$(BIN)/python -m defender_assets.queries.dictionary docs
	$(BIN)/python -m defender_assets.settings.page docs
	$(BIN)/python -m defender_assets.compliance.policy.schema docs
	$(BIN)/python -m defender_assets.compliance.policy.page docs

site: $(VENV)/.installed-dev ## the documentation as a site, in site/ (no network; a broken link is an error)
	$(BIN)/zensical build --strict --clean

answers: $(VENV)/.installed ## ask the demo's lake every named question, and keep the answers for the data dictionary
	$(BIN)/python -m defender_assets.queries.dictionary docs demo/lake

wheel: $(VENV)/.installed ## the package as a wheel, in dist/
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

snapshot: $(VENV)/.installed-dev ## write the snapshot of the definition set, lineage and record of columns, to be reviewed
	$(BIN)/python -m defender_assets_tests.compliance.lineage
	$(BIN)/python -m defender_assets_tests.orchestration.snapshot
	$(BIN)/python -m defender_assets_tests.upgrades.columns

pictures: $(VENV)/.installed-dev ## take the README's pictures anew (needs Chromium)
	PICTURES=$(CURDIR)/docs/pictures $(BIN)/python -m pytest -m browser

clean: ## remove the environment and what the demo wrote
	rm -rf $(VENV) demo

.PHONY: constraints
constraints: ## pin every package anew, from what the newest ones that fit are
	rm -rf build/pins && $(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	build/pins/bin/python -m pip freeze --exclude-editable --disable-pip-version-check | grep -v ' @ ' > constraints.txt
	rm -rf build/pins
