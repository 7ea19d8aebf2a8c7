# `make` prints what there is. Nothing here needs more than Python 3.11, make and a
# package index; everything is installed in environments inside this folder.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Another interpreter: make PYTHON=python3.13 test
PYTHON ?= python3
# More for a command: make demo ARGS=--headless
ARGS ?=
# Only tests whose name contains this: make unit k=aws
k ?=
# Test processes
JOBS ?= 2
# A file stays in one process, with what its tests share; files in the order of
# tests/conftest.py, which begins with the long ones.
BY_FILE := --dist loadfile --no-loadscope-reorder
SQL := dbt_project/models dbt_project/tests
WORKSPACE ?= build/demo
PORT ?= 8501
DOCKER ?= docker
DOCKERFILE ?= Dockerfile
BASE_TAG := python:3.11-slim

# Those that take a minute go beside the tests, the others before them. They leave the
# cores to the tests, and take what is left while these wait for servers and browsers.
SLOW_CHECKS := types sql
AT_LEISURE := nice -n 19
QUICK_CHECKS := lint imports spelling
LINT_SQL = $(AT_LEISURE) $(BIN)/python .ci/lint_sql.py lint --nocolor --processes $(JOBS)
# Beside each other, each says at once what it says; else it waits until it has ended.
BESIDE_EACH_OTHER = --no-print-directory --jobs $(JOBS)
IN_PARALLEL = $(BESIDE_EACH_OTHER) --output-sync

BIN := .venv/bin
UV := $(BIN)/uv
READY := .venv/.ready
# What using triptych needs, without the tools that prove it; .venv becomes the larger
# one with the first target that needs it. Of its ten thousand files a demo imports two
# thousand, and compiles these itself, while it does other work.
RUNTIME := .venv/.runtime
USABLE := $(if $(wildcard $(READY)),$(READY),$(RUNTIME))
MOTO := .venv-moto/.ready
BQEMULATOR := .venv-bqemulator/.ready
PYSAIL := .venv-pysail/.ready
# Apache Spark goes into .venv itself, beside the dbt that asks it.
SPARK := .venv/.spark
MLFLOW := .venv-mlflow/.ready
BI := .venv-bi/.ready
METRICFLOW := .venv-metricflow/.ready
FOCUS_VALIDATOR := .venv-focus-validator/.ready
BOOTSTRAP := install --quiet --disable-pip-version-check --no-compile \
	--require-hashes --no-deps -r requirements/bootstrap.lock
CAUSAL_PEERS := tfcausalimpact causalpy bsts-causalimpact
COMPILE_LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --upgrade

export PYTHONHASHSEED ?= 0
export DO_NOT_TRACK := 1
# What tests need is installed without compiled files: they import a fifth of it, and what
# one process has compiled is there for the next one.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo dashboard test before-tests tests-and-checks test-ledger test-full tests check lint types types-full imports sql \
	sql-full spelling unit dbt mutants mutants-full spark crash recoveries fuzz focus-validator bench bench-models bench-attribution bench-dashboard bench-revisits causal-peers calibration cost-card discovery-card docs coverage pictures reference lengths words format environment emulators bi-clients azurite browser lock base-image pinned release clean

help:  ## Print this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^## / { printf "\n%s\n", substr($$0, 4) } \
	  /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nARGS=… adds to a command, k=… picks tests, JOBS=… test processes.\n'

## Use

demo: $(USABLE)  ## Simulate the sample company, run everything, open the dashboard
	$(BIN)/triptych demo $(WORKSPACE) $(ARGS)

dashboard: $(USABLE)  ## Open the dashboard of the demo, or of WORKSPACE=…
	$(BIN)/triptych dashboard --workspace $(WORKSPACE) --port $(PORT) $(ARGS)

## Prove

test: $(READY)  ## Everything that CI runs: each promise proved once
	$(MAKE) $(IN_PARALLEL) before-tests
	$(MAKE) $(BESIDE_EACH_OTHER) tests-and-checks

