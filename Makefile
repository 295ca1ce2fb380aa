# The front door of the lab. `make` alone lists the targets.
#
# Every target works on a machine with git, make and Python 3.11 or newer; the environment is made in
# .venv when it is missing or pyproject.toml has changed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
# The targets share one engine and one topology.
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
LAB := $(BIN)/lab
STATE := .lab
READY := $(VENV)/.ready
# Which Python makes the environment: make lab PYTHON=/opt/python/bin/python3.12
PYTHON ?=
# Cases, documents or options for `lab run`: make lab RUN="CASE ..."
RUN ?=
# More options for each pytest: make unit OPTIONS="-k chain -x"
OPTIONS ?=
PYTEST := $(BIN)/python -m pytest $(OPTIONS)
# Unit tests use every processor. Others wait as well: of those so many processes, or labs, are side by side.
UNIT := tests/unit -n auto --dist=loadfile
LABS ?= 3
INTEGRATION := tests/integration -n $(LABS) --dist=loadfile

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## list the targets
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18
	@echo "What else a target takes stands above it in the Makefile."

.PHONY: lab
lab: $(READY) ## environment, engine, images, topology, all cases, a summary
	@$(LAB) engine start
	@$(LAB) run $(RUN)

.PHONY: field
field: $(READY) ## the third document, "FTPS in the field": its images, its cases
	@echo "== the cases of the field"
	@$(LAB) engine start
	@$(LAB) run --document field

.PHONY: field-tables
field-tables: $(READY) ## every FTP client against every server: docs/field/README.md
	@$(LAB) engine start
	@$(LAB) run --document field || [ $$? = 1 ] # the page says which claims a surprise refutes
	@$(BIN)/python -m tools.field

.PHONY: test
test: lint unit integration end-to-end field ## what CI runs: lint, unit, integration, end-to-end, field

.PHONY: explain-index
explain-index: $(READY) ## what `lab explain` starts with, after a change of its tables
	@$(BIN)/python -m lab.explain.index

.PHONY: lint
lint: $(READY) ## linters and types alone
	@echo "== ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "== mypy"
	@$(BIN)/mypy
	@echo "== hadolint"
	@$(MAKE) --no-print-directory lint-dockerfiles

.PHONY: unit
unit: $(READY) | $(STATE) ## the unit tests alone: each within one process
	@echo "== unit tests"
	@$(PYTEST) $(UNIT) --junit-xml=$(STATE)/junit-unit.xml

.PHONY: integration
integration: $(READY) | $(STATE) ## tests that start programs, or read all recordings; no engine
	@echo "== integration tests"
	@$(PYTEST) $(INTEGRATION) --junit-xml=$(STATE)/junit-integration.xml

.PHONY: end-to-end
end-to-end: $(READY) | $(STATE) ## end-to-end tests, and the cases of both documents as tests
	@echo "== end-to-end tests and cases"
	@$(LAB) engine start
	@$(PYTEST) tests/e2e scenarios --ignore=scenarios/field -n $(LABS) --junit-xml=$(STATE)/junit.xml

.PHONY: coverage
coverage: $(READY) ## how much of lab/ is run without an engine, with branches
	@$(BIN)/python -m pytest tests/unit $(INTEGRATION) -q --cov --cov-report=term:skip-covered

# Examples of each property a round; with SECONDS rounds go on until the time is over.
EXAMPLES ?= 2000

# ONLY="WORD ...": some of them.
.PHONY: faults
faults: $(READY) ## put known faults into copies: do end-to-end tests notice?
	@$(LAB) engine start
	@$(BIN)/python -m tools.faults $(ONLY)

.PHONY: fuzz
fuzz: $(READY) ## feed every reader spoilt input, new each time
	@until=$$(( $$(date +%s) + $(or $(SECONDS),0) )); while :; do \
	  LAB_FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/unit/test_fuzz_*.py --timeout=0 || exit 1; \
	  [ $$(date +%s) -lt $$until ] || break; done

.PHONY: lint-dockerfiles
lint-dockerfiles:
	@if [ ! -x $(BIN)/hadolint ]; then \
	  echo "hadolint is not in the environment: the Dockerfiles are not checked"; exit 0; fi; \
	files=$$(find compose -type f \( -name 'Dockerfile' -o -name 'Dockerfile.*' -o -name '*.Dockerfile' \) | sort); \
	if [ -z "$$files" ]; then echo "no Dockerfile below compose/"; exit 1; fi; \
	echo "checking" $$files; $(BIN)/hadolint $$files

