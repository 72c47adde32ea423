# The two commands: `make run` and `make test`. The rest is for people who change things.
#   make run     the dashboard on an embedded server with demo queues, or on REDIS_URL when that is set
#   make test    every test; installs what they need, or says what is missing (ARGS="-k retry" to run a part)
#   make check   format, lint, types, import rules, templates, Lua: the fast half of what CI runs
#   make bench   the benchmarks
#   make words   collect the words of the pages, bring the catalogues of the languages up to date
#   make image   build the container image and run it, without Docker (Debian, root)

PYTHON ?= python3
BIN := .venv/bin
NPM_CI := npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error
NODE_PACKAGES := tests/interop/node_modules/.package-lock.json tests/browser/node_modules/.package-lock.json
DEFINITION := pyproject.toml hatch_build.py package.json package-lock.json

.PHONY: run test check bench words image setup programs
.DELETE_ON_ERROR:

run: .venv/installed static/vendor/htmx.min.js
	$(BIN)/board dev

# Templates first: each application that the tests make would compile them for itself.
test: setup
	@$(BIN)/python -m board.web.precompile
	$(BIN)/pytest --numprocesses=auto --dist=loadgroup $(ARGS)

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --quiet .
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/python -m tests.architecture.lua_lint
	@if [ -x $(BIN)/hadolint ]; then $(BIN)/hadolint Dockerfile; fi
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m bench

words: .venv/installed-dev
	$(BIN)/python -m board.dev.catalogues

image: .venv/installed-dev
	$(BIN)/python -m tests.build_image

setup: .venv/installed-dev static/vendor/htmx.min.js $(NODE_PACKAGES)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later, please: make PYTHON=python3.13" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/installed: $(DEFINITION) | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/installed-dev: $(DEFINITION) | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@ .venv/installed

# Gone after `git clean`; the build hook brings it back.
static/vendor/htmx.min.js: | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .

programs: | .venv/installed-dev
	@$(BIN)/python -m tests.prepare

%/node_modules/.package-lock.json: %/package-lock.json %/package.json | programs
	cd $* && $(NPM_CI)
	@touch $@