before-tests: $(MOTO) $(BQEMULATOR) browser $(QUICK_CHECKS)
tests-and-checks: tests $(SLOW_CHECKS)

test-ledger: $(READY)  ## Time `make test` in a clean clone of the last commit; writes tests/README.md
	$(BIN)/python -m tests.ledger

test-full: export TRIPTYCH_TEST_LAYER := full
test-full: $(READY)  ## All of it again, with real engines, crash campaigns, every screen
	$(MAKE) $(IN_PARALLEL) emulators browser $(QUICK_CHECKS)
	$(MAKE) $(BESIDE_EACH_OTHER) tests types types-full sql-full LAYER="-m '' --timeout 7200"

# A make that a test starts is alone. No plus: a dry run of a release would run them all.
tests: $(READY)
	env -u MAKEFLAGS -u MFLAGS -u ARGS $(BIN)/python -m pytest -n $(JOBS) $(BY_FILE) $(LAYER) $(ARGS)

check: $(SLOW_CHECKS) $(QUICK_CHECKS)  ## What needs no test run: style, types, layers, SQL, spelling

lint: $(READY)  ## Style of the Python code
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)  ## Types
	$(AT_LEISURE) $(BIN)/pyrefly check --output-format min-text

imports: $(READY)  ## Who imports whom
	$(BIN)/lint-imports --no-logo

types-full: $(READY)
	$(AT_LEISURE) $(BIN)/mypy

sql: $(READY)  ## Style of the SQL
	$(LINT_SQL) $(SQL)

sql-full: $(READY)
	$(LINT_SQL) --config .ci/sqlfluff/every_branch.cfg $(SQL)

spelling: $(READY)  ## Spelling
	$(BIN)/codespell

unit: $(READY)  ## Python tests by name: make unit k=aws
	$(BIN)/python -m pytest $(if $(k),-k '$(k)') $(ARGS)

dbt: $(READY)  ## Everything about the dbt project: rules of its manifest, unit tests, invariants
	$(BIN)/python -m pytest tests/dbt $(if $(k),-k '$(k)') $(ARGS)

mutants: $(READY) $(MOTO) $(BQEMULATOR)  ## Plant defects one by one, and see the tests of `make test` notice them
	$(BIN)/python -m tests.mutants $(ARGS)

mutants-full: $(READY) emulators browser  ## The same, by the tests of `make test-full`; all must be noticed
	$(BIN)/python -m tests.mutants --full $(ARGS)

spark: $(READY) $(PYSAIL) $(SPARK)  ## The same figures from Apache Spark itself: session, Connect, lost servers; needs Java 17
	$(BIN)/python -m pytest -m spark --timeout 3600 $(ARGS)

crash: $(READY)  ## Kill 500 commands, let disks, clocks and bits fail 200 times, see what is left; writes build/
	$(BIN)/python -m tests.campaigns.crash $(ARGS)

recoveries: $(READY)  ## Lose or set back raw.duckdb at 100 moments of a history with a closed month; writes build/
	$(BIN)/python -m tests.campaigns.recoveries $(ARGS)

fuzz: $(READY)  ## Read 1,500 hostile bills, invoices, events, manifests and settings; writes build/
	$(BIN)/python -m tests.campaigns.fuzz $(ARGS)

focus-validator: $(READY) $(FOCUS_VALIDATOR)  ## Judge our FOCUS export by the rules of FOCUS 1.2; needs Python 3.12
	$(BIN)/python -m pytest tests/acceptance/test_focus_conformance.py $(ARGS)

bench: $(READY) $(SPARK)  ## Measure estimates, and time 1 to 50 million line items against peers; writes build/
	$(BIN)/python -m benchmarks $(ARGS)

causal-peers: $(CAUSAL_PEERS:%=.venv-%/.ready)  ## Install three peers of before-and-after studies; three gigabytes

bench-models: $(READY)  ## A thousand models on thirty services, every day of three years: run, run again, restate a month
	$(BIN)/python -m benchmarks.many_models $(ARGS)

