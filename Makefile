# Two commands need nothing but Python 3.11 or newer, git and make: `make demo` and `make test`.

# The first interpreter that is new enough; `make PYTHON=… test` names another.
PYTHON ?= $(shell for one in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$one; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PATH := $(abspath $(BIN)):$(PATH)

# JUNIT=folder keeps the results of each run of the tests as an XML file there.
report = $(if $(JUNIT),--junitxml=$(JUNIT)/$(1).xml)
PYTEST = $(BIN)/python -m pytest
WORKERS ?= 2
BROWSER_MODULES ?= .work/browser
BROWSER_READY = $(BROWSER_MODULES)/node_modules/axe-core/package.json

.DEFAULT_GOAL := help
.PHONY: help demo test quick slow corpus interop browser lint types docs bench campaign screenshots wheel env clean

help:  ## tell what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml scripts/environment.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found; name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) scripts/environment.py $(VENV)
	@touch $@

$(BROWSER_READY):
	@npm install --no-audit --no-fund --loglevel=error --prefix $(BROWSER_MODULES) playwright-core@1 axe-core@4

env: $(READY)  ## make the environment in .venv

demo: $(READY)  ## a small agent is killed in the middle of a turn, resumes, and nothing is lost
	@$(BIN)/python scripts/demo.py

test: quick slow  ## all tests that need neither the shared folder nor a real Codex

quick: $(READY)  ## the quick part of them
	@$(PYTEST) -n $(WORKERS) -m "not slow and not corpus and not codex" $(call report,quick) $(PYTEST_FLAGS)

slow: $(READY)  ## the rest of them
	@$(PYTEST) -n $(WORKERS) -m "slow and not corpus and not codex" $(call report,slow) $(PYTEST_FLAGS)

corpus: $(READY)  ## tests over real homes (ROLLOUT_SHARED, or ../shared)
	@$(PYTEST) -n $(WORKERS) -m "corpus and not codex" $(call report,corpus) $(PYTEST_FLAGS)

interop: $(READY)  ## tests beside real Codex binaries (CODEX_BINARIES)
	@$(PYTEST) -n $(WORKERS) -m codex $(call report,interop) $(PYTEST_FLAGS)

browser: $(READY) $(BROWSER_READY)  ## tests in a real browser (Chromium, node and npm)
	@BROWSER_MODULES=$(abspath $(BROWSER_MODULES)) PYTHON=$(abspath $(BIN)/python) node --test --test-concurrency=1 \
		--test-reporter=spec --test-reporter-destination=stdout \
		$(if $(JUNIT),--test-reporter=junit --test-reporter-destination=$(JUNIT)/browser.xml) $(or $(BROWSER_TESTS),$(sort $(wildcard tests/browser/*.test.mjs)))

lint: $(READY)  ## ruff
	@$(BIN)/ruff check .

types: $(READY)  ## mypy and basedpyright, both strict
	@$(BIN)/mypy
	@$(BIN)/basedpyright

docs: $(READY)  ## links, code blocks, commands and pasted help in the documents
	@$(BIN)/python scripts/cli_reference.py --check
	@$(PYTEST) tests/test_docs.py tests/test_examples.py tests/test_public_api.py $(call report,docs) $(PYTEST_FLAGS)

bench: $(READY)  ## every benchmark, each against its baseline
	@$(BIN)/python benchmarks/run.py $(BENCH_FLAGS)

campaign: $(READY)  ## the long run of the fault tests: kills, failing calls, two writers
	@CAMPAIGN=full $(PYTEST) tests/campaign $(call report,campaign) $(PYTEST_FLAGS)

screenshots: $(READY) $(BROWSER_READY)  ## draw the commands' output and the pages into docs/screenshots
	@$(BIN)/python scripts/screenshots.py
	@BROWSER_MODULES=$(abspath $(BROWSER_MODULES)) PYTHON=$(abspath $(BIN)/python) node scripts/screenshots_web.mjs

wheel: $(READY)  ## build the wheel into dist/
	@$(BIN)/python -m build --wheel --outdir dist .

clean:  ## remove the environment and everything that was made
	rm -rf $(VENV) .work build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