.PHONY: up
up: $(READY) ## start the topology and leave it running
	@$(LAB) engine start
	@$(LAB) up

.PHONY: down
down: $(READY) ## remove all containers and networks that this checkout left
	@$(LAB) down

# BASELINE=FOLDER: this checkout beside that one; with TESTS=COMMIT the tests of both, of ours those that stood at
# the commit. DEMOS=1: demonstrations and an exercise.
.PHONY: bench
bench: $(READY) ## what an attempt costs, or what differs from another checkout
	@$(LAB) engine start
	@$(BIN)/python -m tools.bench $(if $(BASELINE),--baseline "$(BASELINE)") $(if $(TESTS),--tests "$(TESTS)") $(if $(DEMOS),--demos)
	@$(if $(BASELINE)$(DEMOS),true,$(BIN)/python tools/language_bench.py)

.PHONY: transcripts
transcripts: $(READY) ## record anew what the programs say, for tests of dialects
	@$(LAB) engine start
	@$(BIN)/python -m tests.transcripts.record

# TEXTS="--release NAME ...": other releases; images of 2 GB each.
.PHONY: explain-texts
explain-texts: $(READY) ## record what programs say of known defects, for `lab explain`
	@$(LAB) engine start
	@$(BIN)/python -m tests.explain.record $(TEXTS)

# Known and held-out texts apart. MEASURE="--held-out NAME": only the figures of a held-out batch.
.PHONY: explain-measure
explain-measure: $(READY) ## how often `lab explain` is right: docs/explain.md
	@$(BIN)/python -m tests.explain.measure $(or $(MEASURE),--write)

.PHONY: own-inputs
own-inputs: $(READY) ## try all inputs of tests/own_inputs: docs/own-inputs.md
	@$(BIN)/python -m tools.own_inputs --write

# BASELINE=FOLDER: beside another checkout's. SINCE=COMMIT: what is left of its lines.
.PHONY: house
house: $(READY) ## count files and lines, room by room
	@$(BIN)/python -m tools.house $(if $(BASELINE),--baseline $(BASELINE)) $(if $(SINCE),--since $(SINCE))

.PHONY: suites
suites: $(READY) ## the table of cipher suites, from the TLS libraries in images
	@$(LAB) engine start
	@$(BIN)/python -m tools.suites

.PHONY: engines
engines: $(READY) ## is the network sealed on newer engines? (root, Debian, Ubuntu)
	@$(LAB) engine start
	@$(BIN)/python -m tests.engines.seal

# ROUNDS=N: another number.
.PHONY: soak
soak: $(READY) ## all cases 50 times: does anything flip?
	@$(LAB) engine start
	@$(LAB) soak --rounds $(or $(ROUNDS),50)

.PHONY: doctor
doctor: $(READY) ## say what this machine lacks, changing nothing
	@$(LAB) doctor

.PHONY: engine
engine: $(READY) ## find the container engine, or as root install and start one
	@$(LAB) engine start

.PHONY: engine-stop
engine-stop: $(READY) ## stop it, if this checkout started it and nobody else uses it
	@$(LAB) engine stop

.PHONY: clean
clean: ## remove what this checkout left: its topology, .lab and .venv
	@if [ ! -x $(LAB) ]; then \
	  echo "clean: there is no environment, so only files are removed"; \
	elif ! $(LAB) status >/dev/null 2>&1; then \
	  echo "clean: no engine answers, so only files are removed"; \
	elif ! $(LAB) down; then \
	  echo "clean: 'lab down' failed, see above; containers and networks of this checkout may be left." >&2; \
	  echo "  What to do: run make clean again; or give them up: rm -rf .lab .venv" >&2; exit 1; \
	fi
	@rm -rf $(STATE) $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info build
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

$(STATE):
	@mkdir -p $@

# The environment. The stamp is written last, so an interrupted installation is done again.
$(VENV): $(READY)

$(READY): pyproject.toml tools/environment
	@tools/environment $(VENV) "$(PYTHON)"
	@touch $@