bench-attribution: $(READY)  ## Time studies beside those peers that are installed, and a thousand of them
	$(BIN)/python -m benchmarks.attribution_speed
	$(BIN)/python -m benchmarks.studies $(ARGS)

bench-dashboard: $(READY) browser  ## Pages of 50 million line items: the first one cold and warm, and 20 readers for half an hour
	$(BIN)/python -m benchmarks.dashboard $(ARGS)

bench-revisits: $(READY) browser  ## Each page of the demo in WORKSPACE=… again, beside a bare page of Streamlit
	$(BIN)/triptych demo $(WORKSPACE) --no-dashboard
	$(BIN)/python -m benchmarks.pages.revisits $(WORKSPACE) $(ARGS)

calibration: $(READY)  ## Count how often intervals of effects hold in simulated worlds; writes build/
	$(BIN)/python -m benchmarks.calibration $(ARGS)

cost-card: $(READY)  ## Count how often landings held and anomalies were found in known worlds; writes benchmarks/cost_card.json
	$(BIN)/python -m benchmarks.cost_card $(ARGS)

discovery-card: $(READY)  ## Count by money how well names on bills are read; ARGS="--publish again" writes benchmarks/names/card.json
	$(BIN)/python -m benchmarks.names.card $(ARGS)

coverage: $(READY) emulators browser  ## Tests with branch coverage; writes build/coverage/
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -n $(JOBS) $(BY_FILE) --cov --cov-report= $(ARGS)
	$(BIN)/coverage html --quiet && $(BIN)/coverage report

docs: export NO_MKDOCS_2_WARNING := 1
docs: $(READY)  ## Build the documentation into site/; a broken link fails
	$(BIN)/mkdocs build --strict --quiet

pictures: $(READY) browser  ## Take the pictures of pages again, of the demo in WORKSPACE=…
	$(BIN)/triptych demo $(WORKSPACE) --no-dashboard
	$(BIN)/python -m tests.docs.pictures $(WORKSPACE)

reference: $(READY)  ## Write the reference pages that are derived from the code
	$(BIN)/python -m tests.docs.reference_pages

lengths: $(READY)  ## List what is longer than we aim for; never fails
	@$(BIN)/python -m tests.architecture.lengths

words: $(READY)  ## List retired words and sentences that are too long
	@$(BIN)/python -m tests.architecture.words

## Change

format: $(READY)  ## Put code and SQL into their form
	$(BIN)/ruff check --fix --exit-zero --quiet
	$(BIN)/ruff format
	$(BIN)/sqlfluff fix --nocolor --quiet $(SQL) || true

lock: $(READY)  ## Resolve all dependencies anew into the lock files
	$(COMPILE_LOCK) pyproject.toml --group dev -o requirements.lock
	for name in bootstrap moto bqemulator pysail mlflow bi metricflow $(CAUSAL_PEERS); do \
	  $(COMPILE_LOCK) requirements/$$name.in -o requirements/$$name.lock; done
	$(subst 3.11,3.12,$(COMPILE_LOCK)) requirements/focus-validator.in \
	  -o requirements/focus-validator.lock
	$(COMPILE_LOCK) pyproject.toml --constraint requirements.lock \
	  -o requirements/runtime.lock
	$(COMPILE_LOCK) requirements/pyspark.in --constraint requirements.lock \
	  -o requirements/pyspark.lock
	sed -i.bak 's/ (pyproject.toml[^)]*)//' requirements.lock requirements/runtime.lock
	rm requirements.lock.bak requirements/runtime.lock.bak

base-image:  ## Pin the base image of the Dockerfile to what its tag is now; needs Docker and a network
	$(DOCKER) pull --quiet $(BASE_TAG)
	digest=$$($(DOCKER) image inspect --format '{{index .RepoDigests 0}}' $(BASE_TAG)) && \
	  sed -i.bak 's|^ARG BASE_IMAGE=.*|ARG BASE_IMAGE=$(BASE_TAG)@'"$${digest##*@}"'|' $(DOCKERFILE)
	rm $(DOCKERFILE).bak
	$(MAKE) --no-print-directory pinned

