# make demo | test | check | bench | soak: each sets up what it needs first.
PY ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup packages demo test test-unit test-system check format bench soak lock docs clean

help:
	@echo "make demo     a gateway with a sample CRM, one mailing and one mail, shown person by person"
	@echo "make test     the whole suite (real Postfix, PostgreSQL and swaks where they can be had)"
	@echo "make check    format, lint, types, import rules, spelling"
	@echo "make bench    the gateway beside its peers; writes docs/benchmarks.md"
	@echo "make soak     the long form of the kill tests"
	@echo "make lock     pin the newest allowed versions of all packages"

setup: $(VENV)/.ok

$(VENV)/.ok: requirements-dev.lock pyproject.toml
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "The gateway needs Python 3.11 or newer; $(PY) is older. Try: make PY=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PY) -m venv $(VENV)
	@echo "Setting up $(VENV) …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip --disable-pip-version-check check
	@touch $@
