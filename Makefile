# make demo | test | check | bench | soak: each sets up what it needs first.
# Looked for once, and only where an environment is made; `make PY=python3.12` names another.
ifndef PY
PY = $(eval PY := $(shell tests/interpreter))$(PY)
endif
LOCK ?= requirements-dev.lock
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

.PHONY: help setup packages demo test test-failed test-unit test-stores coverage check format bench clients soak docs wheel deb lock clean

help:
	@echo "make demo       a gateway with a sample CRM: mailings, a reply, a campaign, and a week of what comes back"
	@echo "make test       the whole suite (real Postfix, PostgreSQL and swaks where they can be had)"
	@echo "make test-unit  the part of it that works on values alone, in about a minute, with its coverage"
	@echo "make check      format, lint, types, spelling, import rules, lock files, links of pages, generated docs"
	@echo "make format     put the code in its usual form"
	@echo "make bench      the gateway beside its peers; writes docs/benchmarks.md"
	@echo "make clients    real mail libraries and mail servers before the gateway; writes docs/clients.md"
	@echo "make soak       the long form of the kill tests"
	@echo "make docs       write docs/config.md, docs/webhooks, tables of other pages, config/gateway.toml (unless it is your own), pictures of the console, and the site"
	@echo "make wheel      dist/: what pip installs, with templates, triggers, unit, alerts and pages; and its sources"
	@echo "make deb        dist/: a package for Debian and Ubuntu of that wheel: /opt, a user, a unit, a config"
	@echo "make lock       pin the newest allowed versions of all packages"
	@echo "make setup      .venv alone; LOCK=requirements.lock leaves the development tools out"
	@echo "make clean      remove .venv and everything made here"

setup: $(VENV)/.$(LOCK)

# What runs the gateway: an environment with development tools where there is one; else without them.
RUNS := $(or $(wildcard $(VENV)/.requirements-dev.lock),$(VENV)/.requirements.lock)

# A lock file is named by its stamp, so that a change of mind sets up anew.
$(VENV)/.%: % pyproject.toml
	@command -v $(PY) >/dev/null \
		|| { echo "The gateway needs Python 3.11 or newer; there is no $(PY)." >&2; exit 1; }
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "The gateway needs Python 3.11 or newer; $(PY) is older. Try: make PY=python3.12" >&2; exit 1; }
	@$(PY) -c 'import ensurepip' 2>/dev/null || tests/packages python3-venv
	@$(PY) -c 'import ensurepip' 2>/dev/null \
		|| { echo "$(PY) can't make environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV) from $< with $$($(PY) --version) of $$(command -v $(PY)) (a minute or two) …"
	@test -x $(BIN)/pip || $(PY) -m venv --clear $(VENV)
	@# By PEP 517 whatever pip comes with the interpreter: an older one leaves what has no wheel without
	@# the list of its files, or asks for more packages.
	@$(PIP) install -qq --require-hashes --no-deps --no-compile --use-pep517 -r $<
	@# Compiled on all processors, which pip doesn't, and meanwhile the gateway itself is installed;
	@# olefile has a file for Python 2 that can't be compiled.
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib gateway & \
		$(PIP) install -qq --no-deps --no-compile $(if $(findstring dev,$<),--no-build-isolation) -e .; \
		installed=$$?; wait; exit $$installed
	@$(PIP) -q check
	@touch $@

packages:
	@tests/packages

demo: $(RUNS)
	@$(BIN)/gateway demo

# test_architecture.py is run by `make check`. What works with stores, servers and gateways waits for
# them some of the time: four processes keep two cores busy, and more get in each other's way.
# The order is that of tests/conftest.py.
PYTEST := $(BIN)/pytest -q --dist loadfile --no-loadscope-reorder --ignore=tests/test_architecture.py
# What pytest makes of a test file is kept: to make it anew takes as long as the tests' own loading.
export PYTHONDONTWRITEBYTECODE :=
# Where no branch may be without a test.
FULLY_COVERED := rule shipped_rules classify decide burst note note_facts short_note envelope \
	address occurrence conditions due_times occurrence_facts birthday first_delivery qualification_end \
	qualification_expired qualification_expiring set_date status_changed submitted registry \
	notice_text reason suppressing why return_address

test: test-unit test-stores

test-unit: setup
	$(PYTEST) -n 2 --cov --cov-report= -m "unit and not soak"
	@$(MAKE) --no-print-directory coverage

coverage:
	@$(BIN)/coverage report --fail-under=100 --include="*/core/queue.py,*/core/signing.py,*/config/rules.py,$(shell echo '$(FULLY_COVERED:%=*/core/**/%.py)' | tr ' ' ,)"
	@$(BIN)/coverage report

test-stores: setup packages
	$(PYTEST) -n 4 -m "not unit and not soak"

test-failed: setup packages
	$(BIN)/pytest -q --last-failed --last-failed-no-failures none -m "not soak"

check: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -q tests/test_architecture.py tests/pages/test_text.py
	@$(BIN)/python -m tests.code_numbers

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup packages
	@$(BIN)/python -m benchmarks

clients: setup packages
	@$(BIN)/python -m tests.clients

soak: setup packages
	$(BIN)/pytest -q -m soak

docs: setup
	@$(BIN)/python -c 'from pathlib import Path; from gateway.config.documents import write_docs; write_docs(Path())'
	@$(BIN)/python -c 'from pathlib import Path; from gateway.api.schemas import write_webhook_schemas; write_webhook_schemas(Path("docs/webhooks"))'
	@echo "Wrote docs/config.md, docs/webhooks, tables in docs/rules.md and docs/triggers.md, and config/gateway.toml, unless it is a config of your own."
	@$(BIN)/python -m tests.screenshots
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Wrote the pages as a site: open site/index.html."

wheel: setup
	@$(BIN)/python -m build --no-isolation >/dev/null
	@ls dist/*

deb: wheel
	@PIP="$(abspath $(BIN)/python) -m pip" config/debian/build "$$(ls -t dist/*.whl | head -n 1)" dist
	@ls dist/*.deb

lock: setup
	@$(COMPILE) pyproject.toml -o requirements.lock
	@$(COMPILE) pyproject.toml --group dev -o requirements-dev.lock
	@echo "Wrote requirements.lock and requirements-dev.lock."

clean:
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -prune -exec rm -rf {} +
