# Each target sets up .venv by itself, from the versions pinned in constraints.txt; a second call is quick.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready
ARGS ?=

.PHONY: help demo test proofs check reference clean

help:
	@echo 'make demo    the program at work on an embedded sky (ARGS="--for 30s" to end by itself)'
	@echo 'make test    the tests'
	@echo 'make proofs  the slower tests: processes that are killed, long nights'
	@echo 'make check   style, types, floors and documentation'
	@echo 'make reference  write the generated pages of docs/reference anew'

demo: $(READY)
	@$(BIN)/ampel-watch demo $(ARGS)

test: $(READY)
	$(BIN)/python -m pytest -n auto -m 'not slow' $(ARGS)

proofs: $(READY)
	$(BIN)/python -m pytest -m slow $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/docs

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo 'ampel-watch needs Python 3.11 or later; none was found'; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)

reference: $(READY)
	$(BIN)/python docs/reference/generate_configuration.py
	$(BIN)/python docs/reference/generate_commands.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache build dist