pinned:
	@grep -Eq '^ARG BASE_IMAGE=[^@]+@sha256:[0-9a-f]{64}$$' $(DOCKERFILE) || \
	  { echo '$(DOCKERFILE): the base image has no digest. "make base-image" looks it up.' >&2; exit 2; }

release: pinned test docs  ## Build the wheel and the source archive into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist

environment: $(READY) emulators browser  ## Install everything that the other targets need

clean:  ## Remove what was built; environments stay
	rm -rf build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# ------------------------------------------------------------------- environments

# A stamp is younger than the lock that the environment was made from.
# Without a stamp nothing in .venv is known to be whole: it is made anew.
# The pip of the interpreter fills it from outside, as unpacking another one takes seconds.
define BEGIN_VENV
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
  { echo 'triptych needs Python 3.11 or newer: make PYTHON=python3.11 …' >&2; exit 2; }
test -f $(READY) || test -f $(RUNTIME) || rm -rf .venv
rm -f $(READY) $(RUNTIME) $(SPARK)
test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
test -x $(UV) || if $(PYTHON) -c 'import pip' 2>/dev/null; \
  then $(PYTHON) -m pip --python $(BIN)/python $(BOOTSTRAP); \
  else $(BIN)/python -m ensurepip >/dev/null && $(BIN)/python -m pip $(BOOTSTRAP); fi
endef

$(RUNTIME): requirements/runtime.lock requirements/bootstrap.lock pyproject.toml
	$(BEGIN_VENV)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes \
	  -r requirements/runtime.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

# A stamp is younger than the lock that the environment was made from.
$(READY): requirements.lock requirements/bootstrap.lock pyproject.toml
	$(BEGIN_VENV)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

$(SPARK): requirements/pyspark.lock $(READY)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $<
	touch $@

emulators: $(SPARK) $(MOTO) $(BQEMULATOR) $(PYSAIL) $(MLFLOW) bi-clients

bi-clients: $(BI) $(METRICFLOW)  ## Install Superset, an old DuckDB and MetricFlow, for tests of what BI tools read; LibreOffice must be there

azurite: .venv-azurite/.ready  ## Install a Blob service for tests of the Azure connector; needs Node.js

.venv-azurite/.ready: Makefile
	npm install --silent --no-fund --no-audit --no-save --prefix .venv-azurite azurite@3.37.0
	touch $@

# It needs a younger Python than we do; whichever there is, none is downloaded. 3.12 goes
# first: no numpy of its age is built for a younger one, and building it takes minutes.
$(FOCUS_VALIDATOR): requirements/focus-validator.lock | $(READY)
	test -f $@ || rm -rf .venv-focus-validator
	rm -f $@
	test -x .venv-focus-validator/bin/python || $(UV) venv --quiet \
	  --no-python-downloads --python 3.12 .venv-focus-validator 2>/dev/null || $(UV) venv \
	  --quiet --no-python-downloads --python '>=3.12' .venv-focus-validator
	$(UV) pip sync --quiet --python .venv-focus-validator/bin/python --require-hashes $<
	touch $@

.venv-%/.ready: requirements/%.lock | $(READY)
	test -f $@ || rm -rf .venv-$*
	rm -f $@
	test -x .venv-$*/bin/python || $(UV) venv --quiet --python $(BIN)/python .venv-$*
	$(UV) pip sync --quiet --python .venv-$*/bin/python --require-hashes $<
	$(AFTER_$*)
	touch $@

# DuckDB looks for extensions below the home folder; this one stays in here.
AFTER_bqemulator = HOME=$(CURDIR)/.venv-bqemulator .venv-bqemulator/bin/python -c \
	"from duckdb_extensions import import_extension; import_extension('spatial')"

browser: $(READY)
	@$(BIN)/python -m tests.e2e.cases.find_browser
