# How a stranger starts, tests and keeps Kho Số. `make` alone lists the targets.
# Nothing is installed that a lock does not name with its hash: from requirements/*.txt into .venv, with Node among it, and
# by that Node from web/package-lock.json into web/node_modules.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin

# The distribution's own first: it is built with profiles, which a locally built one rarely is, and runs a third faster.
CANDIDATES := /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11
PYTHON_FITS := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach p,$(CANDIDATES),$(shell $(p) -c '$(PYTHON_FITS)' >/dev/null 2>&1 && echo $(p))))
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
INSTALL_LOCK := $(PIP) install --quiet --no-compile --require-hashes --no-deps --only-binary :all: --requirement
INSTALL_SELF := $(PIP) install --quiet --no-index --no-deps --no-build-isolation --editable .
LOCK := $(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --no-header $(UPGRADE)
NPM := web/npm $(BIN)/python
NPM_LOCK := web/package-lock.json web/package.json web/.npmrc $(wildcard web/*/package.json)
BUILT := src/khoso/pages/built/verify.js

# The slowest first: they run two at a time.
CHECKS := check-mypy check-basedpyright check-web check-imports check-style

# The development packages contain those of the demo: whoever has them needs no second installation.
INSTALLED := $(if $(wildcard $(VENV)/.dev),$(VENV)/.dev,$(VENV)/.demo)

# Packages are compiled at their first import. Where this is set they would be at every one, of every process.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check $(CHECKS) web bench bench-peers bench-memory fuzz soak films gallery lock system-packages clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{ printf "make %-16s %s\n", $$1, $$2 }'

demo: $(INSTALLED) $(BUILT) ## start everything on this machine, with papers to scan (ARGS="--port 9000")
	@$(BIN)/khoso demo $(ARGS)

test: check system-packages ## static checks, then all tests; full branch coverage where papers are made and judged
	@$(NPM) test --silent
	@$(BIN)/pytest --numprocesses=auto --maxprocesses=4 --cov --cov-report= $(ARGS)
	@$(BIN)/coverage report --show-missing --skip-covered --fail-under=100

# INSTALL=no asks it to leave the system alone.
system-packages:
	@tests/system-packages.sh

check: $(VENV)/.dev ## the static checks alone: style, types, who imports whom
	@$(MAKE) --no-print-directory --jobs=2 --output-sync $(CHECKS)

check-mypy:
	@$(BIN)/mypy --no-error-summary

check-basedpyright:
	@$(BIN)/basedpyright --level warning

check-web: web/node_modules/.dev
	@$(NPM) run --silent check
	@$(MAKE) --no-print-directory web

check-imports:
	@$(BIN)/lint-imports --no-cache >$(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }

check-style:
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet

web: $(BUILT) ## build the scripts of the pages into the package

# Each measures one thing on a PostgreSQL of its own, with fsync on. Those over HTTP want a load generator and, to compare
# with, a program for Node.
BENCHMARKS := verify rights qr bulk signers withdraw audit publish stolen_key
HTTP_BENCHMARKS := issue_http verify_http revocation outage cutoff

bench: $(VENV)/.dev ## measure; machines shared with others are noisy
	@for one in $(BENCHMARKS); do echo "== bench.$$one"; $(BIN)/python -m bench.$$one || exit 1; done
	@$(MAKE) --no-print-directory bench-peers

bench-peers: $(VENV)/.dev ## measure over HTTP, in one run with what a team would write instead
	@command -v wrk >/dev/null && command -v npm >/dev/null || \
	    { echo 'Left out: $(HTTP_BENCHMARKS). To run them: sudo apt-get install wrk npm'; exit 0; }; \
	(cd bench/peers/verify && npm ci --silent) && \
	for one in $(HTTP_BENCHMARKS); do echo "== bench.$$one"; $(BIN)/python -m bench.$$one || exit 1; done

bench-memory: $(VENV)/.dev ## ten million credentials: memory of a worker and seconds to start, about five minutes (COUNT=1000000 for a look)
	@$(BIN)/python -m bench.memory $(COUNT)

fuzz: $(VENV)/.dev ## a million damaged inputs for each parser, and requests to every route, about fifteen minutes (COUNT=20000 for a look)
	@$(BIN)/python -m bench.fuzz $(COUNT)
	@KHOSO_TEST_REQUESTS=100 $(BIN)/pytest -q tests/http/test_description.py

soak: $(VENV)/.dev ## ten thousand sequences of people who draft, approve and delegate at once, about twenty minutes (COUNT=100 for a look)
	@SEQUENCES=$(or $(COUNT),10000) $(BIN)/pytest tests/drafts/test_machine.py --timeout=0 -q

films: $(VENV)/.dev $(BUILT) ## every paper of the demonstration before the scanner's camera under every condition, about four minutes
	@KHOSO_FILMS=whole $(BIN)/pytest tests/pages/test_films.py -q

gallery: $(VENV)/.dev $(BUILT) ## take the pictures of docs/gallery anew (needs Chromium; ARGS="account papers" takes some)
	@PYTHONPATH=tests $(BIN)/python -m gallery $(ARGS)

lock: $(VENV)/.dev ## write requirements/*.txt anew from pyproject.toml (UPGRADE=--upgrade takes newer releases)
	@$(LOCK) pyproject.toml --extra dev requirements/build.in --output-file requirements/dev.txt
	@$(LOCK) pyproject.toml --extra demo requirements/build.in --constraint requirements/dev.txt --output-file requirements/demo.txt
	@$(LOCK) pyproject.toml --constraint requirements/dev.txt --output-file requirements/runtime.txt
	@$(LOCK) requirements/build.in --constraint requirements/dev.txt --output-file requirements/build.txt

clean: ## remove the installed packages (.venv, web/node_modules), what was built, and every cache; data and keys stay
	@rm -rf $(VENV) web/node_modules web/*/build src/khoso/pages/built .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	@find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(BIN)/pip
	@$(INSTALL_LOCK) requirements/demo.txt
	@$(INSTALL_SELF)
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/pip
	@$(INSTALL_LOCK) requirements/dev.txt
	@$(INSTALL_SELF)
	@touch $@

web/node_modules/.dev: $(NPM_LOCK) | $(VENV)/.dev
	@$(NPM) ci
	@touch $@

$(BUILT): $(wildcard web/*/src/*.ts web/*/src/*/*.ts web/*/workers/*.ts) web/build.js $(NPM_LOCK) | $(INSTALLED)
	@[ web/node_modules/.dev -nt web/package-lock.json ] || $(NPM) ci --omit=dev
	@$(NPM) run --silent build

# ensurepip writes pip last: a venv without it was interrupted and is made anew.
$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "Kho Số needs Python 3.11 or newer with venv. Debian 12, Ubuntu 24.04 and later: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
