# The README's commands. `make` alone lists them.
PYTHON ?= python3
PYENV = $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/3.*/bin
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
export LOG_ENVIRONMENT ?= dev

.DEFAULT_GOAL := help
.PHONY: help install lock demo pictures docs pages walk demo-break run test test-newest coverage test-ordinary loguru-suite test-services test-packaging soak torture bench lint format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.11") if sys.version_info < (3, 11) else 0'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

install: $(VENV)/.installed ## Create .venv from the hash-pinned lock file

lock: ## Resolve pyproject.toml anew into requirements/*.lock (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --no-emit-index-url \
		pyproject.toml --all-extras --group service --group services --group dev --output-file requirements/dev.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --no-emit-index-url \
		pyproject.toml --all-extras --group service --group services --output-file requirements/service.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --no-emit-index-url \
		pyproject.toml requirements/bench.in --all-extras --group service --output-file requirements/bench.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --no-emit-index-url \
		--group docs --output-file requirements/docs.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --no-emit-index-url \
		requirements/loguru-suite.in --output-file requirements/loguru-suite.lock

demo: install ## The whole story: start everything, drive it over HTTP, check every promise
	$(BIN)/python -m mysite.demo

pictures: install ## Draw docs/pictures anew from what the last demo logged
	$(BIN)/python docs/pictures/draw.py

DOCS := .venv-docs

$(DOCS)/.installed: requirements/docs.lock
	@test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

docs: $(DOCS)/.installed ## Build the documentation's site into site/; a link that leads nowhere fails it
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --quiet
	@! grep -rlE '<(script|link|img)[^>]+(src|href)="?(https?:)?//' site --include '*.html' \
		|| { echo "these pages load something of another host"; exit 1; }
	@echo "site/index.html; with search: python3 -m http.server --directory site"

pages: install ## Make the parts of docs/reference anew that are made of the code
	$(BIN)/python docs/pages.py

walk: ## Type what the tutorials say in a fresh clone, and compare
	$(PYTHON) docs/walk.py

demo-break: install ## Watch the trail break: kill -9, a full disk, a flipped byte, a cut tail, a forged checkpoint
	$(BIN)/python examples/demo_break.py

run: install ## Web, worker and gateway with their log in this terminal, until Ctrl-C
	@$(BIN)/python -m mysite.run

test: install ## Run the tests on the embedded defaults (SQLite, filesystem broker)
	$(BIN)/python -m pytest -m "not services and not packaging and not torture and not soak" --numprocesses 2 --dist loadscope

test-newest: ## The same tests on the newest Python that is present, with the newest Django
	@for version in 14 13 12; do \
		for python in $$(command -v python3.$$version) $(PYENV)/python3.$$version; do \
			if $$python -c '' 2>/dev/null; then exec $(MAKE) test PYTHON=$$python VENV=.venv-newest; fi; \
		done; \
	done; echo "no Python newer than 3.11 is present: nothing to test beside make test"

test-ordinary: install ## The same tests on Loguru's own path, with the fast lane off
	TEST_FAST_LANE=off $(BIN)/python -m pytest -m "not services and not packaging and not torture and not soak" --numprocesses 2 \
		--dist loadscope --ignore tests/unit/test_fastlane.py --ignore tests/properties/test_fastlane_sameness.py

LOGURU_VENV := .venv-loguru

$(LOGURU_VENV)/.installed: requirements/loguru-suite.lock
	@test -x $(LOGURU_VENV)/bin/python || $(PYTHON) -m venv $(LOGURU_VENV)
	@$(LOGURU_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

loguru-suite: $(LOGURU_VENV)/.installed ## Loguru's own tests with the fast lane in place: make loguru-suite LOGURU=checkout
	@test -d "$(LOGURU)/tests" || { echo "LOGURU is '$(LOGURU)': name a checkout of Loguru at tag 0.7.3"; exit 2; }
	cd $(LOGURU) && PYTHONPATH=$(CURDIR)/tests/loguru_suite:$(CURDIR) $(CURDIR)/$(LOGURU_VENV)/bin/pytest \
		-p fastlane_in_place --ignore tests/typesafety tests

coverage: install ## Branch coverage of logkit by `make test`, with what its subprocesses run; names the gaps
	rm -rf var/coverage && mkdir -p var/coverage
	-$(BIN)/coverage run -m pytest -m "not services and not packaging and not torture and not soak" --numprocesses 2 --dist loadscope
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-services: install ## Run the tests that need PostgreSQL, Redis and RabbitMQ: found, or started
	$(BIN)/python -m pytest tests/services -m services --numprocesses 2 --dist loadscope

test-packaging: install ## Wheels in environments of their own; rsyslog and others that read our lines
	$(BIN)/python -m pytest -m packaging

soak: install ## Long load with kills: tasks on Redis and RabbitMQ, requests on every server
	$(BIN)/python -m pytest -m soak

torture: install ## Kills, full disks and random attacks, bounded in time; prints its seeds
	$(BIN)/python -m pytest -m torture -s

$(BENCH)/.installed: requirements/bench.lock
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/bench.lock
	@touch $@

bench: $(BENCH)/.installed ## Measure the promises side by side with other logging stacks: benchmarks/RESULTS.md
	$(BENCH)/bin/python -m benchmarks.results

lint: install ## ruff check, ruff format --check, logkit lint, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/logkit lint logkit mysite users messaging keeps
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## Let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove what runs and builds leave behind
	rm -rf var build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
